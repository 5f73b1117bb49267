import asyncio
import json
import signal
from decimal import Decimal

from live_fleet import LiveFleet, steady

from tollway.simulator.report import Sample


async def test_a_replays_cost_is_what_usage_says_and_what_the_ledgers_rows_add_up_to(
    fleet: LiveFleet,
) -> None:
    args = ("azure-code", "--url", fleet.url, "--limit", "150", "--warp", "20", "--tag", "bill")
    code, out, err = await fleet.run("replay", *args, "--fleet", str(fleet.file), "--json")
    assert code == 0, err
    told = json.loads(out)
    rows = fleet.rows("bill")
    spent = sum(row["cost"] for row in rows)
    assert spent > 0
    assert told["total"]["cost"] == spent
    assert Decimal(told["cost_usd"]).scaleb(12) == spent
    assert sum(row["cost"] for row in told["rows"]) == spent
    assert told["total"]["requests"] == told["total"]["ok"] == len(rows) == 150
    assert told["total"]["output_tokens"] == sum(row["output"] for row in rows)
    assert told["total"]["input_tokens"] == sum(row["input"] for row in rows)
    code, out, err = await fleet.run("usage", "--tag", "bill", "--json")
    assert code == 0, err
    usage = json.loads(out)
    assert Decimal(usage["total"]["cost_usd"]).scaleb(12) == spent
    by_source = {row["source"]: Decimal(row["cost_usd"]).scaleb(12) for row in usage["rows"]}
    assert by_source == {row["source"]: row["cost"] for row in told["rows"]}
    # The emulators run at their own pace again.
    assert (await fleet.tell("h200", "status"))["warp"] == 1.0


async def test_a_budget_is_never_passed_by_more_than_its_overdraft_under_concurrency(
    stopped_fleet: LiveFleet,
) -> None:
    budget = 'budget = { day = "500.00", month = "5000.00", overdraft = "5.00" }'
    small = 'budget = { day = "0.010", month = "5.00", overdraft = "0.001" }'
    stopped_fleet.replace(budget, small)
    await stopped_fleet.start()
    await stopped_fleet.warp(50.0)
    # A request of 200 + 300 tokens costs about $0.0004: some 25 fit, and 120 are asked for at once.
    samples = await stopped_fleet.play(steady(120, 0.001, given=200, made=300), "poor")
    outcomes = {
        outcome: [s for s in samples if s.outcome == outcome] for outcome in ("ok", "refused")
    }
    assert len(outcomes["ok"]) + len(outcomes["refused"]) == 120, samples
    assert outcomes["ok"]
    assert {(s.status, s.reason) for s in outcomes["refused"]} == {(402, "budget_day")}
    rows = await stopped_fleet.settled(len(outcomes["ok"]), "poor")
    spent = sum(row["cost"] for row in rows)
    assert spent <= 11_000_000_000
    # Not one of them was let in against the budget's rest: what is left would not pay for another.
    assert spent > 5_000_000_000


async def test_a_client_that_leaves_is_settled_and_its_upstream_is_cancelled(
    fleet: LiveFleet,
) -> None:
    player = fleet.player("left")
    task = asyncio.create_task(player.play(steady(4, 0.0, made=3000)))
    assert await _running(fleet, 4)
    await asyncio.sleep(0.3)  # let them stream for a while
    player.stop()
    samples: list[Sample] = await task
    assert [sample.outcome for sample in samples] == ["unfinished"] * 4
    assert await _running(fleet, 0)
    rows = await fleet.settled(4, "left")
    assert [row["outcome"] for row in rows] == ["cancelled"] * 4
    for row in rows:
        assert 0 < row["output"] < 3000
        assert row["input"] >= 200
        assert row["cost"] > 0


async def _running(fleet: LiveFleet, wanted: int) -> bool:
    async with asyncio.timeout(10):
        while True:
            found = 0
            for source in ("h200", "mi300x"):
                [pool] = (await fleet.tell(source, "status"))["models"].values()
                found += sum(r["running"] + r["waiting"] for r in pool["replicas"])
            if found == wanted:
                return True
            await asyncio.sleep(0.02)


async def test_ctrl_c_gives_the_emulators_their_own_pace_back_and_prints_what_was_done(
    fleet: LiveFleet,
) -> None:
    process = await fleet.begin(
        *("replay", "servegen-chat", "--url", fleet.url, "--warp", "4", "--json"),
        *("--fleet", str(fleet.file), "--duration", "all", "--tag", "stopped"),
    )
    async with asyncio.timeout(20):
        while len(fleet.rows("stopped")) < 5:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.05)
    assert (await fleet.tell("h200", "status"))["warp"] == 4.0
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["stopped"] is True
    assert told["total"]["ok"] >= 5
    assert (await fleet.tell("h200", "status"))["warp"] == 1.0
    rows = await fleet.settled(told["settled"], "stopped")
    assert sum(row["cost"] for row in rows) == told["total"]["cost"]
