"""Cash flows against cases worked by hand, to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planner_contracts import clauses, due, money, public

from tollway.fleet.contract_dates import add_months
from tollway.planner.cash import by_stretch, payments, whole
from tollway.planner.fees import Usage
from tollway.planner.stated import NotStatedError


def test_a_start_in_mid_february_is_by_the_days_of_that_february() -> None:
    # 2028 is a leap year: 15 to 29 February are 15 of 29 days: 29,000 x 15/29 = 15,000.
    leap = clauses('term = {start = 2028-02-15, end = 2028-03-31}\nfee = [{monthly = "29000"}]')
    assert due(payments(leap)) == [
        ("2028-02-15", "fee", "15000.00"),
        ("2028-03-01", "fee", "29000.00"),
    ]
    # 2027 is none: 15 to 28 February are 14 of 28 days: 29,000 x 14/28 = 14,500.
    plain = clauses('term = {start = 2027-02-15, end = 2027-02-28}\nfee = [{monthly = "29000"}]')
    assert due(payments(plain)) == [("2027-02-15", "fee", "14500.00")]


def test_part_of_a_month_is_rounded_once_to_the_cent() -> None:
    # 11 to 31 January are 21 of 31 days: 100 x 21/31 = 67.7419... -> 67.74.
    # 1 to 10 February are 10 of 28: 35.7142... -> 35.71.
    one = clauses('term = {start = 2026-01-11, end = 2026-02-10}\nfee = [{monthly = "100"}]')
    assert due(payments(one)) == [("2026-01-11", "fee", "67.74"), ("2026-02-01", "fee", "35.71")]


def test_contract_months_from_the_last_day_of_a_month_do_not_drift() -> None:
    # Months begin on 31 January, 28 February (there is no 31st), 31 March; the third ends on the
    # day before 30 April. Each is whole, so each fee is.
    one = clauses(
        "term = {start = 2026-01-31, months = 3}\n"
        'fee = [{monthly = "1000"}]\nbilling = {months = "contract", due = "end", days = 30}'
    )
    # Due 30 days after 27 February, 30 March and 29 April.
    assert due(payments(one)) == [
        ("2026-03-29", "fee", "1000.00"),
        ("2026-04-29", "fee", "1000.00"),
        ("2026-05-29", "fee", "1000.00"),
    ]


def test_fee_and_capacity_ramp_separately() -> None:
    # January: 10 chips for 15 days, 20 for 16, at $2 an hour:
    # 10 x 24 x 15 x 2 = 7,200 and 20 x 24 x 16 x 2 = 15,360: 22,560.
    # February: the rate falls to $1.50 on the 15th: 20 x 24 x 14 x 2 = 13,440 and
    # 20 x 24 x 14 x 1.5 = 10,080: 23,520.
    one = clauses(
        "term = {start = 2027-01-01, end = 2027-02-28}\n"
        "capacity = [{chips = 10}, {since = 2027-01-16, chips = 20}]\n"
        'fee = [{rate = "2", per = "chip-hour"}, '
        '{since = 2027-02-15, rate = "1.5", per = "chip-hour"}]'
    )
    assert due(payments(one)) == [
        ("2027-01-01", "fee", "22560.00"),
        ("2027-02-01", "fee", "23520.00"),
    ]


def test_steps_by_month_of_the_term_begin_on_its_day() -> None:
    # The third month of a term from 10 January begins on 10 March: 9 days at 3,100 and 22 at 6,200
    # of 31: 900 + 4,400 = 5,300.
    one = clauses(
        "term = {start = 2026-01-10, end = 2026-03-31}\n"
        'fee = [{monthly = "3100"}, {month = 3, monthly = "6200"}]'
    )
    assert due(payments(one))[2] == ("2026-03-01", "fee", "5300.00")


def test_megawatts_are_exact() -> None:
    # 168 MW x $130 a kW-month = 168 x 1000 x 130 = 21,840,000; 0.1 MW is not 0.1000000000000000055.
    one = clauses(
        "term = {start = 2026-09-01, months = 1}\ncapacity = [{mw = 168.1}]\n"
        'fee = [{rate = "130", per = "kw-month"}]'
    )
    assert due(payments(one)) == [("2026-09-01", "fee", "21853000.00")]


def test_an_escalator_compounds_on_the_anniversary() -> None:
    # 1,000 a month, 3% each year from 1 March 2026: 1,030.00 from March 2027, 1,060.90 from 2028.
    one = clauses(
        'term = {start = 2026-03-01, months = 25}\nfee = [{monthly = "1000"}]\n'
        'escalator = {share = "0.03"}'
    )
    owed = [row[2] for row in due(payments(one))]
    assert owed == ["1000.00"] * 12 + ["1030.00"] * 12 + ["1060.90"]


def test_an_escalation_in_mid_month_splits_the_month() -> None:
    # From 16 June 2026; the fee grows by 10% on 16 June 2027: 15 days of 30 at 600 and 15 at 660.
    one = clauses(
        'term = {start = 2026-06-16, months = 13}\nfee = [{monthly = "600"}]\n'
        'escalator = {share = "0.1"}'
    )
    assert ("2027-06-01", "fee", "630.00") in due(payments(one))


def test_a_prepayment_is_credited_after_its_months_of_service() -> None:
    # 20% of 30 x 1,000 = 6,000 are prepaid; after the 24th month 1,000 come off each month until
    # nothing is left: months 25 to 30 cost nothing.
    one = clauses(
        'term = {start = 2026-01-01, months = 30}\nfee = [{monthly = "1000"}]\n'
        'prepay = {share = "0.20", credit_after = 24}'
    )
    paid = payments(one)
    assert due(paid)[:2] == [
        ("2026-01-01", "fee", "1000.00"),
        ("2026-01-01", "prepayment", "6000.00"),
    ]
    credited = [row for row in due(paid) if row[1] == "credit"]
    assert credited == [(f"2028-{month:02}-01", "credit", "-1000.00") for month in range(1, 7)]
    every = whole(paid)
    assert every is not None
    assert every.amount == money("30000")


def test_a_credit_in_equal_parts() -> None:
    # 1,000 over 3 months is 333.33 each; the cent that is left comes with the fourth.
    one = clauses(
        'term = {start = 2026-01-01, months = 4}\nfee = [{monthly = "500"}]\n'
        'prepay = {amount = "1000", credit_after = 0, credit_over = 3}'
    )
    credited = [row[2] for row in due(payments(one)) if row[1] == "credit"]
    assert credited == ["-333.33", "-333.33", "-333.33", "-0.01"]


def test_what_is_left_of_a_prepayment_at_an_exit_is_refunded_only_where_that_is_stated() -> None:
    text = 'term = {start = 2026-01-01, months = 4}\nfee = [{monthly = "500"}]\n'
    last = date(2026, 2, 28)
    back = clauses(text + 'prepay = {amount = "700", refunded = true}')
    assert due(payments(back, last))[-1] == ("2026-02-28", "refund", "-700.00")
    gone = clauses(text + 'prepay = {amount = "700", refunded = false}')
    assert all(row[1] != "refund" for row in due(payments(gone, last)))
    unsaid = clauses(text + 'prepay = {amount = "700"}')
    assert due(payments(unsaid, last))[-1] == ("2026-02-28", "refund", None)


TOKENS = """
term = {start = 2026-01-01, months = 12}
fee = [{per = "Mtok"}]
tiers = [{up_to = 1_000_000, price = "2"}, {up_to = 3_000_000, price = "1"}, {price = "0.50"}]
"""


def test_tiers_price_a_month_from_its_first_token() -> None:
    # 5M tokens: 1M at $2, 2M at $1, 2M at $0.50 = 2 + 2 + 1 = 5.
    used = Usage(tokens={date(2026, 1, 1): 5_000_000, date(2026, 2, 1): 500_000})
    owed = due(payments(clauses(TOKENS), date(2026, 2, 28), used))
    assert [row[2] for row in owed] == ["5.00", "1.00"]


def test_take_or_pay_is_the_least_of_a_month() -> None:
    used = Usage(tokens={date(2026, 1, 1): 5_000_000, date(2026, 2, 1): 500_000})
    one = clauses(TOKENS + 'minimum = {amount = "4"}')
    assert [row[2] for row in due(payments(one, date(2026, 2, 28), used))] == ["5.00", "4.00"]
    # Without use it is the least, and says that it is.
    unknown = payments(one, date(2026, 1, 31))
    assert [(it.amount, it.at_least) for it in unknown] == [(money("4"), True)]


def test_take_or_pay_as_a_share_of_capacity() -> None:
    # 10 chips x 24 x 30 hours x $2 = 14,400; 60% are 8,640, and 1,000 hours used cost 2,000.
    one = clauses(
        "term = {start = 2026-04-01, months = 1}\ncapacity = [{chips = 10}]\n"
        'fee = [{rate = "2", per = "chip-hour", metered = true}]\nminimum = {share = "0.6"}'
    )
    used = Usage(chip_hours={date(2026, 4, 1): 1000})
    assert due(payments(one, None, used)) == [("2026-04-01", "metered use", "8640.00")]


def test_a_commitment_is_trued_up_at_the_end_of_its_period() -> None:
    # $60 a half year; 5 + 1 are spent in the first: 54 are due on 30 June; none of the second: 60.
    used = Usage(tokens={date(2026, 1, 1): 5_000_000, date(2026, 2, 1): 500_000})
    one = clauses(TOKENS + 'commitment = {amount = "60", months = 6, true_up = "pay"}')
    rest = [row for row in due(payments(one, None, used)) if row[1] == "commitment"]
    assert rest == [("2026-06-30", "commitment", "54.00"), ("2026-12-31", "commitment", "60.00")]
    # Rolled over, the first half's rest is due with the second's.
    rolled = clauses(TOKENS + 'commitment = {amount = "60", months = 6, true_up = "roll"}')
    rest = [row for row in due(payments(rolled, None, used)) if row[1] == "commitment"]
    assert rest == [("2026-12-31", "commitment", "114.00")]


@pytest.mark.parametrize(
    ("on_exit", "owed"),
    [("due", [("2026-03-31", "commitment", "59.00")]), ("released", []),
     # 90 of 181 days: 60 x 90/181 = 29.83...; less 1 spent.
     ("prorated", [("2026-03-31", "commitment", "28.83")])],
)  # fmt: skip
def test_what_an_exit_leaves_of_a_commitment(on_exit: str, owed: list[object]) -> None:
    used = Usage(tokens={date(2026, 2, 1): 500_000})
    spend = f'commitment = {{amount = "60", months = 6, true_up = "pay", on_exit = "{on_exit}"}}'
    found = due(payments(clauses(TOKENS + spend), date(2026, 3, 31), used))
    assert [row for row in found if row[1] == "commitment"] == owed


def test_an_amount_that_is_not_stated_stays_so_in_the_sum() -> None:
    paid = payments(public("anthropic-spacex", "s-1"))
    years = by_stretch(paid, "year")
    # Six months of 2026 at 1.25 billion, and May and June of which the fee is not stated.
    assert (years[0].amount, years[0].unstated) == (money("7500000000"), 2)
    # 35 months: July 2026 to May 2029.
    every = whole(paid)
    assert every is not None
    assert every.amount == money("43750000000")


def test_the_google_lease_is_33_months() -> None:
    every = whole(payments(public("google-spacex")))
    assert every is not None
    assert every.amount == money("30360000000")


def test_a_start_of_which_only_the_year_is_known_is_not_guessed() -> None:
    with pytest.raises(NotStatedError, match="the start of the term is stated as 2027 only"):
        payments(public("openai-oracle"))


STARTS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
FEES = st.decimals(Decimal("0.01"), Decimal(99999999), places=2)


@given(STARTS, st.integers(1, 40), FEES, st.sampled_from(["calendar", "contract"]))
def test_sums_do_not_depend_on_how_the_cash_is_cut(
    start: date, months: int, fee: Decimal, billing: str
) -> None:
    one = clauses(
        f'term = {{start = {start}, months = {months}}}\nfee = [{{monthly = "{fee}"}}]\n'
        f'billing = {{months = "{billing}"}}\nprepay = {{share = "0.1", credit_after = 3}}'
    )
    paid = payments(one)
    totals = {
        sum(it.amount for it in by_stretch(paid, every)) for every in ("month", "quarter", "year")
    }
    assert totals == {sum(it.amount or 0 for it in paid)}
    assert all((it.amount or 0) % 10**10 == 0 for it in paid)


@given(STARTS, st.integers(1, 40), FEES)
def test_whole_contract_months_cost_whole_fees(start: date, months: int, fee: Decimal) -> None:
    one = clauses(
        f'term = {{start = {start}, months = {months}}}\nfee = [{{monthly = "{fee}"}}]\n'
        'billing = {months = "contract"}'
    )
    paid = payments(one)
    assert [it.amount for it in paid] == [money(str(fee))] * months
    assert paid[-1].through == add_months(start, months).fromordinal(
        add_months(start, months).toordinal() - 1
    )
