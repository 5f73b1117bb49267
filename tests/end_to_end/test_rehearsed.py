"""What was rehearsed is what runs: the same fleet file and trace, live and in virtual time."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from live_fleet import LiveFleet, demo

from tollway.replay.library import load

TRACE = ("azure-code", "20s")
WARP = 2.0

HOPS = 5
"""Wake-ups that a live time has in it and no rehearsal: client, gateway, emulator, gateway, client.
Each is as late as the client is seen to be when it sends, at least `WAKE`."""

WAKE = 0.01
"""Emulated seconds; 5 ms at this warp."""

AT_ITS_LIMIT = 0.01
"""Seconds late at p99, of a client that does next to nothing else."""

LATE_ONES = 5

SHARE = 0.05
"""Of a time, that a late wake-up here may become elsewhere: it moves who is in which step with
whom, and which source is the faster one when the next request is routed."""


def _fleet(folder: Path) -> LiveFleet:
    """Without an SLO, and used evenly: where what a source was seen to do decides who goes where,
    one late wake-up sends all that follow another way, and two right runs have little in common."""
    folder.mkdir()
    fleet = demo(folder)
    fleet.spread()
    [promise] = [line for line in fleet.text.splitlines() if line.startswith("slo =")]
    fleet.replace(promise + "\n", "")
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


async def _rehearsed(folder: Path, late: Random | None = None) -> dict[str, Any]:
    """One rehearsal; of the same requests each a wake-up or two late, where `late` is given."""
    fleet = _fleet(folder)
    trace, duration = TRACE
    if late is not None:
        requests = [one for one in load(trace).requests if one.at < float(duration.rstrip("s"))]
        times = sorted(1000 * (one.at + late.uniform(0, 2 * WAKE)) for one in requests)
        rows = zip(times, requests, strict=True)
        lines = [f"{at - times[0]:.0f},{one.input},{one.output}" for at, one in rows]
        (folder / "late.csv").write_text("\n".join(["t_ms,input,output", *lines, ""]))
        trace, duration = str(folder / "late.csv"), "all"
    flags = ("--trace", trace, "--duration", duration, "--json")
    code, out, err = await fleet.run("simulate", str(fleet.file), *flags)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_live_replay_and_its_rehearsal_agree_within_the_noise_of_live_runs(
    tmp_path: Path,
) -> None:
    # Who is in which step with whom hangs on milliseconds: what that moves is seen in rehearsals
    # of requests that come a little late.
    delays = [None, *(Random(seed) for seed in range(LATE_ONES))]
    ours = [await _rehearsed(tmp_path / f"rehearsed-{n}", one) for n, one in enumerate(delays)]
    # A live run's noise is what a second one shows, on the same machine under the same load.
    # One whose client was late shows a machine at its limit: it is played again.
    played = 0
    runs: list[dict[str, Any]] = []
    while len(runs) < 2:
        run = await _live(tmp_path / f"live-{played}")
        played += 1
        if run["lateness"]["p99"] <= AT_ITS_LIMIT or played > 3:
            runs.append(run)
    for run in (*runs, *ours):
        assert run["total"]["ok"] == run["total"]["requests"] == ours[0]["total"]["requests"] > 100
    late = HOPS * max(WAKE, *(WARP * run["lateness"]["p99"] for run in runs))
    off: dict[str, tuple[list[float], list[float]]] = {}
    for metric in ("ttft", "latency"):
        for rank in ("p50", "p90"):
            twin = sorted(run["total"][metric][rank] for run in ours)
            live = sorted(run["total"][metric][rank] for run in runs)
            noise = live[-1] - live[0] + SHARE * live[-1] + late
            if twin[-1] < live[0] - noise or twin[0] > live[-1] + noise:
                off[f"{metric} {rank}"] = (twin, live)
    assert not off, late
