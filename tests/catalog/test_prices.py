"""Token prices by provider, model and day."""

from datetime import date
from decimal import Decimal

import pytest

from tollway.catalog.prices import price_providers, priced_model, priced_models
from tollway.units import pico_per_token

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("provider", price_providers())
def test_every_file_is_read_and_every_model_has_a_price_today(provider: str) -> None:
    models = priced_models(provider)
    assert models
    for model in models:
        price = model.at(TODAY)
        assert price is not None, model.name
        assert price.rates.cached_input <= price.rates.input, model.name
        assert model.taken <= TODAY


@pytest.mark.parametrize(
    ("provider", "name", "known"),
    [
        ("anthropic", "claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("anthropic", "Claude-Opus-5", "claude-opus-5"),
        ("openai", "gpt-5.3-codex", "gpt-5.3-codex"),
        ("google", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("anthropic", "claude-opus-5-20260714", "claude-opus-5"),
        ("anthropic", "claude-opus-5-5", "claude-opus-5-5"),
        (
            "aws",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "regional.anthropic.claude-sonnet-4-5",
        ),
    ],
)
def test_a_name_with_a_date_is_its_model(provider: str, name: str, known: str) -> None:
    found = priced_model(provider, name)
    assert found is not None
    assert found.name.startswith(known)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("anthropic", "claude-opus-5-9"),
        ("anthropic", "claude-opus-4-5-9"),
        ("anthropic", "claude-sonnet-5.2-20270101"),
        ("openai", "gpt-9"),
        ("nobody", "claude-opus-5"),
    ],
)
def test_a_further_version_has_no_price_until_one_is_known(provider: str, name: str) -> None:
    assert priced_model(provider, name) is None


def test_the_price_is_that_of_the_day() -> None:
    model = priced_model("openai", "gpt-5.6-sol")
    assert model is not None
    before, after = model.at(date(2026, 8, 20)), model.at(date(2026, 8, 21))
    assert before is not None
    assert after is not None
    assert before.rates.input > after.rates.input


def test_a_tier_has_a_price_of_its_own_or_none() -> None:
    model = priced_model("anthropic", "claude-opus-5")
    assert model is not None
    batch = model.at(TODAY, "batch")
    assert batch is not None
    assert batch.rates.output == pico_per_token(Decimal("12.5"))
    assert batch.rates.cache_write_1h == pico_per_token(Decimal(5))
    assert model.at(TODAY, "flex") is None


def test_a_long_prompt_costs_more_in_all_its_parts() -> None:
    model = priced_model("google", "gemini-2.5-pro")
    price = model and model.at(TODAY)
    assert price is not None
    assert price.of(200_000) == price.rates
    assert price.of(200_001) == price.long
    assert price.of(200_001).output > price.rates.output


def test_a_part_without_a_price_is_charged_as_input() -> None:
    model = priced_model("openai", "gpt-5.3-codex")
    price = model and model.at(TODAY)
    assert price is not None
    assert price.rates.cache_write == price.rates.input == pico_per_token(Decimal("1.75"))
    assert price.rates.cache_write_1h == price.rates.cache_write
