import asyncio

import pytest
from live_fleet import LiveFleet, steady

from tollway.simulator.report import Sample

FLOOR = 'min_speed = 5.0\nspeed_window = "2s"\nmin_samples = 3\nopen_for = "60s"'
WITHIN = 4.0
"""Seconds until a slow source is left: its window, and a report of every stream each second."""


async def _one_source_slows_down(fleet: LiveFleet, floor: str) -> list[Sample]:
    """Requests sent later than `WITHIN` seconds after mi300x dropped to a token a second."""
    fleet.replace("min_speed = 2.0", floor)
    # The cheapest source takes everything, and no SLO moves work away from it.
    fleet.replace('slo = { ttft = "2s", speed = 20.0 }\n', "")
    [objectives] = [line for line in fleet.text.splitlines() if line.startswith("objectives")]
    fleet.replace(objectives, 'objectives = ["cheapest"]')
    await fleet.start()
    player = fleet.player("slow")
    task = asyncio.create_task(player.play(steady(80, 0.1, made=8)))
    async with asyncio.timeout(20):
        while sum(s.source == "mi300x" for s in player.samples) < 10:  # noqa: ASYNC110 - as it plays
            await asyncio.sleep(0.01)
    dropped = max(sample.sent + sample.latency for sample in player.samples)
    await fleet.tell("mi300x", "fault", fault="rate=1")
    samples = await task
    assert [sample.outcome for sample in samples] == ["ok"] * 80  # slow, and whole
    slow = [sample for sample in samples if sample.source == "mi300x" and sample.latency > 5.0]
    assert len(slow) >= 3
    later = [sample for sample in samples if sample.sent > dropped + WITHIN]
    assert len(later) > 15
    return later


@pytest.mark.slow
async def test_a_source_that_drops_to_a_token_a_second_is_left_within_seconds(
    stopped_fleet: LiveFleet,
) -> None:
    later = await _one_source_slows_down(stopped_fleet, FLOOR)
    assert {sample.source for sample in later} == {"h200"}
    assert max(sample.latency for sample in later) < 5.0
    assert "breaker open: mi300x" in stopped_fleet.log
    assert "under the floor of 5" in stopped_fleet.log


@pytest.mark.slow
async def test_without_a_floor_it_is_used_on(stopped_fleet: LiveFleet) -> None:
    """The positive control of the test above."""
    later = await _one_source_slows_down(stopped_fleet, 'speed_window = "2s"\nmin_samples = 3')
    assert "mi300x" in {sample.source for sample in later}
