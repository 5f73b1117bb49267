"""The watch beside a gateway: it finds a changed model, takes it out, and forgets nothing."""

import asyncio
from pathlib import Path

import pytest
from bench.drift_power import Engine
from drift_rig import Gateway, engines

FLEET = """version = 1
[gateway]
listen = "127.0.0.1:PORT"
drain = "1s"
recording = "recording.jsonl"
{gateway}
[models.m]
[sources.a]
kind = "server"
url = "{a}"
[sources.a.serves.m]
upstream_model = "m-2026"
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[sources.b]
kind = "server"
url = "{b}"
[sources.b.serves.m]
upstream_model = "m-2026"
precision = "fp8"
[routes.chat]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
[tenants.t]
[tenants.watch]
[drift]
tenant = "watch"
again = "1s"
action = "open-breaker"
models = ["a/m"]
"""


@pytest.mark.parametrize("gateway", ["", "workers = 2"])
async def test_a_changed_model_is_taken_out_until_it_is_cleared_also_over_a_restart(
    tmp_path: Path, gateway: str
) -> None:
    with engines(Engine(), Engine(seed=2)) as (a, b):
        watched = Gateway(tmp_path, FLEET.format(a=a.url, b=b.url, gateway=gateway))
        fleet = ("--fleet", str(watched.path))
        code, said = await watched.drift("baseline", "a/m", *fleet)
        assert code == 0, said
        await watched.start()
        try:
            await watched.stands("watched")
            assert await watched.served_by() == "a"
            assert watched.spent()["watch"] == 20  # booked like any request, on its own tenant

            a.be(Engine(seed=3))  # another model under the same name
            assert (await watched.drift("clear", "a/m"))[0] == 0  # its turn comes at once
            await watched.stands("withdrawn")
            code, said = await watched.drift("status", *fleet)
            assert code == 1
            assert "confirmed by short answers" in said
            assert await watched.served_by() == "b"
            if not gateway:  # each worker shows its own part of the page
                line = 'tollway_drift_standing{source="a",model="m",standing="withdrawn"} 1'
                assert line in await watched.metrics()

            asked = len(a.asked)
            await watched.stop()
            await watched.start()
            await watched.until(lambda: "drift: 1 of 1" in (tmp_path / "log").read_text())
            async with asyncio.timeout(20):
                while await watched.served_by() != "b":  # until the watch has told it again
                    asked += 1
            assert len(a.asked) == asked  # nobody asks it, the watch neither

            a.be(Engine())
            assert (await watched.drift("clear", "a/m"))[0] == 0
            await watched.stands("watched")
            assert await watched.served_by() == "a"
        finally:
            await watched.stop()
    log = (tmp_path / "log").read_text()
    assert log.count("ALARM, and its source is not asked for it any more") == 1
    assert "a-secret" not in log
