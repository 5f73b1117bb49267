"""Leaving: when notice takes effect, and what is owed, against cases worked by hand."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planner_contracts import clauses, day, dollars, money, public

from tollway.planner.cash import payments
from tollway.planner.exits import earliest, give_notice, last_day, last_notice
from tollway.planner.stated import NotStatedError

LEASE = 'term = {start = 2026-01-01, end = 2028-12-31}\nfee = [{monthly = "3000"}]\n'


@pytest.mark.parametrize(
    ("notice", "given", "leaves"),
    [
        ("days = 90", "2026-12-31", "2027-03-31"),
        ("days = 90", "2027-12-01", "2028-02-29"),
        ("days = 90", "2026-12-01", "2027-03-01"),
        ("months = 1", "2027-01-31", "2027-02-28"),
        ("months = 1", "2028-01-31", "2028-02-29"),
        ("months = 3", "2027-11-30", "2028-02-29"),
        ('days = 90, ends = "month end"', "2026-12-15", "2027-03-31"),
        ('months = 3, ends = "month end"', "2026-12-31", "2027-03-31"),
        ("days = 0", "2027-05-05", "2027-05-05"),
        ("days = 90", "2028-12-01", "2028-12-31"),
        ("none = true", "2026-06-01", "2028-12-31"),
    ],
)
def test_notice_takes_effect(notice: str, given: str, leaves: str) -> None:
    one = clauses(LEASE + f'notice = [{{by = "either", {notice}}}]')
    for by in ("us", "them"):
        assert str(give_notice(one, day(given), by).leaves) == leaves


def test_what_is_owed_after_notice_is_the_days_after_it() -> None:
    # Notice on 10 April 2026, 30 days: last day 10 May. April: 20 of 30 days of 3,000 = 2,000.00.
    # May: 10 of 31 = 967.74.
    one = clauses(LEASE + 'notice = [{by = "us", days = 30}]')
    found = give_notice(one, day("2026-04-10"))
    assert [(str(it.served), dollars(it.amount)) for it in found.owed] == [
        ("2026-04-11", "2000.00"),
        ("2026-05-01", "967.74"),
    ]
    assert found.tail == money("2967.74")
    assert found.unsaid == ("whether the buyer pays a fee for leaving",)


def test_each_side_has_its_own_notice() -> None:
    one = clauses(
        LEASE + 'notice = [{by = "us", days = 30}, {by = "them", months = 6, '
        "not_before = 2027-01-01}]"
    )
    assert str(give_notice(one, day("2026-06-30"), "us").leaves) == "2026-07-30"
    theirs = give_notice(one, day("2026-06-30"), "them")
    assert (str(theirs.counts), str(theirs.leaves)) == ("2027-01-01", "2027-07-01")


def test_a_lock_in_holds_notice_or_exit() -> None:
    right = 'notice = [{by = "us", days = 90}]\n'
    notice = clauses(LEASE + right + "lock_in = {months = 3}")
    assert str(give_notice(notice, day("2026-01-15")).leaves) == "2026-06-30"  # 1 April + 90 days
    leave = clauses(LEASE + right + 'lock_in = {months = 6, holds = "exit"}')
    assert str(give_notice(leave, day("2026-01-15")).leaves) == "2026-06-30"
    assert str(give_notice(leave, day("2026-05-01")).leaves) == "2026-07-30"


@pytest.mark.parametrize(
    ("terms", "fee"),
    [
        ('fee = "1234.56"', "1234.56"),
        ("months_of_fee = 2", "6000.00"),
        # Notice on 1 November 2028, 30 days: leaves 1 December; 30 of 31 days of December are left:
        # 3,000 x 30/31 = 2,903.23, half of it 1,451.615 -> 1,451.62 (half to even of a cent).
        ('remaining = "0.5"', "1451.62"),
    ],
)
def test_a_fee_for_leaving(terms: str, fee: str) -> None:
    one = clauses(
        LEASE + f'notice = [{{by = "us", days = 30}}]\ntermination = [{{by = "us", {terms}}}]'
    )
    found = give_notice(one, day("2028-11-01"))
    last = found.owed[-1]
    assert (last.item, dollars(last.amount), found.unsaid) == ("termination fee", fee, ())


def test_a_fee_for_leaving_that_is_over_is_not_owed() -> None:
    one = clauses(
        LEASE + 'notice = [{by = "us", days = 30}]\n'
        'termination = [{by = "us", fee = "5", until = 2026-12-31}]'
    )
    assert give_notice(one, day("2026-12-02")).owed[-1].item == "fee"
    assert give_notice(one, day("2026-12-01")).owed[-1].item == "termination fee"


def test_the_supplier_that_leaves_pays_us() -> None:
    one = clauses(
        LEASE + 'notice = [{by = "them", days = 30}]\ntermination = [{by = "them", fee = "100"}]'
    )
    assert give_notice(one, day("2026-04-10"), "them").tail == money("2867.74")


def test_an_automatic_extension_binds_whoever_is_too_late() -> None:
    one = clauses(
        'term = {start = 2026-01-01, end = 2026-12-31}\nfee = [{monthly = "100"}]\n'
        'notice = [{by = "us", none = true}]\n'
        'extension = {months = 12, times = 3, by = "automatic", notice_days = 92}'
    )
    assert str(give_notice(one, day("2026-09-30")).leaves) == "2026-12-31"
    late = give_notice(one, day("2026-10-01"))
    assert str(late.leaves) == "2027-12-31"
    # October: 30 of 31 days = 96.77; November, December and twelve months more.
    assert late.tail == money("1496.77")


def test_the_three_readings_of_the_spacex_lease_differ_while_they_lock_in() -> None:
    # Notice on 15 June 2026. S-1: it counts at once. The S-1/A: from 1 August, after three months.
    # On X: from 28 October, after 180 days. 90 days later each.
    leaves = {
        reading: str(give_notice(public("anthropic-spacex", reading), day("2026-06-15")).leaves)
        for reading in ("s-1", "s-1-a", "musk-on-x")
    }
    assert leaves == {"s-1": "2026-09-13", "s-1-a": "2026-10-30", "musk-on-x": "2027-01-26"}


def test_the_tail_of_the_spacex_lease_in_november() -> None:
    # Notice on 22 November 2026: 8 of 30 days of November, December, January, 20 of 28 of February:
    # 333,333,333.33 + 1,250,000,000 + 1,250,000,000 + 892,857,142.86.
    for reading in ("s-1", "s-1-a", "musk-on-x"):
        found = earliest(public("anthropic-spacex", reading), day("2026-11-22"))
        assert (str(found.leaves), dollars(found.tail)) == ("2027-02-20", "3726190476.19")


def test_the_google_lease_may_be_left_from_january() -> None:
    # It counts from 1 January 2027; last day 1 April. November: 8 of 30 days of 920 million =
    # 245,333,333.33; four months; one of 30 days of April = 30,666,666.67.
    found = earliest(public("google-spacex"), day("2026-11-22"))
    assert (str(found.counts), str(found.leaves)) == ("2027-01-01", "2027-04-01")
    assert dollars(found.tail) == "3956000000.00"


def test_a_right_that_is_not_stated_is_not_guessed() -> None:
    with pytest.raises(NotStatedError, match="the notice that the supplier may give is not stated"):
        give_notice(clauses(LEASE + 'notice = [{by = "us", days = 1}]'), day("2026-02-01"), "them")


def test_the_last_call_is_the_last_day_that_leads_out_in_time() -> None:
    one = clauses(LEASE + 'notice = [{by = "us", days = 90}]')
    assert last_notice(one, day("2027-03-31")) == day("2026-12-31")
    assert (
        last_notice(one, day("2026-03-31")) == day("2025-12-31")
        or last_notice(one, day("2026-03-31")) is None
    )


DAYS = st.dates(date(2025, 6, 1), date(2029, 6, 1))
RIGHTS = st.sampled_from(
    [
        "days = 90",
        "months = 1",
        'days = 30, ends = "month end"',
        "days = 10, not_before = 2026-07-15",
        "none = true",
    ]
)
MORE = st.sampled_from(
    [
        "",
        "lock_in = {months = 7}",
        'lock_in = {days = 200, holds = "exit"}',
        'extension = {months = 6, times = 2, by = "automatic", notice_days = 60}',
    ]
)


@given(DAYS, st.integers(0, 400), RIGHTS, MORE)
def test_giving_notice_later_never_makes_the_exit_earlier(
    on: date, later: int, right: str, more: str
) -> None:
    one = clauses(LEASE + f'notice = [{{by = "us", {right}}}]\n{more}')
    assert last_day(one, on, "us")[1] <= last_day(one, on + timedelta(later), "us")[1]


@given(st.dates(date(2028, 12, 31), date(2031, 1, 1)), RIGHTS)
def test_a_contract_cancelled_after_its_term_costs_what_the_whole_term_costs(
    on: date, right: str
) -> None:
    one = clauses(
        LEASE + f'notice = [{{by = "us", {right}}}]\ntermination = [{{by = "us", fee = "9"}}]'
    )
    found = give_notice(one, on)
    assert (found.owed, found.how) == ((), "end of term")
    assert payments(one, found.leaves) == payments(one)


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), RIGHTS)
def test_what_was_owed_before_notice_and_after_it_is_what_was_owed_in_all(
    on: date, right: str
) -> None:
    one = clauses(
        LEASE + f'notice = [{{by = "us", {right}}}]\ntermination = [{{by = "us", fee = "0"}}]'
    )
    found = give_notice(one, on)
    before = sum(it.amount or 0 for it in payments(one, min(on, found.leaves)))
    assert before + (found.tail or 0) == sum(it.amount or 0 for it in payments(one, found.leaves))


def test_a_refund_is_owed_once_whenever_notice_is_given() -> None:
    # 900 ahead. Up to 2 June 20 of the fee and of the credit; up to the 30th 300 and 100.
    one = clauses(
        'term = {start = 2026-06-01, months = 12}\nfee = [{monthly = "300"}]\n'
        'notice = [{by = "us", days = 28}]\ntermination = [{by = "us", fee = "0"}]\n'
        'prepay = {amount = "900", credit_after = 0, credit_over = 9, refunded = true}'
    )
    found = give_notice(one, day("2026-06-02"))
    assert [(it.item, dollars(it.amount)) for it in found.owed] == [
        ("credit", "-80.00"),
        ("fee", "280.00"),
        ("refund", "-800.00"),
    ]
