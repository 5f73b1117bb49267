"""What calls cost, and the same tokens elsewhere."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from tollway.hindsight.elsewhere import in_tier, models_instead, priced_now
from tollway.hindsight.money import Prices, Totals
from tollway.hindsight.records import Call
from tollway.units import PicoDollars, UtcSeconds, usd

AT = UtcSeconds(1_794_301_200.0)
TODAY = date(2026, 11, 22)
OPUS = Call(tool="claude-code", model="claude-opus-5", at=AT, input=1_000, output=100)
"""$5 and $25 a million tokens; reading $0.50, writing $6.25."""


def cost(call: Call) -> Decimal | None:
    found = Prices().cost(call).amount
    return None if found is None else usd(found)


def changed(**more: object) -> Call:
    return msgspec.structs.replace(OPUS, **more)


def test_every_part_of_a_prompt_is_charged_its_own_price() -> None:
    assert cost(OPUS) == Decimal("0.0075")
    assert cost(changed(cached=400)) == Decimal("0.0057")
    assert cost(changed(cached=400, write=100)) == Decimal("0.005825")


def test_a_write_that_lives_an_hour_costs_twice_the_input() -> None:
    assert cost(changed(write_1h=1_000)) == Decimal("0.0125")


def test_a_batch_costs_half_and_a_tier_without_a_price_the_standard_one() -> None:
    assert cost(changed(tier="batch")) == Decimal("0.00375")
    found = Prices().cost(changed(tier="flex"))
    assert found.standard
    assert found.amount == Prices().cost(OPUS).amount
    assert not Prices().cost(changed(tier="priority")).standard


def test_a_web_search_is_charged_where_its_price_is_known() -> None:
    assert cost(changed(searches=3)) == Decimal("0.0375")
    found = Prices().cost(changed(model="gpt-5.3-codex", searches=3))
    assert (found.searches, found.basis) == (3, "priced")


def test_an_unknown_model_has_no_cost_and_is_counted() -> None:
    unknown = changed(model="claude-opus-5-9")
    totals = Totals()
    for call in (OPUS, unknown):
        totals.add(call, Prices().cost(call))
    assert cost(unknown) is None
    assert (totals.requests, totals.unpriced, totals.unpriced_tokens) == (2, 1, 1_100)
    assert usd(PicoDollars(totals.amount)) == Decimal("0.0075")


def test_an_engine_of_ones_own_is_not_charged_by_the_token() -> None:
    assert cost(changed(tool="vllm")) is None


def test_what_a_log_states_wins_unless_it_states_nothing() -> None:
    assert cost(changed(stated=PicoDollars(10**12))) == 1
    assert cost(changed(stated=PicoDollars(0))) == Decimal("0.0075")


def test_a_prompt_past_the_bound_costs_the_long_price() -> None:
    short = changed(model="gemini-2.5-pro", input=200_000, output=0)
    long = msgspec.structs.replace(short, input=200_001)
    assert cost(short) == Decimal("0.25")
    assert cost(long) == Decimal("0.5000025")
    a_day = msgspec.structs.replace(long, period=86_400.0)
    assert cost(a_day) == Decimal("0.25000125")


def test_a_price_is_that_of_the_day_of_the_call() -> None:
    sol = changed(model="gpt-5.6-sol", output=0)
    assert cost(sol) == Decimal("0.004")
    earlier = msgspec.structs.replace(sol, at=UtcSeconds(AT - 90 * 86_400))
    assert cost(earlier) == Decimal("0.005")


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-5.3-codex", "openai"), ("gemini-3.6-flash", "google"), ("grok-4.5", "x-ai")],
)
def test_who_sells_a_model_is_told_from_its_name_where_the_log_does_not(
    model: str, provider: str
) -> None:
    found = Prices().model(changed(model=model))
    assert found is not None
    assert found.provider == provider


def test_the_same_tokens_elsewhere_are_charged_at_the_others_prices() -> None:
    prices = Prices()
    calls = [changed(cached=500), changed(write_1h=500), changed(model="nobody-knows")]
    kept, amount = priced_now(calls, prices, TODAY)
    assert len(kept) == 2
    assert usd(PicoDollars(amount)) == Decimal("0.00525") + Decimal("0.010")
    (haiku,) = models_instead(kept, [("anthropic", "claude-haiku-4-5")], TODAY)
    # fresh 500 + 500 at $1, read 500 at $0.10, written for an hour 500 at $2, 200 out at $5
    assert usd(PicoDollars(haiku.amount)) == Decimal("0.003050")
    assert haiku.too_long == 0
    assert models_instead(kept, [("openai", "gpt-4")], TODAY)[0].too_long == 0
    long = [changed(input=9_000)]
    assert models_instead(long, [("openai", "gpt-4")], TODAY)[0].too_long == 1


def test_a_tier_is_only_counted_where_it_is_sold() -> None:
    calls = [OPUS, changed(model="gpt-5.4-mini"), changed(model="gpt-5.4-mini", tier="batch")]
    found = in_tier(calls, Prices(), TODAY)
    opus, mini = Decimal("0.0075"), Decimal("0.0012")
    assert {
        tier: tuple(usd(PicoDollars(amount)) for amount in pair) for tier, pair in found.items()
    } == {
        "batch": (opus + mini * 3 / 2, opus / 2 + mini),
        "flex": (mini * 3 / 2, opus + mini),
    }
