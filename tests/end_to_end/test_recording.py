import asyncio

import msgspec
from live_fleet import LiveFleet

from tollway.dispatch.messages import Send
from tollway.dispatch.recording import Step, decode_line, encode_step, verify
from tollway.fleet.parse import parse
from tollway.replay.library import load
from tollway.simulator.trace import cut
from tollway.units import Seconds


async def test_a_recording_replayed_through_a_fresh_dispatcher_gives_the_same_decisions(
    fleet: LiveFleet,
) -> None:
    await fleet.warp(30.0)
    # Every kind of end: errors before content, broken streams, refusals of the source, slow ones.
    await fleet.tell("h200", "fault", fault="http-500", share=0.2)
    await fleet.tell("h200", "fault", fault="cut-after=3", share=0.1)
    await fleet.tell("mi300x", "fault", fault="http-429; retry-after=0.2", share=0.2)
    await fleet.tell("mi300x", "fault", fault="error-first", share=0.1)
    trace = cut(load("azure-code"), Seconds(0.0), Seconds(120.0), 300)
    samples = await fleet.play(trace, pace=30.0)
    assert len(samples) == 300
    assert sum(sample.attempts > 1 for sample in samples) > 10
    assert await fleet.stop() == 0
    lines = (fleet.state / "recording.jsonl").read_bytes().splitlines(keepends=True)
    steps, divergence = verify(lines, parse)
    assert divergence is None
    assert steps > 3 * 300
    assert fleet.key.encode() not in b"".join(lines)


async def test_a_recording_that_was_tampered_with_diverges(fleet: LiveFleet) -> None:
    """The positive control of the test above."""
    await fleet.warp(30.0)
    samples = await fleet.play(cut(load("azure-code"), Seconds(0.0), Seconds(120.0), 20), pace=30.0)
    assert [sample.outcome for sample in samples] == ["ok"] * 20
    assert await fleet.stop() == 0
    lines = (fleet.state / "recording.jsonl").read_bytes().splitlines(keepends=True)
    forged = [_elsewhere(line, number) for number, line in enumerate(lines, 1)]
    _, divergence = verify(forged, parse)
    assert divergence is not None
    assert divergence.line == next(
        n for n, pair in enumerate(zip(lines, forged, strict=True), 1) if pair[0] != pair[1]
    )


def _elsewhere(line: bytes, number: int) -> bytes:
    """The line with what was sent sent to the fallback instead."""
    entry = decode_line(line, number)
    if not isinstance(entry, Step):
        return line
    actions = [
        msgspec.structs.replace(action, source="b200") if isinstance(action, Send) else action
        for action in entry.actions
    ]
    return encode_step(entry.now, entry.event, actions)


async def test_a_recording_goes_on_after_a_crash_that_tore_its_last_line(
    fleet: LiveFleet,
) -> None:
    await fleet.warp(30.0)
    trace = cut(load("azure-code"), Seconds(0.0), Seconds(120.0), 20)
    await fleet.play(trace, pace=30.0)
    recording = fleet.state / "recording.jsonl"
    async with asyncio.timeout(10):
        while recording.stat().st_size < 5000:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    await fleet.kill()
    recording.write_bytes(recording.read_bytes()[:-10])
    await fleet.start()
    await fleet.warp(30.0)
    await fleet.play(trace, pace=30.0)
    assert await fleet.stop() == 0
    steps, divergence = verify(recording.read_bytes().splitlines(keepends=True), parse)
    assert divergence is None
    assert steps > 100
