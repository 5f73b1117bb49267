"""Own silicon: every payment by hand, to the cent; lives, loans, sales and power."""

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_fleets import BUILD, PLAN, SITE, planned

from tollway.fleet.evidence import Evidence
from tollway.fleet.objects import Fleet
from tollway.fleet.planning import Debt
from tollway.planner.builds import LEAD_MONTHS, runs, sales
from tollway.planner.horizon import periods_of
from tollway.planner.loan import annuity, loan
from tollway.planner.program.instance import Period, Stream
from tollway.planner.sites import energy_price, power_of, taken
from tollway.units import PartsPerMillion, PicoDollars, usd

QUARTERS = PLAN.replace('"month"', '"quarter"')
NOTHING = Evidence(None, None, None, None, False)
CENT = 10**10


def horizon(fleet: Fleet) -> tuple[Period, ...]:
    assert fleet.plan is not None
    return periods_of(fleet.plan)


def streams(fleet: Fleet, life: int | None = None) -> dict[int, Stream]:
    build, site = fleet.builds["own"], fleet.sites["here"]
    return dict(runs(build, site, horizon(fleet), life))


def dollars(amounts: Iterable[PicoDollars]) -> list[str]:
    return [f"{usd(amount):.2f}" for amount in amounts]


def test_a_module_is_paid_for_as_worked_by_hand() -> None:
    made = streams(planned(SITE, BUILD))[0]
    # January: a quarter of 1,200,000. March: the rest, the first month of 10,000 and of 4,000 for
    # each of 0.5 x 1.2 megawatts, less a loan of 600,000. From April on a part of the loan:
    # 600,000 x 1% / (1 - 1.01^-12) = 53,309.27. After December ten months are over: the tenth
    # part, the 105,040.36 that are owed after it, less 40% of 50/60 of the chips and of 158/168 of
    # the facility (408,571.43).
    assert dollars(made.cash) == [
        "300000.00",
        "0.00",
        "312400.00",
        *["65709.27"] * 8,
        "-184512.53",
    ]
    assert made.capacity == (0, 0, *[1] * 10)
    assert made.after == 0


def test_by_quarters_it_is_paid_the_same_and_counts_from_the_first_whole_one() -> None:
    made = streams(planned(SITE, BUILD, plan=QUARTERS))[0]
    assert dollars(made.cash) == ["612400.00", "197127.81", "197127.81", "-53093.99"]
    assert made.capacity == (0, 1, 1, 1)


def test_a_shorter_life_ends_capacity_and_what_it_costs_and_leaves_less_to_sell() -> None:
    made = streams(planned(SITE, BUILD), life=6)[0]
    # March to August. The loan goes on; of the facility 158/168 are left, of which 40% come back.
    assert made.capacity == (0, 0, *[1] * 6, *[0] * 4)
    assert dollars(made.cash)[7:] == ["65709.27", *["53309.27"] * 3, "136420.80"]


def test_a_module_that_is_sold_pays_its_loan_back_from_what_it_brings() -> None:
    fleet = planned(SITE, BUILD)
    found = sales(fleet.builds["own"], fleet.sites["here"], horizon(fleet))
    made = found[0, 6]
    # July: the fourth part, the 407,905.39 owed after it, less 40% of 56/60 and of 164/168.
    assert dollars(made.cash)[6:] == ["9786.09", *["0.00"] * 5]
    assert made.capacity == (0, 0, *[1] * 4, *[0] * 6)
    assert all(ordered + 2 < sold for ordered, sold in found)


def test_without_a_loan_nothing_is_borrowed_and_nothing_owed() -> None:
    text = BUILD.replace('debt = { share = "60%", rate = "12%", months = 12 }', "")
    made = streams(planned(SITE, text))[0]
    assert dollars(made.cash)[2:4] == ["912400.00", "12400.00"]
    assert dollars(made.cash)[-1] == "-396171.43"  # 12,400 less 408,571.43


def test_generation_that_is_built_for_a_module_is_paid_with_its_facility() -> None:
    both = """
    [[sites.here.supply]]
    kind = "on-site"
    since = "2027-03"
    mw = 3
    kwh = "0.04"
    capex = "1_000_000"
    """
    fleet = planned(SITE, both, BUILD)
    made = streams(fleet)[0]
    # At delivery three of four megawatts are generated: 750,000 for each of 0.6, so 450,000 more.
    # A quarter of it is in the deposit; the demand charge is 4,000 for one megawatt of four.
    assert dollars(made.cash)[0] == "412500.00"
    assert dollars(made.cash)[2] == f"{3 * 412500 + 10000 + 600 - 600000}.00"
    last = horizon(fleet)[-1]
    # 600 kWh an hour at (1 x 0.08 + 3 x 0.04) / 4 = 0.05 a kWh, for a thousand million tokens.
    price = energy_price(fleet.builds["own"], fleet.sites["here"], last, 10**9)
    assert usd(price) == pytest.approx(usd(PicoDollars(3 * 10**10)))
    assert power_of(fleet.sites["here"], horizon(fleet)).available == (1, 1, *[4] * 10)
    assert taken(fleet.builds["own"], fleet.sites["here"]) == Fraction(3, 5)


def test_a_period_has_only_the_power_that_is_there_in_each_of_its_months() -> None:
    later = '[[sites.here.supply]]\nkind = "grid"\nsince = "2027-05"\nmw = 2\n'
    fleet = planned(SITE, later, plan=QUARTERS)
    assert power_of(fleet.sites["here"], horizon(fleet)).available == (1, 1, 3, 3)


def test_what_cannot_serve_a_whole_period_is_not_ordered() -> None:
    assert max(streams(planned(SITE, BUILD))) == 9
    assert max(streams(planned(SITE, BUILD, plan=QUARTERS))) == 2
    assert not streams(planned(SITE, BUILD.replace("lead_months = 2", "lead_months = 12")))


def test_orders_are_given_only_in_the_months_in_which_they_may_be() -> None:
    text = BUILD + 'since = "2027-02"\nuntil = "2027-04"\n'
    assert list(streams(planned(SITE, text))) == [1, 2, 3]


def test_the_lead_time_is_that_of_how_it_is_built_unless_stated() -> None:
    for how, months in LEAD_MONTHS.items():
        text = BUILD.replace("lead_months = 2\n", "").replace("modular", how)
        fleet = planned(SITE, text, plan=PLAN.replace("12", "60"))
        first = streams(fleet)[0]
        assert first.capacity.index(Fraction(1)) == months


def test_a_loan_without_interest_is_divided_and_its_last_part_pays_the_rest() -> None:
    made = loan(PicoDollars(600_000 * 10**12), debt(0, 7))
    assert dollars(made.paid) == [*["85714.29"] * 6, "85714.26"]


def debt(rate: int, months: int) -> Debt:
    return Debt(NOTHING, PartsPerMillion(1), PartsPerMillion(rate), months)


@given(
    st.integers(0, 10**11).map(lambda cents: PicoDollars(cents * CENT)),
    st.integers(0, 10**6),
    st.integers(1, 360),
)
def test_a_loan_is_paid_back_whole_to_the_cent(amount: PicoDollars, rate: int, months: int) -> None:
    made = loan(amount, debt(rate, months))
    assert made.owed[0] == amount
    assert made.owed[-1] == 0
    assert len(made.paid) == months
    assert all(paid >= 0 and paid % CENT == 0 for paid in made.paid)
    assert all(later <= sooner for sooner, later in zip(made.owed, made.owed[1:], strict=False))


def test_an_annuity_is_that_of_the_textbook() -> None:
    # 100,000 at 6% over 30 years: 599.55 a month.
    assert dollars([annuity(PicoDollars(10**17), Fraction(6, 1200), 360)]) == ["599.55"]


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(1, 11), st.integers(1, 60), st.integers(1, 40))
def test_periods_do_not_change_what_is_paid_in_all(
    deposit: int, lead: int, life: int, months: int
) -> None:
    text = (
        BUILD.replace("25%", f"{deposit}%")
        .replace("lead_months = 2", f"lead_months = {lead}")
        .replace("months = 12 }", f"months = {months} }}")
    )
    by_month = streams(planned(SITE, text, plan=PLAN.replace("12", "24")), life)
    by_quarter = streams(planned(SITE, text, plan=QUARTERS.replace("12", "24")), life)
    for index, made in by_quarter.items():
        monthly = by_month[3 * index]
        assert sum(made.cash) == sum(monthly.cash)
        for quarter, share in enumerate(made.capacity):
            assert share == min(monthly.capacity[3 * quarter : 3 * quarter + 3])
