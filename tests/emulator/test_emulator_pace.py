"""The pace of a stream is what the engine room predicts for the load."""

import asyncio
import json

import pytest
from emulator_rig import MODEL, InProcess, Wire, chat, emulator, until

from tollway.emulator.build import emulate
from tollway.emulator.server import start
from tollway.engine import EngineSettings, decode_step


async def _seconds_a_token(url: str, tokens: int, streams: int) -> float:
    """The mean gap between the first and the last token of concurrent streams."""
    loop = asyncio.get_running_loop()

    async def one() -> float:
        reader, writer = await Wire(url).send(
            "/v1/chat/completions", chat(max_tokens=tokens, stream=True)
        )
        times: list[float] = []
        while True:
            line = await reader.readline()
            if line.startswith(b"data: [DONE]"):
                break
            if line.startswith(b"data: "):
                choice = json.loads(line[6:])["choices"][0]
                times += [loop.time()] * bool(choice["delta"].get("content"))
        writer.close()
        await writer.wait_closed()
        return (times[-1] - times[0]) / (len(times) - 1)

    gaps = await asyncio.gather(*(one() for _ in range(streams)))
    return sum(gaps) / len(gaps)


@pytest.mark.parametrize(("streams", "tokens"), [(1, 120), (16, 60)])
async def test_streams_flow_at_the_predicted_pace(streams: int, tokens: int) -> None:
    app = emulator(warp=1.0)
    predicted = decode_step(app.pools[MODEL].deployment, streams, 10 + tokens // 2).total
    async with start(app) as url:
        await _seconds_a_token(url, 2, 1)
        measured = await _seconds_a_token(url, tokens, streams)
    # Never faster; slower only by what a busy machine takes.
    assert 0.93 * predicted < measured < 2.0 * predicted


async def test_a_slower_chip_streams_more_slowly() -> None:
    slow = emulate(MODEL, "l40s", settings=EngineSettings(precision="fp8"))
    fast = emulate(MODEL, "b200", settings=EngineSettings(precision="fp8"))
    async with start(slow) as one, start(fast) as other:
        await _seconds_a_token(one, 2, 1)
        slow_gap, fast_gap = await asyncio.gather(
            _seconds_a_token(one, 40, 1), _seconds_a_token(other, 40, 1)
        )
    assert slow_gap > 2 * fast_gap


async def test_being_late_does_not_slow_a_stream_down() -> None:
    """The process is held up for 60 ms in the middle; the end comes when it would have come."""
    app = emulator(warp=1.0)
    step = decode_step(app.pools[MODEL].deployment, 1, 100).total
    loop = asyncio.get_running_loop()
    async with app.running():
        await InProcess(app).call("/v1/chat/completions", chat(max_tokens=1))
        began = loop.time()
        call = asyncio.create_task(
            InProcess(app).call("/v1/chat/completions", chat(max_tokens=100))
        )
        await asyncio.sleep(10 * step)
        held_until = loop.time() + 0.06
        while loop.time() < held_until:
            pass
        await call
        took = loop.time() - began
    assert 100 * step * 0.95 < took < 100 * step * 1.5
    assert app.pools[MODEL].replicas[0].core.counters.steps == 101


async def test_warp_speeds_time_up() -> None:
    app = emulator(warp=1.0)
    client = InProcess(app)
    loop = asyncio.get_running_loop()
    predicted = 400 * decode_step(app.pools[MODEL].deployment, 1, 200).total
    async with app.running():
        await client.call("/v1/chat/completions", chat(max_tokens=1))
        assert (await client.call("/emulator/warp", {"factor": 100})).json() == {"warp": 100}
        began = loop.time()
        await client.call("/v1/chat/completions", chat(max_tokens=400))
        assert loop.time() - began < predicted / 4
        assert (await client.call("/emulator/warp", {"factor": 0})).status == 400
        assert (await client.call("/emulator/warp", {"speed": 1})).status == 400


async def test_a_crowd_waits_its_turn_and_is_served() -> None:
    app = emulate(MODEL, "rtx-4090")
    app.clock.factor = 5.0
    replica = app.pools[MODEL].replicas[0]
    content = " ".join(["word"] * 8000)
    async with app.running():
        calls = [
            asyncio.create_task(
                InProcess(app).call("/v1/chat/completions", chat(content, max_tokens=5))
            )
            for _ in range(20)
        ]
        await until(lambda: replica.load == 20 and replica.core.running)
        # 2,600 blocks of 16 tokens hold five of them.
        assert replica.core.running <= 5
        assert replica.load - replica.core.running >= 15
        app.clock.factor = 5000.0
        answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [200] * 20
    assert replica.core.used == 0


async def test_status_shows_the_load() -> None:
    app = emulator()
    client = InProcess(app)
    async with app.running():
        await client.call("/v1/chat/completions", chat(max_tokens=3))
        status = (await client.call("/emulator/status")).json()
    one = status["models"][MODEL]
    assert one["chip"] == "h200"
    assert one["served"] == 1
    replica = one["replicas"][0]
    assert replica["running"] == replica["waiting"] == replica["kv_used"] == 0
    assert replica["kv_blocks"] > 10_000
    assert replica["steps"] == 3
    assert replica["step_seconds"] > 0


@pytest.mark.parametrize("peer", ["10.0.0.7", "2001:db8::1", "nonsense"])
async def test_the_controls_answer_loopback_peers_only(peer: str) -> None:
    app = emulator()
    async with app.running():
        stranger = InProcess(app, client=peer)
        for path in ("warp", "fault", "status"):
            answer = await stranger.call(f"/emulator/{path}", {"factor": 5}, method="POST")
            assert answer.status == 403
        assert (await stranger.call("/v1/models")).status == 200
        assert (await InProcess(app).call("/emulator/warp", {"factor": 5})).status == 200
    assert app.clock.factor == 5
