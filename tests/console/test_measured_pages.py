"""`bench.console_pages` holds every page to its bound, and says so with its exit code."""

import asyncio
import random
from pathlib import Path

import pytest
from bench import console, console_pages
from ledger_records import reserve, settle

from tollway.ledger.sqlite import open_for_gateway

SOME = {name: console_pages.PAGES[name] for name in ("requests", "a request", "money, all by key")}


def test_every_page_is_measured_or_said_why_not() -> None:
    assert console_pages.unmeasured() == []


def test_a_page_that_nobody_measures_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_pages, "PAGES", SOME)
    assert {"/money/margin", "/pins/models", "/choose"} <= set(console_pages.unmeasured())


@pytest.mark.parametrize(("most", "slow"), [(60_000.0, 0), (0.0, len(SOME))], ids=["in", "over"])
def test_a_page_over_the_bound_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: float, slow: int
) -> None:
    path = tmp_path / "ledger" / "ledger.sqlite"
    ledger = open_for_gateway(path)
    ledger.book([it for at in range(3) for it in (reserve(f"r{at}"), settle(f"r{at}"))])
    ledger.close()
    monkeypatch.setattr(console_pages, "PAGES", SOME)
    found = asyncio.run(console_pages.measure(tmp_path, path, (1, 1), most))
    assert len(found) == slow


def looked_at(added: float, noise: float, idle: float = 0.5) -> dict[str, console.Figures]:
    """Rounds of a gateway that costs 100 us a request, and so much more where many look."""
    draw = random.Random(3)

    def rounds(more: float, rest: float) -> console.Figures:
        costs = [100 + more + draw.gauss(0, noise) for _ in range(24)]
        return {console.US: costs, console.RESTING: [1.0 + rest] * 4}

    return {
        console.NOBODY: rounds(0, 0),
        console.ONE: rounds(0, idle),
        console.MANY: rounds(added, idle),
        console.AGAIN: rounds(0, 0),
    }


@pytest.mark.parametrize(
    ("added", "noise", "idle", "holds"),
    [(0, 4, 0.5, True), (10, 4, 0.5, False), (0, 60, 0.5, False), (0, 4, 9, False)],
    ids=["nothing", "a tenth", "too busy to tell", "while idle"],
)
def test_viewers_add_nothing_only_where_that_is_shown(
    added: float, noise: float, idle: float, holds: bool
) -> None:
    assert console.told(looked_at(added, noise, idle), 0.05) is holds


def test_an_interval_holds_what_was_added() -> None:
    found = looked_at(3.0, 2.0)
    before, after = (found[it][console.US] for it in (console.NOBODY, console.MANY))
    told = console.judged(before, after, 5.0)
    assert told.low < 3.0 < told.high
    assert told.holds == (told.high < 5.0)
