"""What was rehearsed is what runs: the same fleet file and trace, live and in virtual time."""

import json
from pathlib import Path
from typing import Any

import pytest
from live_fleet import LiveFleet, demo

TRACE = ("azure-code", "20s")
WARP = 2.0

HOPS = 5
"""Wake-ups that a live time has in it and no rehearsal: client, gateway, emulator, gateway, client.
Each is as late as the client is seen to be when it sends, at least `WAKE`."""

WAKE = 0.01
"""Emulated seconds; 5 ms at this warp."""

AT_ITS_LIMIT = 0.01
"""Seconds late at p99, of a client that does next to nothing else."""

SHARE = 0.05
"""Of a time, that a late wake-up here may become elsewhere: it moves who is in which step with
whom, and which source is the faster one when the next request is routed."""


def _fleet(folder: Path) -> LiveFleet:
    folder.mkdir()
    fleet = demo(folder)
    fleet.file.write_text(fleet.text)
    return fleet


async def _live(folder: Path) -> dict[str, Any]:
    """One live replay by a gateway that has learned nothing yet."""
    fleet = _fleet(folder)
    try:
        await fleet.start()
        trace, duration = TRACE
        flags = ("--url", fleet.url, "--fleet", str(fleet.file), "--duration", duration)
        code, out, err = await fleet.run("replay", trace, *flags, "--warp", f"{WARP:g}", "--json")
        assert code == 0, err
        return json.loads(out)
    finally:
        await fleet.close()


async def _rehearsed(folder: Path) -> dict[str, Any]:
    fleet = _fleet(folder)
    trace, duration = TRACE
    flags = ("--trace", trace, "--duration", duration, "--json")
    code, out, err = await fleet.run("simulate", str(fleet.file), *flags)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_live_replay_and_its_rehearsal_agree_within_the_noise_of_live_runs(
    tmp_path: Path,
) -> None:
    ours = await _rehearsed(tmp_path / "rehearsed")
    # A live run's noise is what a second one shows, on the same machine under the same load.
    # One whose client was late shows a machine at its limit, where a late answer makes a source
    # look slow and sends all that follow elsewhere: it is played again.
    played = 0
    runs: list[dict[str, Any]] = []
    while len(runs) < 2:
        run = await _live(tmp_path / f"live-{played}")
        played += 1
        if run["lateness"]["p99"] <= AT_ITS_LIMIT or played > 3:
            runs.append(run)
    for run in (*runs, ours):
        assert run["total"]["ok"] == run["total"]["requests"] == ours["total"]["requests"] > 100
    late = HOPS * max(WAKE, *(WARP * run["lateness"]["p99"] for run in runs))
    seen: dict[str, tuple[float, float, float]] = {}
    for metric in ("ttft", "latency"):
        for rank in ("p50", "p90"):
            live = sorted(run["total"][metric][rank] for run in runs)
            seen[f"{metric} {rank}"] = (ours["total"][metric][rank], *live)
    off = {
        name: (one, low, high)
        for name, (one, low, high) in seen.items()
        if not low - (noise := high - low + SHARE * high + late) <= one <= high + noise
    }
    assert not off, (seen, late)
