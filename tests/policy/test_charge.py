"""What a month is charged: sums, order, the edges of steps, cents."""

from datetime import date
from fractions import Fraction
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.books import Kind, Rate, Step, Terms
from tollway.policy.charge import PICO_PER_CENT, Item, Used, bill, climb
from tollway.policy.shares import shares, split
from tollway.units import PartsPerMillion, PicoDollars

DOLLAR = 10**12


def step(up_to: int | None, price: int) -> Step:
    return Step(up_to, PicoDollars(price))


def priced(
    *, model: str | None = None, source: str | None = None, **ladders: tuple[Step, ...]
) -> Rate:
    return Rate(model, source, None, None, MappingProxyType(ladders))  # type: ignore[arg-type]


def marked_up(millionths: int, model: str | None = None, source: str | None = None) -> Rate:
    return Rate(model, source, None, PartsPerMillion(millionths), MappingProxyType({}))


def terms(*rates: Rate, markup: int = 0, monthly: int = 0, included: int = 0) -> Terms:
    return Terms(
        date(2026, 11, 1),
        PicoDollars(monthly),
        PicoDollars(included),
        PartsPerMillion(markup),
        rates,
    )


def used(
    model: str | None = "llama", source: str | None = "own", tier: str = "standard", **counts: int
) -> Used:
    zero = dict.fromkeys(("answered", "input", "cached_input", "cache_write", "output", "cost"), 0)
    return Used(model, source, tier, **{**zero, **counts})


COUNTS = st.integers(0, 10**9)
USED = st.builds(
    lambda model, source, tier, fresh, cached, written, output, cost: used(
        *(model, source, tier),
        answered=1,
        input=fresh + cached + written,
        cached_input=cached,
        cache_write=written,
        output=output,
        cost=cost,
    ),
    st.sampled_from(["llama", "gpt", None]),
    st.sampled_from(["own", "api", None]),
    st.sampled_from(["standard", "batch"]),
    *[COUNTS] * 4,
    st.integers(0, 10**15),
)
LADDERS = st.lists(st.integers(1, 10**9), max_size=3, unique=True).flatmap(
    lambda ends: st.tuples(
        *(st.builds(step, st.just(end), st.integers(0, 10**8)) for end in sorted(ends)),
        st.builds(step, st.none(), st.integers(0, 10**8)),
    )
)
RATES = st.one_of(
    st.builds(
        lambda model, source, input_, output, cached: priced(
            model=model,
            source=source,
            input=input_,
            output=output,
            **({"cached_input": cached} if cached else {}),
        ),
        st.sampled_from(["llama", "gpt", None]),
        st.sampled_from(["own", None]),
        LADDERS,
        LADDERS,
        st.none() | LADDERS,
    ),
    st.builds(
        marked_up,
        st.integers(-(10**6), 10**7),
        st.sampled_from(["llama", "gpt", None]),
        st.sampled_from(["own", None]),
    ),
)
TERMS = st.builds(
    lambda rates, markup, monthly, included: terms(
        *rates, markup=markup, monthly=monthly, included=included
    ),
    st.lists(RATES, max_size=4, unique_by=lambda it: (it.model, it.source, it.tier)),
    st.integers(-(10**6), 10**7),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
)


@given(TERMS, st.lists(USED, max_size=8))
def test_the_lines_add_up_to_the_cost_and_to_what_is_charged(
    rules: Terms, month: list[Used]
) -> None:
    made = bill(rules, month)
    assert sum(line.cost for line in made.lines) == sum(part.cost for part in month) == made.cost
    items = sum(item.charged for line in made.lines for item in line.items)
    assert items - made.covered + made.fee == made.charged
    assert 0 <= made.covered <= rules.included
    assert made.charged >= made.fee >= 0
    assert made.due % PICO_PER_CENT == 0
    assert abs(2 * (made.due - made.charged)) <= PICO_PER_CENT


@given(TERMS, st.lists(USED, max_size=8), st.randoms(use_true_random=False))
def test_neither_the_order_of_requests_nor_that_of_rates_changes_a_bill(
    rules: Terms, month: list[Used], chance: object
) -> None:
    shuffled = list(month)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert bill(rules, shuffled) == bill(rules, month)
    backwards = terms(
        *reversed(rules.rates),
        markup=rules.markup,
        monthly=rules.monthly,
        included=rules.included,
    )
    other = bill(backwards, month)
    assert (other.cost, other.charged) == (bill(rules, month).cost, bill(rules, month).charged)


@given(TERMS, USED, st.integers(0, 10**9), st.integers(0, 10**9))
def test_usage_in_two_parts_is_charged_as_in_one(
    rules: Terms, whole: Used, tokens: int, money: int
) -> None:
    output, cost = min(tokens, whole.output), min(money, whole.cost)
    rest = used(whole.model, whole.source, whole.tier or "", output=output, cost=cost)
    first = Used(
        *(whole.model, whole.source, whole.tier, whole.answered),
        *(whole.input, whole.cached_input, whole.cache_write),
        whole.output - output,
        whole.cost - cost,
    )
    assert bill(rules, [first, rest]) == bill(rules, [whole])


@given(LADDERS, st.integers(0, 4 * 10**9))
def test_steps_leave_no_token_out_and_count_none_twice(
    ladder: tuple[Step, ...], count: int
) -> None:
    items = climb("output", ladder, count)
    assert sum(item.count for item in items) == count
    ends = [step.up_to for step in ladder]
    above = 0
    for item in items:
        assert item.above == above
        above += item.count
        assert item.count > 0
        assert item.price is not None
        assert item.charged == item.count * item.price
        assert above == count or above in ends


@pytest.mark.parametrize(
    ("count", "charged"),
    [
        (0, []),
        (1, [(0, 1, 0)]),
        (999, [(0, 999, 0)]),
        (1000, [(0, 1000, 0)]),
        (1001, [(0, 1000, 0), (1000, 1, 7)]),
        (2000, [(0, 1000, 0), (1000, 1000, 7000)]),
        (2001, [(0, 1000, 0), (1000, 1000, 7000), (2000, 1, 3)]),
    ],
)
def test_the_last_token_of_a_step_is_still_in_it(
    count: int, charged: list[tuple[int, int, int]]
) -> None:
    ladder = (step(1000, 0), step(2000, 7), step(None, 3))
    assert [(it.above, it.count, it.charged) for it in climb("output", ladder, count)] == charged


def test_the_rate_that_names_the_model_holds_before_the_source_and_that_before_the_tier() -> None:
    rates = (
        marked_up(1),
        Rate(None, None, "batch", PartsPerMillion(2), MappingProxyType({})),
        marked_up(3, source="own"),
        marked_up(4, model="llama"),
        marked_up(5, model="llama", source="own"),
    )
    at = {
        ("llama", "own", "batch"): 5,
        ("llama", "api", "batch"): 4,
        ("gpt", "own", "batch"): 3,
        ("gpt", "api", "batch"): 2,
        ("gpt", "api", "standard"): 1,
        (None, None, "standard"): 1,
    }
    for (model, source, tier), millionths in at.items():
        (line,) = bill(terms(*rates, markup=9), [used(model, source, tier)]).lines
        assert line.rate is not None
        assert line.rate.markup == millionths


def test_input_of_a_kind_without_a_price_is_counted_as_input() -> None:
    month = [used(input=100, cached_input=30, cache_write=20, output=5, answered=2, cost=77)]
    plain = priced(input=(step(None, 10),), output=(step(None, 100),))
    assert bill(terms(plain), month).charged == 100 * 10 + 5 * 100
    cached = priced(
        input=(step(None, 10),),
        cached_input=(step(None, 1),),
        output=(step(None, 100),),
        request=(step(None, 1000),),
    )
    (line,) = bill(terms(cached), month).lines
    kinds: list[tuple[Kind | None, int, int]] = [
        (it.kind, it.count, it.charged) for it in line.items
    ]
    assert kinds == [
        ("input", 70, 700),
        ("cached_input", 30, 30),
        ("output", 5, 500),
        ("request", 2, 2000),
    ]
    assert line.cost == 77


def test_volume_is_counted_for_each_model_by_itself_over_all_its_sources() -> None:
    rate = priced(input=(step(None, 0),), output=(step(100, 0), step(None, 1)))
    month = [
        used("llama", "own", output=60),
        used("llama", "api", output=60),
        used("gpt", output=60),
    ]
    lines = bill(terms(rate), month).lines
    assert [(line.model, line.charged) for line in lines] == [("gpt", 0), ("llama", 20)]


def test_a_markup_is_taken_of_the_whole_line_and_rounded_half_up_once() -> None:
    month = [used(cost=1), used(cost=1, source="api"), used(cost=1, tier="batch")]
    (line,) = bill(terms(markup=500_000), month).lines
    assert line.items == (Item(None, 0, 0, None, 5),)  # 4.5; each request by itself would be 6
    assert bill(terms(markup=-1_000_000), month).charged == 0


def test_the_fee_is_due_in_a_month_with_requests_and_covers_charges_up_to_what_is_included() -> (
    None
):
    rules = terms(monthly=99 * DOLLAR, included=50 * DOLLAR)
    assert bill(rules, []).charged == 0
    assert bill(rules, [used(cost=30 * DOLLAR)]).charged == 99 * DOLLAR
    assert bill(rules, [used(cost=80 * DOLLAR)]).charged == 129 * DOLLAR
    assert bill(rules, [used(cost=80 * DOLLAR)]).covered == 50 * DOLLAR


@pytest.mark.parametrize(
    ("charged", "cents"),
    [
        (0, 0),
        (PICO_PER_CENT // 2 - 1, 0),
        (PICO_PER_CENT // 2, 1),
        (PICO_PER_CENT, 1),
        (PICO_PER_CENT * 3 // 2, 2),
        (PICO_PER_CENT * 5 // 2, 3),
    ],
)
def test_cents_are_made_once_half_up(charged: int, cents: int) -> None:
    assert bill(terms(), [used(cost=charged)]).due == cents * PICO_PER_CENT


@given(parts=st.lists(USED, max_size=8), rated=st.booleans())
def test_the_shares_of_parts_add_up_to_each_line_and_are_within_a_pico_dollar_of_exact(
    parts: list[Used], rated: bool
) -> None:
    rate = priced(model="llama", input=(step(10**9, 3), step(None, 7)), output=(step(None, 11),))
    charged = terms(*([rate, marked_up(333_333, source="api")] if rated else []), markup=123_457)
    found = shares(charged, parts)
    whole = bill(charged, parts)
    assert sum(found) == sum(line.charged for line in whole.lines)
    for model in {part.model for part in parts}:
        mine = [share for share, part in zip(found, parts, strict=True) if part.model == model]
        assert sum(mine) == sum(line.charged for line in whole.lines if line.model == model)
    for share, part in zip(found, parts, strict=True):
        if not rated:
            assert abs(share - Fraction(part.cost * 1_123_457, 10**6)) <= 2
        assert share >= 0


def test_what_a_step_costs_is_everybodys_whoever_was_first() -> None:
    charged = terms(priced(input=(step(100, 0), step(None, 10)), output=(step(None, 0),)))
    parts = [used(source="own", input=100), used(source="own", input=300)]
    assert shares(charged, parts) == [750, 2250]
    assert shares(charged, parts[::-1]) == [2250, 750]


def test_an_amount_is_split_whole() -> None:
    assert split(10, [1, 1, 1]) == [3, 3, 4]
    assert split(-7, [2, 1]) == [-5, -2]
    assert split(0, [0, 0]) == [0, 0]
