"""Public prices: which model is meant, and what holds on a day."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tollway.catalog.public_prices import PublicPrice, public_prices
from tollway.errors import FaultsFound
from tollway.units import PicoDollars

URL = "https://api.vendor.example/v1"


def data(prices: Any, match: Any = None, **more: Any) -> Any:
    model = {"id": "m", "match": match or {"equals": "m"}, "prices": prices, **more}
    return [{"id": "vendor", "api_pattern": r"https://api\.vendor\.example", "models": [model]}]


def flat(amount: str, **more: Any) -> dict[str, Any]:
    return {"input_mtok": Decimal(amount), "output_mtok": Decimal(amount) * 4, **more}


def on(day: str, prices: Any, **more: Any) -> Any:
    model = public_prices(data(prices, **more), "test").model(URL, "m")
    assert model is not None
    return model.on(date.fromisoformat(day))


def price(amount: int, **more: Any) -> PublicPrice:
    whole = {
        "tier": "standard",
        "since": None,
        "hours": None,
        "input": amount,
        "output": amount * 4,
        "cached_input": amount,
        "cache_write": amount,
        "request": 0,
        **more,
    }
    return PublicPrice(**whole)


def test_a_price_is_exact_and_kinds_of_input_without_one_are_charged_as_input() -> None:
    found = on("2026-11-22", flat("0.0375", cache_read_mtok=Decimal("0.01"), requests_kcount=12))
    expected = price(37_500, cached_input=10_000, request=12 * 10**9)
    assert found == {"standard": (expected,)}


def test_of_dated_prices_the_last_that_has_begun_holds() -> None:
    prices = [
        {"prices": flat("1")},
        {"constraint": {"start_date": "2026-03-01"}, "prices": flat("2")},
        {"constraint": {"start_date": "2026-12-01"}, "prices": flat("3")},
    ]
    assert on("2026-02-28", prices)["standard"] == (price(1_000_000),)
    began = date(2026, 3, 1)
    assert on("2026-03-01", prices)["standard"] == (price(2_000_000, since=began),)
    assert on("2026-11-30", prices)["standard"] == (price(2_000_000, since=began),)


def test_hours_that_come_after_the_price_that_holds_hold_in_those_hours() -> None:
    hours = {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}
    later = {"constraint": {"start_date": "2026-12-01"}, "prices": flat("9")}
    prices = [{"prices": flat("1")}, {"constraint": hours, "prices": flat("2")}, later]
    expected = (price(1_000_000), price(2_000_000, hours=(30, 990)))
    assert on("2026-11-22", prices)["standard"] == expected
    assert on("2026-12-01", prices)["standard"] == (price(9_000_000, since=date(2026, 12, 1)),)


def test_variants_are_tiers_and_others_are_not_taken_for_one() -> None:
    variants = [
        {"when": {"processing": "batch"}, "prices": flat("0.5")},
        {"when": {"service_tier": "priority"}, "prices": flat("2")},
        {"when": {"speed": "fast"}, "prices": flat("9")},
        {"when": {"processing": "batch", "route": "eu"}, "prices": flat("9")},
        {
            "when": {"service_tier": "flex"},
            "prices": flat("3"),
            "constraint": {"start_date": "2027-01-01"},
        },
    ]
    found = on("2026-11-22", flat("1"), price_variants=variants)
    assert {tier: prices[0].input for tier, prices in found.items()} == {
        "standard": 1_000_000,
        "batch": 500_000,
        "priority": 2_000_000,
    }


@pytest.mark.parametrize(
    "prices",
    [
        {"input_mtok": {"base": 5, "tiers": [{"start": 200000, "price": 10}]}, "output_mtok": 25},
        {"input_mtok": Decimal("0.0000001"), "output_mtok": 1},
        {"input_audio_mtok": 4},
    ],
)
def test_what_a_fleet_file_cannot_say_is_no_price(prices: Any) -> None:
    assert on("2026-11-22", prices) is None


@pytest.mark.parametrize(
    ("match", "name", "known"),
    [
        ({"equals": "a"}, "a", True),
        ({"equals": "a"}, "A", True),
        ({"equals": "a"}, "ab", False),
        ({"starts_with": "a-"}, "a-2026", True),
        ({"ends_with": "-x"}, "a-x", True),
        ({"contains": "mini"}, "a-mini-b", True),
        ({"regex": r"^a-\d{8}$"}, "a-20260101", True),
        ({"regex": r"^a-\d{8}$"}, "a-2026", False),
        ({"or": [{"equals": "b"}, {"equals": "a"}]}, "a", True),
        ({"or_": [{"equals": "b"}]}, "a", False),
        ({"and": [{"starts_with": "a"}, {"ends_with": "z"}]}, "a-z", True),
        ({"and": [{"starts_with": "a"}, {"ends_with": "z"}]}, "a", False),
        ({"unheard_of": "a"}, "a", False),
    ],
)
def test_a_model_is_known_by_its_rule(match: Any, name: str, known: bool) -> None:
    public = public_prices(data(flat("1"), match), "test")
    assert (public.model(URL, name) is not None) is known
    assert public.model("https://other.example/v1", name) is None
    assert public.knows(URL)
    assert not public.knows("https://other.example")


@pytest.mark.parametrize("wrong", [None, [], {}, [1], [{"id": "x"}], "text"])
def test_data_of_another_form_is_refused(wrong: Any) -> None:
    with pytest.raises(FaultsFound, match=r"Name a file of genai-prices, such as its data\.json\."):
        public_prices(wrong, "prices.json")


def test_amounts_are_pico_dollars() -> None:
    assert on("2026-11-22", flat("1"))["standard"][0].input == PicoDollars(1_000_000)
