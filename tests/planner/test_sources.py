"""APIs as offers: what a mean request pays, by the day's list price, up to the quota."""

import pytest
from planner_contracts import money
from planner_periods import horizon
from planner_problems import API, PLAN, fleet

from tollway.planner.horizon import periods_of
from tollway.planner.program.instance import ALREADY, Offer
from tollway.planner.sources import Found, api_offer
from tollway.units import usd


def found(text: str) -> Found:
    one = fleet(text)
    assert one.plan is not None
    quota = one.plan.sources.get("api")
    return api_offer(one.sources["api"], quota, one.workloads, periods_of(one.plan), 10**9)


def offer(text: str) -> Offer:
    made = found(text).offer
    assert made is not None
    return made


def prices(one: Offer) -> list[str]:
    return [f"{usd(it):.4f}" for it in one.lines[0].price]


def test_a_price_is_that_of_a_mean_request() -> None:
    # 3,000 x $1 + 1,000 x $3 over 4,000 tokens: $1.50 a million.
    assert prices(offer(PLAN + API)) == ["1.5000"] * 4


def test_a_price_that_changes_within_a_period_counts_by_its_days() -> None:
    # From 1 June (30 of the quarter's 91 days) half as much: (61 x 1.5 + 30 x 0.75) / 91.
    text = API.replace("}]", '}, { since = 2027-06-01, input = "0.50", output = "1.50" }]')
    assert prices(offer(PLAN + text)) == ["1.5000", "1.2527", "0.7500", "0.7500"]


def test_batch_work_pays_the_batch_tier_where_it_is_priced() -> None:
    batch = PLAN.replace("[workloads.chat]", '[workloads.chat]\nclass = "batch"')
    text = API.replace(
        "}]", '}, { since = 2026-01-01, tier = "batch", input = "0.50", output = "1.50" }]'
    )
    assert prices(offer(batch + text)) == ["0.7500"] * 4
    assert prices(offer(PLAN + text)) == ["1.5000"] * 4


def test_list_prices_change_by_the_declared_growth_each_year() -> None:
    plan = PLAN.replace("months = 12", "months = 24") + (
        '[plan.sources.api]\ntokens_per_minute = 1000\nprice_growth = "-20%"\n'
    )
    assert prices(offer(plan + API)) == ["1.5000"] * 4 + ["1.2000"] * 4


def test_a_quota_is_capacity_and_what_is_added_in_an_emergency_is_not() -> None:
    plan = PLAN + (
        "[plan.sources.api]\ntokens_per_minute = 1000\nemergency = 500\nemergency_days = 14\n"
        'depends = { jurisdiction = "eu" }\n'
    )
    one = offer(plan + API)
    assert one.lines[0].tokens == 60_000
    assert (one.emergency, one.emergency_days) == (0.5, 14)
    assert dict(one.attributes) == {"vendor": "acme", "region": "north", "jurisdiction": "eu"}
    assert one.runs[ALREADY].cash == (0, 0, 0, 0)


def test_without_a_quota_it_is_said_to_be_without_bound() -> None:
    made = found(PLAN + API)
    assert "without bound" in made.notes[0]
    assert made.offer is not None
    assert made.offer.lines[0].tokens == 10**9


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("expected_speed = 10.0", "10 tokens a second are expected of it, 20 are promised"),
        ("context = 2000", "its context is 2,000 tokens, a request has 4,000"),
        ("prices = [{ since = 2027-02-01, input = 1 }]", "has no price"),
    ],
)
def test_what_cannot_keep_the_promise_is_left_out_and_said(said: str, why: str) -> None:
    text = (
        API.replace(
            'serves."llama-3.3-70b".prices', f'serves."llama-3.3-70b".{said}\nserves.x.prices'
        ).replace("serves.x.prices = [", "#[")
        if "prices" in said
        else API + (f'serves."llama-3.3-70b".{said}\n')
    )
    made = found(PLAN + text.replace("input = 1 }", 'input = "1", output = "1" }'))
    assert made.offer is None
    assert why in made.notes[0]


def test_the_horizon_of_these_tests_is_the_plan_s() -> None:
    assert horizon(fleet(PLAN + API).plan.start, 4)[3].last.month == 12  # type: ignore[union-attr]
    assert money("1.5") == 15 * 10**11
