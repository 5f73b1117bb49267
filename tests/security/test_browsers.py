"""A web page that somebody on this machine opens reaches nothing that is for this machine only."""

import pytest
from emulator_rig import InProcess, emulator
from gateway_rig import Rig, live

HOSTS = ["evil.example", "evil.example:8411", "127.0.0.1.evil.example", "localhost.evil.example"]
CROSS_SITE = [{"host": "127.0.0.1:8411", "origin": "http://evil.example"}]
REBOUND = [{"host": host} for host in HOSTS]


@pytest.mark.parametrize("headers", [*CROSS_SITE, *REBOUND, {"host": "["}, {"host": "127.0.0.1@x"}])
async def test_no_web_page_turns_an_emulators_controls(headers: dict[str, str]) -> None:
    app = emulator(warp=1.0)
    client = InProcess(app)
    plain = {"content-type": "text/plain", **headers}
    for path, body in (("warp", {"factor": 5.0}), ("fault", {"fault": "stall"}), ("status", None)):
        assert (await client.call(f"/emulator/{path}", body, headers=plain)).status == 403
    assert (app.clock.factor, app.failures.listed()) == (1.0, [])


@pytest.mark.parametrize("host", ["127.0.0.1:8411", "localhost:8411", "[::1]:8411", "127.0.0.1"])
async def test_this_machine_turns_them(host: str) -> None:
    app = emulator(warp=1.0)
    headers = {"content-type": "text/plain", "host": host}
    answer = await InProcess(app).call("/emulator/warp", {"factor": 5.0}, headers=headers)
    assert (answer.status, app.clock.factor) == (200, 5.0)


@live
@pytest.mark.parametrize(
    ("host", "status"),
    [(host, 403) for host in HOSTS]
    + [(host, 200) for host in ("127.0.0.1", "localhost:8400", "[::1]:8400", "[::1]")],
)
async def test_metrics_are_for_who_calls_this_machine_by_its_address(
    host: str, status: int
) -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(b"GET /metrics HTTP/1.1\r\nhost: %b\r\n\r\n" % host.encode())
        assert (await client.got()).status == status


@live
async def test_no_answer_lets_another_origin_read_it() -> None:
    async with Rig() as rig, rig.client() as client:
        for method in (b"OPTIONS", b"GET"):
            client.say(
                b"%b /v1/models HTTP/1.1\r\nhost: x\r\norigin: http://evil.example\r\n"
                b"access-control-request-method: POST\r\n\r\n" % method
            )
            got = await client.got()
            assert not [name for name in got.headers if name.startswith("access-control-")]
