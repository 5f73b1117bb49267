"""What a supplier's failure gives back."""

import pytest
from planner_contracts import clauses, day, dollars, money, public

from tollway.planner.exits import leave_for_miss
from tollway.planner.fees import fees
from tollway.planner.remedies import (
    Happened,
    delay_discount,
    given_back,
    rights_on,
    sla_credit,
)
from tollway.planner.stated import NotStatedError
from tollway.units import PartsPerMillion

SLA = 'sla = [{below = "0.999", credit = "0.1"}, {below = "0.99", credit = "0.25"}]'


@pytest.mark.parametrize(
    ("available", "back"), [(999_000, "0.00"), (998_999, "10.00"), (989_999, "25.00")]
)
def test_the_lowest_bound_that_was_missed_holds(available: int, back: str) -> None:
    found = sla_credit(clauses(SLA), money("100"), PartsPerMillion(available))
    assert dollars(found) == back


def test_without_an_sla_no_credit_is_known() -> None:
    assert sla_credit(public("google-spacex"), money("100"), PartsPerMillion(0)) is None


LATE = (
    'term = {start = 2026-01-01, months = 3}\nfee = [{monthly = "3100"}]\n'
    'delivery = [{by = 2025-12-31, chips = 5, grace_days = 10, discount = "0.5"}]'
)


def test_a_discount_is_for_the_days_after_the_grace_until_delivery() -> None:
    # Grace to 10 January; delivered on the 21st: 11 to 20 January are 10 of 31 days: half of
    # 3,100 x 10/31 = 500. Not delivered by the end of the month: 21 days: 1,050.
    one = clauses(LATE)
    january = fees(one)[0]
    assert dollars(delay_discount(one.delivery[0], january, day("2026-01-21"))) == "500.00"
    assert dollars(delay_discount(one.delivery[0], january, None)) == "1050.00"
    assert dollars(delay_discount(one.delivery[0], january, day("2026-01-05"))) == "0.00"


def test_a_discount_of_which_the_size_is_not_stated_is_not_known() -> None:
    one = public("meta-nebius")
    january = fees(clauses(LATE))[0]
    assert delay_discount(one.delivery[0], january, None) is None


def test_the_google_lease_may_be_left_after_a_miss_and_its_month() -> None:
    one = public("google-spacex")
    assert rights_on(one, day("2026-10-31"), 100_000) == ()
    assert rights_on(one, day("2026-11-01"), 100_000) == ("terminate", "accept fewer")
    assert rights_on(one, day("2026-11-01"), 110_000) == ()


def test_what_comes_back_is_due_with_the_fee_that_it_comes_off() -> None:
    # January: 99% of the time, 10% of 3,100 back; delivered on the 21st, 500 off (above).
    one = clauses(LATE + "\n" + SLA)
    happened = Happened({day("2026-01-01"): PartsPerMillion(990_000)}, day("2026-01-21"))
    found = [(str(it.due), it.item, dollars(it.amount)) for it in given_back(one, happened)]
    assert found == [
        ("2026-01-01", "SLA credit", "-310.00"),
        ("2026-01-01", "delay discount", "-500.00"),
    ]


def test_credits_that_no_clause_gives_are_refused() -> None:
    with pytest.raises(NotStatedError, match="no SLA is stated"):
        list(given_back(clauses(LATE), Happened({day("2026-01-01"): PartsPerMillion(0)})))
    with pytest.raises(NotStatedError, match="no discount for a late delivery"):
        list(given_back(clauses(SLA), Happened(delivered=day("2026-01-21"))))


def test_too_few_chips_after_the_grace_are_a_way_out_at_once() -> None:
    # 110,000 were due by the end of September, with October for grace. Up to 5 November: nothing
    # of the days after it is owed.
    lease = public("google-spacex")
    assert leave_for_miss(lease, day("2026-10-31"), 90_000) is None
    assert leave_for_miss(lease, day("2026-11-05"), 110_000) is None
    found = leave_for_miss(lease, day("2026-11-05"), 90_000)
    assert found is not None
    assert (found.how, str(found.leaves), found.owed) == ("missed delivery", "2026-11-05", ())
