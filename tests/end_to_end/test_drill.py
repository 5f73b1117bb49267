import asyncio
import json
import signal
from typing import Any

from live_fleet import LiveFleet, steady

from tollway.simulator.report import Sample


async def _drilled(
    fleet: LiveFleet, *options: str, count: int = 80
) -> tuple[int, dict[str, Any], str, list[Sample]]:
    """`tollway drill lose h200` while requests are played: exit code, report, words, samples."""
    task = asyncio.create_task(fleet.play(steady(count, 0.05, made=5), "drilled"))
    code, out, err = await fleet.run("drill", "lose", "h200", "--json", *options)
    samples = await task
    return code, json.loads(out) if out else {}, err, samples


async def test_a_drill_reports_what_users_felt_with_and_without_the_source(
    fleet: LiveFleet,
) -> None:
    code, report, err, samples = await _drilled(fleet, "--share", "50%", "--for", "3s")
    assert code == 0, err
    assert report["held"] is True
    assert "Held" in report["verdict"]
    assert report["routes"] == ["chat", "llama", "llama-3.3-70b"]
    drilled, beside = report["drilled"], report["beside"]
    assert drilled["requests"] >= 10
    assert beside["requests"] >= 10
    assert "h200" not in drilled["sources"]
    assert drilled["ok"] == drilled["requests"]
    assert drilled["ttft_p50"] > 0
    assert drilled["speed_p50"] > 0
    assert {sample.outcome for sample in samples} == {"ok"}
    # The ledger's rows say the same, and nobody was drilled outside the period.
    rows = await fleet.settled(80, "drilled")
    lost = [row for row in rows if row["drilled"] is not None]
    assert len(lost) == drilled["requests"]
    assert {row["drilled"] for row in lost} == {"h200"}
    assert sum(row["cost"] for row in lost) == round(float(drilled["cost_usd"]) * 10**12)


async def test_a_drill_whose_users_fail_says_so_and_exits_1(stopped_fleet: LiveFleet) -> None:
    # A fleet whose only way out of h200 is broken.
    stopped_fleet.replace('candidates = ["h200", "mi300x"]', 'candidates = ["h200"]')
    await stopped_fleet.start()
    await stopped_fleet.tell("b200", "fault", fault="http-500")
    code, report, _, samples = await _drilled(stopped_fleet, "--share", "30%", "--for", "3s")
    assert code == 1
    assert report["held"] is False
    assert report["verdict"].startswith("NOT held")
    assert report["drilled"]["failed"] == report["drilled"]["requests"] > 0
    assert report["beside"]["failed"] == 0
    assert sum(sample.outcome != "ok" for sample in samples) == report["drilled"]["failed"]


async def test_ctrl_c_ends_a_drill_early_and_still_reports(fleet: LiveFleet) -> None:
    task = asyncio.create_task(fleet.play(steady(60, 0.05, made=5), "early"))
    process = await fleet.begin("drill", "lose", "h200", "--share", "50%", "--for", "50m", "--json")
    async with asyncio.timeout(10):
        while sum(row["drilled"] is not None for row in fleet.rows("early")) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    code, _, err = await fleet.run("drill", "lose", "mi300x", "--for", "1s")
    assert code == 2
    assert "One drill at a time" in err
    process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    report = json.loads(out)
    assert report["ended_early"] is True
    assert report["drilled"]["requests"] >= 5
    await task
    # It is over: nobody else is drilled.
    before = sum(row["drilled"] is not None for row in await fleet.settled(60, "early"))
    await fleet.play(steady(20, 0.01, made=5), "after")
    assert not any(row["drilled"] for row in await fleet.settled(20, "after"))
    assert before == report["drilled"]["requests"]
