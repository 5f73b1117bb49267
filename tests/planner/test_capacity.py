"""What is there by month, and what an hour of it costs."""

from decimal import Decimal
from fractions import Fraction

import pytest
from planner_contracts import clauses, public

from tollway.planner.capacity import capacity_by_month
from tollway.planner.effective import effective
from tollway.planner.stated import NotStatedError, not_stated, taken


def test_a_ramp_counts_from_the_month_after_and_its_chip_hours_at_once() -> None:
    one = clauses(
        "term = {start = 2027-01-01, end = 2027-02-28}\n"
        'capacity = [{chip = "h100", chips = 10}, {since = 2027-01-16, chip = "h100", chips = 20}]'
    )
    january, february = capacity_by_month(one)
    # 10 chips for 15 days and 20 for 16: (150 + 320) x 24 = 11,280.
    assert (january.chips, january.chip_hours, january.chip) == (10, 11_280, "h100")
    assert (february.chips, february.chip_hours) == (20, 20 * 24 * 28)


def test_what_the_owner_may_reclaim_is_not_firm() -> None:
    one = clauses(
        "term = {start = 2027-01-01, months = 1}\ncapacity = [{chips = 1000, mw = 1.5}]\n"
        'reclaim = {by = "them", share = "0.25", notice_days = 7}'
    )
    (january,) = capacity_by_month(one)
    assert (january.chips, january.firm_chips, january.mw) == (1000, 750, Decimal("1.5"))


def test_capacity_that_may_have_begun_in_a_quarter_is_not_known_in_it() -> None:
    one = clauses(
        "term = {start = 2027-01-01, end = 2027-12-31}\n"
        'capacity = [{mw = 100}, {since = "2027-Q3", mw = 150}]'
    )
    known = [month.mw for month in capacity_by_month(one)]
    assert known == [Decimal(100)] * 6 + [None] * 6


def test_the_price_of_a_chip_hour_is_fees_over_the_hours_that_are_there() -> None:
    # 33 months of 920 million over 110,000 chips and 1,004 days: 30.36e9 / (110,000 x 24 x 1,004).
    found = effective(public("google-spacex"))
    assert found.usd_per_chip_hour == Fraction(30_360_000_000, 110_000 * 24 * 1004)
    assert found.left_out == 0


def test_months_of_which_fee_or_chips_are_not_stated_are_left_out_and_counted() -> None:
    found = effective(public("anthropic-spacex", "s-1"))
    assert (str(found.first), found.left_out, found.chip) == ("2026-07-01", 2, None)


def test_without_chips_there_is_no_price_of_a_chip_hour() -> None:
    one = clauses('term = {start = 2027-01-01, months = 1}\nfee = [{monthly = "1"}]')
    with pytest.raises(NotStatedError, match="no month states both its fee and its chips"):
        effective(one)


def test_what_is_not_stated_is_listed() -> None:
    assert "notice by us" in not_stated(public("openai-oracle"))
    assert "lock-in" in not_stated(public("google-spacex"))
    assert "notice by us" not in not_stated(public("google-spacex"))


def test_what_was_taken_is_said() -> None:
    assert taken(public("google-spacex"))[:2] == (
        "The day in 2026-10 is not stated: counted from 2026-10-01.",
        "The day in 2029-06 is not stated: counted to 2029-06-30.",
    )
    assert taken(public("openai-oracle")) == ()


def test_provisioned_throughput_is_capacity() -> None:
    one = clauses(
        "term = {start = 2026-01-01, months = 2}\n"
        'provisioned = [{unit = "PTU", units = 50, tokens_per_minute = 2500}]'
    )
    assert [it.tokens_per_minute for it in capacity_by_month(one)] == [2500, 2500]
