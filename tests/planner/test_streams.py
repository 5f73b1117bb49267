"""What a planner sees of a contract is what `tollway contracts` says of it, to the cent."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_contracts import clauses, day, money
from planner_periods import horizon

from tollway.fleet.contract_dates import end_of
from tollway.planner.cash import payments
from tollway.planner.exits import give_notice
from tollway.planner.shifted import shifted
from tollway.planner.stated import NotStatedError
from tollway.planner.streams import kept, left, notice_day

YEARS = horizon(date(2027, 1, 1), 12)
RIGHT = 'notice = [{by = "us", days = 90}]\ntermination = [{by = "us", fee = "0"}]\n'
LEASE = (
    "term = {start = 2027-01-01, months = 24}\n"
    'capacity = [{chips = 8, chip = "h200"}]\nfee = [{monthly = "3000"}]\n' + RIGHT
)

STARTS = st.dates(date(2026, 6, 1), date(2028, 3, 31))
FEES = st.sampled_from(
    [
        'fee = [{monthly = "1234.56"}]',
        'fee = [{rate = "2.41", per = "chip-hour"}]',
        'fee = [{monthly = "1000"}, {month = 4, monthly = "3333.33"}]',
        'fee = [{rate = "1900", per = "chip-month"}]\nescalator = {share = "0.031"}',
    ]
)
RAMPS = st.sampled_from(
    [
        'capacity = [{chips = 8, chip = "h200"}]',
        'capacity = [{chips = 3, chip = "h200"}, {month = 3, chips = 8, chip = "h200"}]',
    ]
)
BILLING = st.sampled_from(
    [
        "",
        'billing = {months = "contract", due = "start"}',
        'billing = {due = "end", days = 30}',
    ]
)
RIGHTS = st.sampled_from(
    [
        'notice = [{by = "us", days = 90}]',
        'notice = [{by = "us", months = 1, ends = "month end"}]',
        'notice = [{by = "us", months = 3}]\nlock_in = {months = 6}',
        'notice = [{by = "us", none = true}]',
    ]
)
COSTS = st.sampled_from(['fee = "777.77"', "months_of_fee = 2", 'remaining = "0.25"'])
AHEAD = st.sampled_from(
    [
        "",
        'prepay = {amount = "900", credit_after = 2, credit_over = 5, refunded = true}',
        'commitment = {amount = "20000", months = 12, true_up = "pay", on_exit = "prorated"}',
    ]
)
SPAN = horizon(date(2026, 6, 1), 20)


@st.composite
def written(draw: st.DrawFn) -> str:
    """A contract, as text."""
    lines = [f"term = {{start = {draw(STARTS)}, months = {draw(st.integers(7, 40))}}}"]
    lines += [draw(part) for part in (FEES, RAMPS, BILLING, RIGHTS, AHEAD)]
    return "\n".join([*lines, f'termination = [{{by = "us", {draw(COSTS)}}}]'])


def by_period(text: str) -> list[int]:
    """`tollway contracts cost`, by period of the horizon; what is billed late is in the last."""
    sums = [0] * len(SPAN)
    for one in payments(clauses(text)):
        at = [at for at, period in enumerate(SPAN) if period.first <= one.due <= period.last]
        late = one.due > SPAN[-1].last and one.served <= SPAN[-1].last
        if at or late:  # before the horizon it is spent
            sums[at[0] if at else -1] += one.amount or 0
    return sums


@settings(max_examples=80, deadline=None)
@given(written())
def test_a_stream_costs_what_the_contract_costs(text: str) -> None:
    assert list(kept(clauses(text), SPAN).cash) == by_period(text)


@settings(max_examples=80, deadline=None)
@given(written(), st.integers(0, 15))
def test_an_exit_costs_what_leaving_costs(text: str, at: int) -> None:
    one = clauses(text)
    on = notice_day(one, SPAN[at], SPAN)
    if on is None or on < one.term.start.first:  # type: ignore[union-attr]
        return
    found, stream = give_notice(one, on), left(one, on, SPAN)
    then = {(it.item, it.due) for it in payments(one, found.leaves)}
    before = sum(
        it.amount or 0
        for it in payments(one, min(on, found.leaves))
        if it.item not in ("refund", "commitment") or (it.item, it.due) in then
    )
    assert sum(stream.cash) + stream.after == before + (found.tail or 0)


@settings(max_examples=60, deadline=None)
@given(written(), st.integers(0, 36))
def test_a_contract_that_is_moved_by_whole_months_keeps_its_length(text: str, months: int) -> None:
    one = clauses(text)
    start = day(f"{2027 + months // 12}-{months % 12 + 1:02}-01")
    moved = shifted(one, start)
    assert moved.term is not None
    assert moved.term.start is not None
    assert moved.term.start.first == start
    assert end_of(shifted(moved, one.term.start.first)) == end_of(one)  # type: ignore[union-attr]


def test_a_last_day_stays_a_last_day_whatever_the_months() -> None:
    # 2027-01-01 to 2027-02-28 is two months; from 1 February 2028 they end with a leap March.
    one = clauses(
        "term = {start = 2027-01-01, end = 2027-02-28}\n"
        'capacity = [{chips = 8}]\nfee = [{monthly = "1"}]\n'
        'termination = [{by = "us", fee = "1", until = 2027-01-31}]'
    )
    moved = shifted(one, day("2028-02-01"))
    assert str(end_of(moved)) == "2028-03-31"
    assert str(moved.termination[0].until) == "2028-02-29"


def test_a_ramp_counts_from_the_period_that_has_all_of_it() -> None:
    one = clauses(
        "term = {start = 2027-01-01, months = 24}\n"
        "capacity = [{chips = 2}, {month = 5, chips = 8}]\n"
        'fee = [{monthly = "1"}]\n' + RIGHT
    )
    shares = kept(one, YEARS).capacity
    assert shares[:4] == (Fraction(1, 4), Fraction(1, 4), Fraction(1), Fraction(1))
    assert shares[8:] == (0, 0, 0, 0)


def test_what_its_owner_may_reclaim_is_not_counted_on() -> None:
    one = clauses(LEASE + 'reclaim = {by = "them", share = "0.25"}')
    assert kept(one, YEARS).capacity[0] == Fraction(3, 4)


def test_notice_waits_for_the_day_that_pays_for_a_whole_period() -> None:
    # 90 days from 1 July 2027 end on 29 September; from 2 July on the 30th, with the quarter.
    one = clauses(LEASE)
    assert notice_day(one, YEARS[2], YEARS) == day("2027-07-02")
    assert left(one, day("2027-07-02"), YEARS).capacity[:4] == (1, 1, 1, 0)
    # 90 days from 1 January end on 1 April: a day of April is paid for, whoever waits.
    assert notice_day(one, YEARS[0], YEARS) == day("2027-01-01")
    assert left(one, day("2027-01-01"), YEARS).cash[1] == money("100.00")


def test_no_notice_is_given_where_it_changes_nothing() -> None:
    assert notice_day(clauses(LEASE), YEARS[8], YEARS) is None
    locked = clauses(LEASE + "lock_in = {months = 12}")
    assert notice_day(locked, YEARS[1], YEARS) is None
    assert notice_day(locked, YEARS[4], YEARS) is not None


def test_what_is_billed_after_the_horizon_is_not_free() -> None:
    one = clauses(LEASE + 'billing = {due = "end", days = 30}')
    first = horizon(date(2027, 1, 1), 2)
    assert sum(kept(one, first).cash) == money("18000")
    # 90 days from 30 June are owed beyond it: July, August and 28 of 30 days of September.
    assert kept(one, first).after == money("8800.00")


def test_a_fee_that_is_not_stated_is_refused() -> None:
    unsaid = clauses(LEASE.replace('fee = [{monthly = "3000"}]', "fee = [{}]"))
    with pytest.raises(NotStatedError, match="the fee due on 2027-01-01"):
        kept(unsaid, YEARS)
    with pytest.raises(NotStatedError, match="whether the buyer pays a fee for leaving"):
        left(clauses(LEASE.replace("termination", "#")), day("2027-07-02"), YEARS)


METERED = (
    "term = {start = 2027-01-01, months = 24}\n"
    "capacity = [{tokens_per_minute = 1000000}]\n"
    'fee = [{rate = "2.00", per = "Mtok"}]\n' + RIGHT
)


def test_a_monthly_minimum_is_a_minimum_on_use_and_no_cash() -> None:
    found = kept(clauses(METERED + 'minimum = {amount = "500"}'), YEARS)
    assert set(found.cash) == {0}
    assert [(one.first, one.last, one.amount) for one in found.minimums] == [
        (at, at, money("1500")) for at in range(8)
    ]


def test_a_commitment_is_a_minimum_on_each_of_its_years() -> None:
    terms = 'commitment = {amount = "12000", months = 12, true_up = "pay", on_exit = "prorated"}'
    found = kept(clauses(METERED + terms), YEARS)
    assert [(one.first, one.last, one.amount) for one in found.minimums] == [
        (0, 3, money("12000")),
        (4, 7, money("12000")),
    ]
    # Notice on 2 July 2027 leaves on 30 September: 273 of 365 days.
    early = left(clauses(METERED + terms), day("2027-07-02"), YEARS)
    assert [(one.first, one.last, one.amount) for one in early.minimums] == [
        (0, 2, money("8975.34"))
    ]
    rolled = kept(clauses(METERED + terms.replace('"pay"', '"roll"')), YEARS)
    assert [(one.first, one.last, one.amount) for one in rolled.minimums] == [
        (0, 7, money("24000"))
    ]
    assert not kept(clauses(METERED + terms.replace('"pay"', '"lapse"')), YEARS).minimums


def test_of_a_commitment_beyond_the_horizon_its_days_within_count() -> None:
    terms = 'commitment = {amount = "1000", true_up = "pay", on_exit = "due"}'
    found = kept(clauses(METERED + terms), horizon(date(2027, 1, 1), 4))
    assert [one.amount for one in found.minimums] == [money("499.32")]  # 365 of 731 days
