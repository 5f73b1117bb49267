"""A source's loss, rehearsed in a child process: whose traffic, what is shown, and for how long."""

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tollway.console.road import losing, rehearsal
from tollway.console.road.rehearsal import rehearse
from tollway.console.road.verdicts import Run, judged
from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.fleet.parse import parse
from tollway.fleet.usage import Usage
from tollway.inspect.demo import demo_fleet_text
from tollway.ledger.sqlite import open_for_gateway, open_reader
from tollway.ledger.sqlite_timings import heard_last
from tollway.simulator.report import Percentiles, Row

NOW = 1_800_000_000.0
LONE = """version = 1
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.a.serves.m]
expected_ttft = "300ms"
expected_speed = 50.0
prices = [{ since = 2026-01-01, input = "1", output = "2" }]
[sources.b]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.b.serves.m]
expected_ttft = "900ms"
expected_speed = 50.0
prices = [{ since = 2026-01-01, input = "10", output = "20" }]
[routes.both]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
[routes.lone]
model = "m"
candidates = ["a"]
[tenants.t]
"""
FLEET = parse({"f": LONE}, "f")


def filled(path: Path, utc: float, count: int, route: str = "lone") -> Path:
    """A ledger in which so many requests ended."""
    with closing(open_for_gateway(path)) as ledger:
        for number in range(count):
            name, at = f"r{utc:.0f}-{number}", utc + number
            ledger.book([
                Reserve(name, "k", "t", route, "chat", 100, 50, 20, at),
                Settle(
                    name, "completed", None, "a", "m", "m", "standard", Usage(input=50, output=20),
                    90, 1, (), 0.3, 0.8, at + 0.8,
                ),
            ])  # fmt: skip
    return path


def by_name(found: Any) -> dict[str, Any]:
    return {one["route"]: one for one in found["routes"]}


def test_a_route_that_has_nobody_else_is_shown_to_go_unanswered(tmp_path: Path) -> None:
    found: Any = rehearse(FLEET, tmp_path / "none.sqlite", "a", NOW)
    routes = by_name(found)
    lone, both = routes["lone"], routes["both"]
    assert lone["as_is"]["unanswered"] == both["as_is"]["unanswered"] == 0
    assert lone["without"]["unanswered"] == lone["without"]["requests"] > 0
    assert both["without"]["unanswered"] == 0
    assert both["without"]["ttft_p50"] > both["as_is"]["ttft_p50"]
    assert both["without"]["cost"] > both["as_is"]["cost"]
    assert "made up, because the ledger has none" in found["traffic"]


def test_a_declared_speed_is_said_to_be_one_and_has_no_interval(tmp_path: Path) -> None:
    found: Any = rehearse(FLEET, tmp_path / "none.sqlite", "a", NOW)
    assert (found["declared"], found["predicted"]) == (["a", "b"], [])
    one = by_name(found)["both"]["as_is"]
    assert one["ttft_p50_between"] == (one["ttft_p50"], one["ttft_p50"])


def test_a_predicted_speed_has_an_interval_around_its_point(tmp_path: Path) -> None:
    fleet = parse({"f": demo_fleet_text()}, "f")
    found: Any = rehearse(fleet, tmp_path / "none.sqlite", "h200", NOW)
    assert "h200" in found["predicted"]
    for one in found["routes"]:
        for side in ("as_is", "without"):
            low, high = one[side]["ttft_p90_between"]
            assert low <= one[side]["ttft_p90"] <= high


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        pytest.param(1800.0, "the ledger's last hour", id="within-the-hour"),
        pytest.param(7200.0, "the ledger's last day", id="within-the-day"),
        pytest.param(200_000.0, "made up", id="long-ago"),
    ],
)
def test_the_traffic_is_the_ledgers_where_there_is_some(
    tmp_path: Path, ago: float, words: str
) -> None:
    ledger = filled(tmp_path / "ledger.sqlite", NOW - ago, 5)
    found: Any = rehearse(FLEET, ledger, "a", NOW)
    assert words in found["traffic"]
    if words != "made up":
        assert found["requests"] == 5
        assert list(by_name(found)) == ["lone"]


def test_a_workload_of_the_fleet_file_is_played_before_anything_is_made_up(tmp_path: Path) -> None:
    declared = '[workloads.chat]\nmodels = ["m"]\ninput_tokens = 1000\noutput_tokens = 250\n'
    declared += "tokens_per_day = 50_000_000\n"
    fleet = parse({"f": LONE + declared}, "f")
    found: Any = rehearse(fleet, tmp_path / "none.sqlite", "a", NOW)
    assert "what the fleet's workloads declare" in found["traffic"]
    assert list(by_name(found)) == ["both"]


def test_a_source_that_is_drained_serves_nobody_with_or_without_the_other(tmp_path: Path) -> None:
    found: Any = rehearse(FLEET, tmp_path / "none.sqlite", "a", NOW, ["b"])
    both = by_name(found)["both"]
    assert found["drained"] == ["b"]
    assert both["as_is"]["unanswered"] == 0
    assert both["without"]["unanswered"] == both["without"]["requests"] > 0


def run_of(requests: int, unanswered: int, p50: float | None = 0.2, **served: int) -> Run:
    """A route's run, refused where unanswered."""
    times = Percentiles(p50, p50, p50)
    ok = requests - unanswered
    row = Row(None, requests, ok, unanswered, 0, 0, 0, 0, times, times, None, 0, 0, 0)
    return Run(row, Counter(served))


def test_a_route_is_judged_by_itself_and_not_by_what_another_gains() -> None:
    loser = judged("a", [run_of(100, 0, a=100)] * 3, [run_of(100, 40, b=60)] * 3)
    winner = judged("a", [run_of(100, 50, a=50)] * 3, [run_of(100, 0, b=100)] * 3)
    assert (loser.kind, winner.kind) == ("loses", "goes_on")
    assert "40 of 100 get no answer (40.0%: 40 refused), +40" in loser.words
    assert "every request is answered" in winner.words


def test_a_loss_at_an_end_of_the_interval_alone_is_one_that_may_be() -> None:
    before = [run_of(100, 0, a=100)] * 3
    verdict = judged(
        "a", before, [run_of(100, 0, b=100), run_of(100, 0, b=100), run_of(100, 7, b=93)]
    )
    assert verdict.kind == "may_lose"
    assert "+0 (+0 to +7 at the ends of the interval)" in verdict.words


def test_where_requests_go_and_how_the_wait_changes_is_named_with_its_interval() -> None:
    before = [run_of(10, 0, p50, a=8, b=2) for p50 in (0.20, 0.18, 0.30)]
    after = [run_of(10, 0, p50, b=7, c=3) for p50 in (0.50, 0.40, 0.90)]
    words = judged("a", before, after).words
    assert "falls back to b (2 to 7 requests), c (0 to 3 requests)" in words
    assert "TTFT p50 200 ms to 500 ms, +300 ms (+220 ms to +600 ms)" in words


def test_a_route_that_the_source_does_not_answer_is_not_touched() -> None:
    same = [run_of(10, 1, b=9)] * 3
    assert judged("a", same, same).kind == "untouched"


def test_routes_that_nobody_asked_for_are_named_with_who_would_be_left(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite", NOW - 1800.0, 5, route="both")
    found: Any = rehearse(FLEET, ledger, "a", NOW)
    assert [one["route"] for one in found["routes"]] == ["both"]
    assert found["routes"][0]["verdict"] == "goes_on"
    assert found["routes"][0]["words"].startswith("every request is answered; falls back to b (0")
    words = "nothing would be left to it: a is its only source"
    assert {"route": "lone", "words": words} in found["unasked"]
    found = rehearse(FLEET, ledger, "b", NOW)
    assert found["routes"][0]["verdict"] == "untouched"
    assert {"route": "lone", "words": "b does not serve it"} in found["unasked"]


def test_of_a_large_ledger_the_latest_are_looked_at_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "MOST", 4)
    monkeypatch.setattr(rehearsal, "LOOKED_AT", 6)
    ledger = filled(tmp_path / "ledger.sqlite", NOW - 1800.0, 40)
    found: Any = rehearse(FLEET, ledger, "a", NOW)
    assert (found["requests"], found["seconds"]) == (4, 3.0)
    assert found["traffic"] == "the ledger's last hour, its latest 4 requests, not all"
    with closing(open_reader(ledger)) as store:
        looked = store.ask(lambda db: heard_last(db, NOW - 3600.0, NOW, ("lone",), 6))
        assert [one.utc for one in looked] == [NOW - 1800.0 + n for n in range(34, 40)]
        assert store.ask(lambda db: heard_last(db, NOW - 3600.0, NOW, ("both",), 6)) == []
        whole = store.heard(NOW - 3600.0, NOW)
        assert store.ask(lambda db: heard_last(db, NOW - 3600.0, NOW, ("lone",), 99)) == whole


def test_the_look_at_a_ledger_goes_along_its_index_and_sorts_only_what_it_looked_at(
    tmp_path: Path,
) -> None:
    ledger = filled(tmp_path / "ledger.sqlite", NOW - 1800.0, 5)
    asked: list[str] = []
    with closing(open_reader(ledger)) as store:

        def plan(db: Any) -> list[str]:
            db.set_trace_callback(asked.append)
            heard_last(db, NOW - 3600.0, NOW, ("lone",), 6)
            db.set_trace_callback(None)
            return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]

        steps = store.ask(plan)
    assert any("SEARCH s USING INDEX settled_utc" in step for step in steps), steps
    assert not any(step.startswith("SCAN s ") for step in steps), steps


async def test_a_rehearsal_that_takes_too_long_is_ended_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(LONE)
    with pytest.raises(TollwayError, match=r"took longer than 0\.01 s and was ended"):
        await losing.lost(file, tmp_path, "a", (), 0.01)


async def test_what_cannot_be_rehearsed_is_said_in_the_childs_words(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(LONE.replace("[routes.lone]", "[routes.lone]\nsurprise = 1"))
    with pytest.raises(TollwayError, match="surprise"):
        await losing.lost(file, tmp_path, "a")


async def test_the_child_gives_what_this_process_would(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(LONE)
    async with asyncio.timeout(60):
        found = await losing.lost(file, tmp_path, "a")
    assert found["source"] == "a"
    assert [one["route"] for one in found["routes"]] == list(FLEET.routes)
