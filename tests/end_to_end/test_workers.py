import asyncio
import json
import sys
from collections import Counter

from live_fleet import LiveFleet, steady

from tollway.simulator.trace import Trace

FOUR = "[gateway]\nworkers = 4"


async def _start(fleet: LiveFleet) -> None:
    fleet.replace("[gateway]", FOUR)
    await fleet.start()


async def test_a_drill_takes_its_share_of_the_traffic_of_all_workers_and_reports_it(
    stopped_fleet: LiveFleet,
) -> None:
    fleet = stopped_fleet
    await _start(fleet)
    await fleet.warp(20.0)
    count, share = 600, 0.3
    # A hundred at once, so that no worker can take all of them in before another wakes.
    burst, rest = steady(100, 0.0, made=5), steady(count - 100, 0.01, made=5)
    trace = Trace("steady", (*burst.requests, *rest.requests))
    task = asyncio.create_task(fleet.play(trace, "drilled"))
    code, out, err = await fleet.run(
        *("drill", "lose", "h200", "--share", "30%", "--for", "4s", "--json")
    )
    samples = await task
    assert code == 0, err
    report = json.loads(out)
    assert {sample.outcome for sample in samples} == {"ok"}
    rows = await fleet.settled(count, "drilled")
    lost = [row for row in rows if row["drilled"] is not None]
    assert {row["drilled"] for row in lost} == {"h200"}
    assert not any(row["source"] == "h200" for row in lost)
    # What it reports is what the ledger has, to the request and to the pico-dollar.
    drilled, beside = report["drilled"], report["beside"]
    assert drilled["requests"] == drilled["ok"] == len(lost)
    assert sum(row["cost"] for row in lost) == round(float(drilled["cost_usd"]) * 10**12)
    during = drilled["requests"] + beside["requests"]
    assert during > 150
    # Five standard deviations of a fair draw.
    assert abs(len(lost) - share * during) < 5 * (share * (1 - share) * during) ** 0.5
    # More than one worker took part: each begins its requests' ids with a word of its own.
    assert len({row["request"].partition("-")[0] for row in rows}) > 1


async def test_every_fallback_is_asked_by_name_where_workers_reach_the_sources(
    stopped_fleet: LiveFleet,
) -> None:
    fleet = stopped_fleet
    await _start(fleet)
    await fleet.warp(20.0)
    file = fleet.folder / "prompts.jsonl"
    lines = (json.dumps({"prompt": f"number {n}?", "max_tokens": 4}) for n in range(12))
    file.write_text("\n".join(lines))
    check = fleet.folder / "check.py"
    check.write_text("import json, sys\nassert json.load(sys.stdin)['answer']\n")
    code, out, err = await fleet.run(
        *("qualify", "chat", "--fleet", str(fleet.file), "--prompts", str(file)),
        *("--check", f"{sys.executable} {check}", "--sample", "12", "--json"),
    )
    assert code == 0, out + err
    told = json.loads(out)
    assert [(one["pair"], one["asked"], one["accepted"]) for one in told["sources"]] == [
        ("h200:llama-3.3-70b", 12, 12),
        ("b200:llama-3.3-70b", 12, 12),
    ]
    rows = await fleet.settled(24, told["tag"])
    assert Counter(row["source"] for row in rows) == {"h200": 12, "b200": 12}
    assert {row["outcome"] for row in rows} == {"completed"}
