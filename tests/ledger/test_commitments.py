"""A commitment's course is the ledger's sums, day by day; its forecast a straight line."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_records import settle

from tollway.console.money.promised import Drawn, charts, months
from tollway.fleet.readings import Read, readings
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.commitments import Course, course, drawn_down
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_gateway
from tollway.units import exact_usd

FIRST, LAST = date(2026, 10, 15), date(2027, 1, 14)
DOLLAR = 10**12
FLEET = """version = 1
[models.llama]
[sources.own]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.own.serves.llama]
[routes.chat]
model = "llama"
candidates = ["own"]
[parties.us]
title = "Us"
[parties.seller]
title = "Seller"
[contracts.lease]
buyer = "us"
supplier = "seller"
sources = ["own"]
term = { start = 2026-10-15, months = 3 }
commitment = { amount = "920", true_up = "pay" }
"""
Days = dict[int, int]
Make = Callable[[Days, date], Course]


@pytest.fixture(scope="module")
def lease(tmp_path_factory: pytest.TempPathFactory) -> Read:
    file = tmp_path_factory.mktemp("fleet") / "fleet.toml"
    file.write_text(FLEET)
    return readings(read_fleet(file).contracts["lease"])[0]


def followed(folder: Path, lease: Read, days: Days, today: date) -> tuple[Course, int]:
    """The course of what was spent on these days of the period, and the ledger's own sum."""
    with closing(open_for_gateway(folder / "l.sqlite")) as ledger:
        items = [
            settle(f"{source}{at}", utc=_utc(FIRST + timedelta(at)) + 7.0, source=source, cost=cost)
            for at, cost in days.items()
            for source in ("own", "other")
        ]
        ledger.book(items)
        found = course(ledger, lease, today)
        assert found.burn == drawn_down(ledger, lease, today)
        wanted = UsageQuery(source="own", since=_utc(FIRST), until=_utc(today))
        return found, ledger.usage(wanted).total.cost


def _utc(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    days=st.dictionaries(st.integers(-2, 95), st.integers(0, 60 * DOLLAR), max_size=12),
    after=st.integers(0, 91),
)
def test_what_is_drawn_and_told_is_what_the_ledger_adds_up(
    tmp_path_factory: pytest.TempPathFactory, lease: Read, days: Days, after: int
):
    today = FIRST + timedelta(after)
    found, total = followed(tmp_path_factory.mktemp("course"), lease, days, today)
    assert [day for day, _ in found.used] == [FIRST + timedelta(at) for at in range(after)]
    so_far = 0
    for day, amount in found.used:
        so_far += days.get((day - FIRST).days, 0)
        assert amount == so_far
    assert found.burn.spent == so_far == total
    rows = months(found)
    assert [it.last for it in rows] == [date(2026, 10, 31), date(2026, 11, 30),
                                        date(2026, 12, 31), LAST]  # fmt: skip
    assert sum(it.spent or 0 for it in rows) == total
    assert rows[-1].even == 920 * DOLLAR
    assert [it.ahead for it in rows] == [it.last >= today for it in rows]
    for it in rows:
        if not it.ahead:
            assert it.used == dict(found.used)[it.last]
    (drawn,) = charts([Drawn("lease", found)])
    assert drawn["shown"] == [exact_usd(amount) for _, amount in found.used]
    assert len(drawn["days"]) == len(drawn["used"]) == after


def test_a_steady_pace_goes_on_to_the_day_on_which_the_commitment_is_used_up(
    tmp_path: Path, lease: Read
):
    found, _ = followed(tmp_path, lease, dict.fromkeys(range(30), 20 * DOLLAR), date(2026, 11, 14))
    assert found.pace == 20 * DOLLAR
    assert found.needed == Fraction(320 * DOLLAR, 62)
    # $600 by the end of the 13th; $320 more are 16 days, from the 14th to the 29th.
    assert found.used_up == found.burn.reached == date(2026, 11, 29)
    assert months(found)[-1].used == (600 + 62 * 20) * DOLLAR == found.burn.forecast


def test_a_slow_pace_uses_it_up_after_its_end_and_none_never(tmp_path: Path, lease: Read):
    slow = dict.fromkeys(range(30), 5 * DOLLAR)
    (tmp_path / "slow").mkdir()
    found, _ = followed(tmp_path / "slow", lease, slow, date(2026, 11, 14))
    assert found.burn.reached is None
    assert found.used_up == date(2026, 11, 14) + timedelta((920 - 150) // 5 - 1)
    assert charts([Drawn("lease", found)])[0]["used_up"] is None
    (tmp_path / "none").mkdir()
    assert followed(tmp_path / "none", lease, {}, date(2026, 11, 14))[0].used_up is None


def test_what_is_used_up_was_so_on_the_day_that_it_was(tmp_path: Path, lease: Read):
    found, _ = followed(tmp_path, lease, {3: 900 * DOLLAR, 5: 20 * DOLLAR}, date(2026, 11, 14))
    assert found.used_up == FIRST + timedelta(5)
    assert found.needed == 0


def test_before_a_day_is_over_there_is_no_pace(tmp_path: Path, lease: Read):
    found, _ = followed(tmp_path, lease, {0: DOLLAR}, FIRST)
    assert (found.used, found.pace, found.used_up) == ((), None, None)
    assert [it.used for it in months(found)] == [None] * 4
