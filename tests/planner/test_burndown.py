"""Drawing a commitment down, against cases worked by hand."""

from datetime import date, timedelta

import pytest
from planner_contracts import clauses, day, dollars, money

from tollway.planner.burndown import burn, period_on
from tollway.planner.stated import NotStatedError
from tollway.units import PicoDollars

YEAR = (
    "term = {start = 2026-01-15, months = 24}\n"
    'commitment = {amount = "3650", months = 12, true_up = "pay"}'
)


def spending(first: str, days: int, amount: str) -> dict[date, PicoDollars]:
    return {day(first) + timedelta(count): money(amount) for count in range(days)}


def test_a_period_begins_with_the_term_and_not_with_the_year() -> None:
    one = clauses(YEAR)
    assert period_on(one, day("2027-01-14")) == (day("2026-01-15"), day("2027-01-14"))
    assert period_on(one, day("2027-01-15")) == (day("2027-01-15"), day("2028-01-14"))


def test_what_is_left_at_the_pace_of_four_weeks_is_forecast() -> None:
    # 100 days from 15 January are up on 25 April. At $5 a day 500 are spent, and 265 days are left:
    # 500 + 265 x 5 = 1,825 of 3,650: half of it is left.
    found = burn(clauses(YEAR), day("2026-04-25"), spending("2026-01-15", 100, "5"))
    assert dollars(found.spent) == "500.00"
    assert dollars(found.forecast) == "1825.00"
    assert dollars(found.over) == "-1825.00"
    assert found.reached is None


def test_use_that_grows_is_forecast_at_its_latest_pace() -> None:
    # 72 days at $5 and the last 28 at $20: 360 + 560 = 920; 2,730 are left at 20 a day: 136.5 days,
    # so on the 137th day from 25 April, 8 September; at the end 920 + 265 x 20 = 6,220.
    spent = spending("2026-01-15", 72, "5") | spending("2026-03-28", 28, "20")
    found = burn(clauses(YEAR), day("2026-04-25"), spent)
    assert (dollars(found.spent), dollars(found.forecast)) == ("920.00", "6220.00")
    assert dollars(found.over) == "2570.00"
    assert found.reached == day("2026-09-08")


def test_on_the_first_day_nothing_is_forecast() -> None:
    found = burn(clauses(YEAR), day("2027-01-15"), spending("2026-01-15", 365, "10"))
    assert (found.spent, found.forecast, found.over) == (0, None, None)


def test_today_is_not_over_and_not_counted() -> None:
    found = burn(clauses(YEAR), day("2026-01-16"), spending("2026-01-15", 2, "10"))
    # One day at $10, and 364 days left: 10 + 3,640 = 3,650, used up on the last day.
    assert (dollars(found.forecast), found.over) == ("3650.00", 0)
    assert found.reached == day("2027-01-14")


def test_a_commitment_that_is_used_up_is_reached_today() -> None:
    found = burn(clauses(YEAR), day("2026-04-25"), spending("2026-01-15", 1, "9999"))
    assert found.reached == day("2026-04-25")


@pytest.mark.parametrize(
    ("text", "on", "why"),
    [
        ("term = {start = 2026-01-15, months = 24}", "2026-02-01", "no commitment is stated"),
        (YEAR, "2028-01-15", "2028-01-15 lies outside the term, 2026-01-15 to 2028-01-14"),
        ('commitment = {amount = "1"}', "2026-01-01", "the start of the term is not stated"),
    ],
)
def test_what_cannot_be_drawn_down(text: str, on: str, why: str) -> None:
    with pytest.raises(NotStatedError, match=why):
        burn(clauses(text), day(on), {})
