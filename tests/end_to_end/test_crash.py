import asyncio
import json
from collections import Counter
from decimal import Decimal

import pytest
from live_fleet import LiveFleet

from tollway.dispatch.recording import verify
from tollway.fleet.parse import parse
from tollway.replay.library import load
from tollway.simulator.report import Sample
from tollway.simulator.trace import cut
from tollway.units import Seconds

CRASHES = 10


@pytest.mark.slow
async def test_kill_9_in_mid_replay_loses_and_doubles_no_record_ten_times(
    fleet: LiveFleet,
) -> None:
    trace = cut(load("azure-code"), Seconds(0.0), Seconds(120.0), 400)
    seen: list[Sample] = []
    cut_off = 0
    for crash in range(CRASHES):
        await fleet.warp(60.0)
        tag = f"crash-{crash}"
        player = fleet.player(tag, pace=60.0)
        task = asyncio.create_task(player.play(trace))
        await _some_done(player.samples, 20 + 15 * crash)
        await fleet.kill()
        player.stop()
        samples = await task
        seen += samples
        open_then = fleet.open_reservations()
        cut_off += len(open_then)
        await fleet.start()
        _check_one(fleet, tag, samples, {row["request"] for row in open_then})
    assert cut_off > 0, "no crash struck while a request was open"
    rows = fleet.rows()
    assert max(Counter(row["request"] for row in rows).values()) == 1
    told = [sample.request for sample in seen if sample.request is not None]
    assert max(Counter(told).values()) == 1
    await _check_sums(fleet, rows)
    # Each run's decisions can be replayed, up to where its process died.
    assert await fleet.stop() == 0
    recording = (fleet.state / "recording.jsonl").read_bytes()
    assert recording.count(b'{"type":"Header"') == CRASHES + 1
    steps, divergence = verify(recording.splitlines(keepends=True), parse)
    assert divergence is None
    assert steps > 0


def _check_one(fleet: LiveFleet, tag: str, samples: list[Sample], open_then: set[str]) -> None:
    assert fleet.open_reservations() == []
    rows = {row["request"]: row for row in fleet.rows(tag)}
    # What was open when the process died is there now, at what was reserved, and says so.
    for request in open_then:
        if request in rows:
            assert rows[request]["outcome"] == "abandoned"
            assert rows[request]["estimated"] == 1
            assert rows[request]["cost"] == rows[request]["reserved"]
    assert {r for r in rows if rows[r]["outcome"] == "abandoned"} <= open_then
    for sample in samples:
        # Whoever had a byte of an answer was reserved first, so is in the ledger, exactly once.
        if sample.request is not None and sample.source is not None:
            assert sample.request in rows
        if sample.outcome == "ok":
            row = rows[sample.request or ""]
            if row["outcome"] != "abandoned":
                # Settling follows the last byte by one group commit; a crash may come between.
                assert row["outcome"] == "completed"
                assert row["output"] == sample.output_tokens


async def _check_sums(fleet: LiveFleet, rows: list[dict[str, object]]) -> None:
    code, out, err = await fleet.run("usage", "--json")
    assert code == 0, err
    told = json.loads(out)
    spent = sum(int(str(row["cost"])) for row in rows)
    assert told["total"]["requests"] == len(rows)
    assert Decimal(told["total"]["cost_usd"]).scaleb(12) == spent
    days = fleet.days()
    assert sum(d["requests"] for d in days) == len(rows)
    assert sum(d["cost_micro"] * 10**6 + d["cost_rest"] for d in days) == spent


async def _some_done(samples: list[Sample], count: int) -> None:
    async with asyncio.timeout(20):
        while len(samples) < count:  # noqa: ASYNC110 - the list is what the player offers
            await asyncio.sleep(0.005)
