"""Failing on demand: each failure as a client on the wire sees it, and who suffers it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from emulator_rig import MODEL, Answer, InProcess, Wire, chat, emulator, until

from tollway.emulator.app import Emulator
from tollway.emulator.failures import Failures, Order, parse_failure
from tollway.emulator.server import start
from tollway.errors import TollwayError


@pytest.fixture
def app() -> Emulator:
    return emulator()


@pytest.fixture
async def wire(app: Emulator) -> AsyncIterator[Wire]:
    async with start(app) as url:
        yield Wire(url)


async def _suffer(wire: Wire, fault: str, stream: bool = True) -> Answer:
    body = chat(max_tokens=8, stream=stream)
    return await wire.call("/v1/chat/completions", body, {"x-emulator-fault": fault})


async def test_without_a_fault_the_wire_ends_properly(wire: Wire) -> None:
    answer = await wire.call("/v1/chat/completions", chat(max_tokens=8, stream=True))
    assert answer.whole
    assert answer.events()[-1] == "[DONE]"


async def test_an_error_status_is_an_error_status(wire: Wire) -> None:
    answer = await _suffer(wire, "http-500")
    assert (answer.status, answer.json()["error"]["type"]) == (500, "server_error")
    answer = await _suffer(wire, "http-429; retry-after=2")
    assert (answer.status, answer.headers["retry-after"]) == (429, "2")
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_the_first_event_can_be_an_error(wire: Wire) -> None:
    answer = await _suffer(wire, "error-first")
    assert answer.status == 200
    assert answer.whole
    assert [list(json.loads(event)) for event in answer.events()] == [["error"]]
    assert "error" in (await _suffer(wire, "error-first", stream=False)).json()


@pytest.mark.parametrize("count", [0, 3])
async def test_a_cut_lets_exactly_n_content_chunks_out(wire: Wire, count: int) -> None:
    answer = await _suffer(wire, f"cut-after={count}")
    assert not answer.whole
    assert len([1 for one in answer.chunks() if one["choices"][0]["delta"].get("content")]) == count


async def test_a_cut_body_is_shorter_than_it_said(wire: Wire) -> None:
    answer = await _suffer(wire, "cut-after=3", stream=False)
    assert not answer.whole
    assert answer.body


async def test_a_malformed_event_comes_after_n_good_ones(wire: Wire) -> None:
    events = (await _suffer(wire, "malformed-after=2")).events()
    broken = [event for event in events[:-1] if not _is_json(event)]
    assert len(broken) == 1
    assert events.index(broken[0]) == 3
    assert not _is_json((await _suffer(wire, "malformed-after=2", stream=False)).body.decode())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("fault", ["stall-after=2", "stall"])
async def test_a_stall_says_nothing_more_until_the_client_leaves(
    app: Emulator, wire: Wire, fault: str
) -> None:
    reader, writer = await wire.send(
        "/v1/chat/completions", chat(max_tokens=8, stream=True), {"x-emulator-fault": fault}
    )
    seen = b""
    if fault != "stall":
        while seen.count(b"data: ") < 3:
            seen += await reader.read(4096)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    writer.close()
    await writer.wait_closed()
    pool = app.pools[MODEL]
    await until(lambda: not pool.replicas[0].load)
    assert pool.served == 0


async def test_a_rate_slows_one_stream(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await _suffer(wire, "rate=100")
    assert answer.whole
    assert loop.time() - began >= 8 / 100


async def test_headers_can_be_slow(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await _suffer(wire, "slow-headers=0.05")
    assert answer.events()[-1] == "[DONE]"
    assert loop.time() - began >= 0.05


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("cut-afte=3", 'Did you mean "cut-after"'),
        ("cut-after", "cut-after=3"),
        ("stall=3", "'stall'"),
        ("http-200", "400 to 599"),
        ("http-x", "400 to 599"),
        ("rate=0", "above zero"),
        ("rate=x", "not a number"),
        ("rate=nan", "not a number"),
        ("http-429; retry=2", "retry-after"),
    ],
)
def test_a_fault_that_is_not_one_is_refused_with_the_mend(fault: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        parse_failure(fault)


async def test_a_misspelt_header_is_a_400(wire: Wire) -> None:
    assert (await _suffer(wire, "nonsense")).status == 400


def test_a_share_is_spread_evenly() -> None:
    failures = Failures()
    failures.add(Order("http-500", share=1 / 3), now=0.0)
    struck = [failures.draw(MODEL, 0.0) is not None for _ in range(300)]
    assert sum(struck) == 100
    assert struck[:6] == [False, False, True] * 2


def test_a_count_and_seconds_and_a_model_bound_a_failure() -> None:
    failures = Failures()
    failures.add(Order("http-500", count=2), now=0.0)
    assert [failures.draw(MODEL, 0.0) is not None for _ in range(3)] == [True, True, False]
    failures.add(Order("http-500", seconds=5), now=10.0)
    assert failures.draw(MODEL, 14.9) is not None
    assert failures.draw(MODEL, 15.0) is None
    failures.add(Order("http-500", model="other"), now=20.0)
    assert failures.draw(MODEL, 20.0) is None
    assert failures.draw("other", 20.0) is not None


async def test_failures_are_turned_on_and_off_by_the_control() -> None:
    app = emulator()
    client = InProcess(app)
    async with app.running():
        order = {"fault": "http-503", "share": 0.5, "count": 10}
        assert (await client.call("/emulator/fault", order)).status == 200
        path, body = "/v1/chat/completions", chat(max_tokens=1)
        assert [(await client.call(path, body)).status for _ in range(4)] == [200, 503, 200, 503]
        status = (await client.call("/emulator/status")).json()
        assert status["faults"] == [{"fault": "http-503", "share": 0.5, "struck": 2}]
        await client.call("/emulator/fault", method="DELETE")
        assert [(await client.call(path, body)).status for _ in range(3)] == [200] * 3
        for bad in ({"fault": "no"}, {"fault": "stall", "share": 2}, {"faults": "stall"}):
            assert (await client.call("/emulator/fault", bad)).status == 400
