"""Whenever it is signed, extended or left, a plan books what `tollway contracts` says, to the cent.

The other half of `test_streams`: here contracts are on offer, extended, left late or committed.
"""

from datetime import date

import pytest
from planner_contracts import clauses, contract, money
from planner_periods import horizon
from planner_problems import API, PLAN, fleet, problem

from tollway.planner.agreements import signings_of
from tollway.planner.calls import calls
from tollway.planner.cash import Payment, payments
from tollway.planner.exits import give_notice, last_notice
from tollway.planner.fees import Usage
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import ALREADY, Minimum
from tollway.planner.streams import kept, left, notice_day

YEARS = horizon(date(2027, 1, 1), 12)
LEASE = 'capacity = [{chips = 8, chip = "h200"}]\nfee = [{monthly = "3000"}]\n'
BOUND = 'notice = [{by = "us", none = true}]\n'


def total(paid: list[Payment]) -> int:
    return sum(one.amount or 0 for one in paid)


@pytest.mark.parametrize("paid_on", ["2026-12-01", "2027-02-01", "2027-04-01"])
def test_what_is_due_before_the_signing_is_paid_when_it_is_signed(paid_on: str) -> None:
    one = contract(
        "term = {start = 2027-04-01, months = 12}\noffer = {}\n"
        f'prepay = {{amount = "9000", on = {paid_on}, credit_after = 0, refunded = false}}\n'
        + LEASE
        + BOUND
    )
    signings = dict(signings_of(one.offer, one.clauses, YEARS))
    for at in range(6):
        cash = kept(signings[at], YEARS, at).cash
        assert not any(cash[:at])
        assert sum(cash) == total(payments(signings[at])) == money("36000")


def test_what_a_contract_in_force_has_paid_is_spent() -> None:
    one = clauses("term = {start = 2026-10-01, months = 12}\n" + LEASE + BOUND)
    assert sum(kept(one, YEARS).cash) == money("27000")


def test_an_offer_of_a_plan_is_never_cheaper_for_being_signed_late() -> None:
    lease = (
        '[contracts.lease]\nbuyer = "us"\nsupplier = "them"\noffer = {}\n'
        "term = {start = 2027-04-01, months = 6}\n"
        'prepay = {amount = "9000", on = 2027-02-01, credit_after = 0, refunded = false}\n'
    )
    offers = problem(PLAN + lease + LEASE + BOUND).instance.offers
    runs = next(one for one in offers if one.name == "lease").runs
    assert [sum(runs[at].cash[at:]) for at in (0, 1)] == [money("18000")] * 2


EXTENDED = (
    "term = {start = 2027-01-01, months = 12}\n"
    'extension = {months = 12, times = 1, by = "automatic", notice_days = 60}\n'
    'termination = [{by = "us", fee = "0"}]\n' + LEASE
)


def test_an_automatic_extension_can_be_refused_up_to_its_last_day() -> None:
    one = clauses(EXTENDED + BOUND)
    assert sum(kept(one, YEARS).cash) == money("72000")
    days = [notice_day(one, period, YEARS) for period in YEARS]
    assert [on is not None for on in days] == [True] * 4 + [False] * 8
    for on in days[:4]:
        assert on is not None
        found = give_notice(one, on)
        stream = left(one, on, YEARS)
        assert stream.capacity == (1,) * 4 + (0,) * 8
        assert sum(stream.cash) == total(payments(one, found.leaves)) == money("36000")
    assert last_notice(one, date(2027, 12, 31)) == date(2027, 11, 1)


def test_an_extension_is_left_within_it_by_notice() -> None:
    one = clauses(EXTENDED + 'notice = [{by = "us", days = 30}]\n')
    on = notice_day(one, YEARS[5], YEARS)
    assert on is not None
    found = give_notice(one, on)
    assert (on, found.leaves) == (date(2028, 5, 31), date(2028, 6, 30))
    assert sum(left(one, on, YEARS).cash) == total(payments(one, found.leaves)) == money("54000")


def test_the_call_to_refuse_an_extension_says_what_binds_who_misses_it() -> None:
    text = PLAN + '[contracts.lease]\nbuyer = "us"\nsupplier = "them"\n' + EXTENDED + BOUND
    made = problem(text)
    [call] = calls(fleet(text + API), made, Plan((), (), (), {}, {}))
    assert (call.by, call.out, call.until) == (
        date(2027, 11, 1),
        date(2027, 12, 31),
        date(2028, 12, 31),
    )


def test_a_contract_in_its_automatic_extension_is_in_force() -> None:
    extended = EXTENDED.replace("2027-01-01", "2026-01-01").replace("times = 1", "times = 2")
    text = PLAN + '[contracts.lease]\nbuyer = "us"\nsupplier = "them"\n' + extended + BOUND
    [lease] = [one for one in problem(text).instance.offers if one.name == "lease"]
    assert lease.signed == 1
    owed = total(payments(clauses(extended + BOUND), date(2027, 12, 31))) - money("36000")
    assert sum(lease.runs[ALREADY].cash) == owed == money("36000")
    over = text.replace('by = "automatic", notice_days = 60', 'by = "us", notice_days = 60')
    assert "lease" not in {one.name for one in problem(over).instance.offers}


METERED = (
    "term = {start = 2026-11-15, months = 36}\n"
    'capacity = [{chips = 8, chip = "h200"}]\n'
    'fee = [{rate = "2", per = "chip-hour", metered = true}]\n'
    'notice = [{by = "us", days = 30}]\ntermination = [{by = "us", fee = "0"}]\n'
)


@pytest.mark.parametrize("terms", ["due", "prorated"])
@pytest.mark.parametrize("on", [date(2027, 11, 20), date(2027, 12, 1)])
def test_a_commitment_that_is_cut_in_the_period_in_which_it_begins_is_owed(
    terms: str, on: date
) -> None:
    one = clauses(
        METERED
        + f'commitment = {{amount = "120000", months = 12, true_up = "pay", on_exit = "{terms}"}}'
    )
    owed = payments(one, give_notice(one, on).leaves, Usage())[-1]
    assert owed.item == "commitment"
    assert left(one, on, YEARS).minimums[-1] == Minimum(3, 3, owed.amount or money("0"))


def test_no_month_of_a_monthly_commitment_is_free() -> None:
    terms = 'commitment = {amount = "500", months = 1, true_up = "pay", on_exit = "due"}'
    one = clauses(METERED.replace("2026-11-15", "2027-01-01") + terms)
    owed = sum(it.amount for it in kept(one, YEARS).minimums)
    assert owed == total(payments(one, None, Usage())) == money("18000")


@pytest.mark.parametrize(("amount", "owed"), [("12000", "36000"), ("20000", "60000")])
def test_a_monthly_minimum_counts_towards_the_commitment_of_its_year(
    amount: str, owed: str
) -> None:
    one = clauses(
        METERED.replace("2026-11-15", "2027-01-01")
        + 'minimum = {amount = "1000"}\n'
        + f'commitment = {{amount = "{amount}", months = 12, true_up = "pay", on_exit = "due"}}'
    )
    least = sum(it.amount for it in kept(one, YEARS).minimums)
    assert least == total(payments(one, None, Usage())) == money(owed)
    on = notice_day(one, YEARS[2], YEARS)
    assert on is not None
    early = left(one, on, YEARS)
    found = give_notice(one, on)
    assert sum(it.amount for it in early.minimums) == total(payments(one, found.leaves, Usage()))


@pytest.mark.parametrize("due", ["start", "end"])
@pytest.mark.parametrize("months", ["calendar", "contract"])
@pytest.mark.parametrize(
    "prepaid", ["", 'prepay = {amount = "12000", credit_after = 18, refunded = true}\n']
)
def test_what_is_owed_within_the_horizon_and_after_it_is_everything(
    months: str, due: str, prepaid: str
) -> None:
    one = clauses(
        "term = {start = 2027-01-15, months = 24}\n"
        f'billing = {{months = "{months}", due = "{due}", days = 20}}\n' + prepaid + LEASE + BOUND
    )
    stream = kept(one, YEARS[:4])
    assert sum(stream.cash) + stream.after == total(payments(one)) == money("72000")


def test_money_that_comes_back_for_a_billed_month_comes_back_with_the_notice() -> None:
    terms = (
        "term = {start = 2026-12-15, months = 8}\n"
        'billing = {months = "contract", due = "start"}\n'
        'notice = [{by = "us", days = 10}]\ntermination = [{by = "us", fee = "0"}]\n' + LEASE
    )
    text = PLAN + '[contracts.lease]\nbuyer = "us"\nsupplier = "them"\n' + terms
    made = problem(text).instance
    [lease] = [one for one in made.offers if one.name == "lease"]
    run, one = lease.runs[ALREADY], clauses(terms)
    assert {when for _, when in lease.exits} == {0, 1, 2}
    for (_, when), gone in lease.exits.items():
        on = notice_day(one, made.periods[when], made.periods)
        assert on is not None
        assert gone.cash[:when] == run.cash[:when]
        spent = total([it for it in payments(one) if it.due < made.periods[0].first])
        owed = total(payments(one, give_notice(one, on).leaves))
        assert sum(gone.cash) + gone.after == owed - spent
