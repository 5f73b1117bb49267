"""A source's loss, rehearsed in a child process: whose traffic, what is shown, and for how long."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tollway.console.road import losing
from tollway.console.road.rehearsal import rehearse
from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.fleet.parse import parse
from tollway.fleet.usage import Usage
from tollway.inspect.demo import demo_fleet_text
from tollway.ledger.sqlite import open_for_gateway

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
