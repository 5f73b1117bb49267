"""`bench.console_pages` holds every page to its bound, and says so with its exit code."""

import asyncio
from pathlib import Path

import pytest
from bench import console_pages
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
