# ruff: noqa: E501 - a caution is one line, and is shown whole here
"""What `tollway check` warns of, in words."""

from datetime import date

import pytest
from inline_snapshot import snapshot

from tollway.fleet.cautions import cautions
from tollway.fleet.parse import parse
from tollway.inspect.demo import demo_fleet_text

QUIRKY = """
version = 1
[models.m]
[credentials]
key = "env:KEY"
[sources.free]
kind = "api"
url = "https://free.test"
serves = { m = {} }
[sources.lan]
kind = "server"
url = "http://10.0.0.7:8000/v1"
credential = "key"
serves = { m = {} }
[sources.soon]
kind = "api"
url = "https://soon.test"
[sources.soon.serves.m]
precision = "fp8"
prices = [{ since = 2026-06-02, input = "1", output = "1" }]
[sources.night]
kind = "api"
url = "https://night.test"
[sources.night.serves.m]
prices = [{ since = 2026-01-01, hours = "22:00-06:00", input = "1", output = "1" }]
[sources.batch]
kind = "api"
url = "https://batch.test"
[sources.batch.serves.m]
prices = [{ since = 2026-01-01, tier = "batch", input = "1", output = "1" }]
[routes.strict]
model = "m"
candidates = ["soon", "lan"]
require = { precision = ["fp8"] }
"""


def test_the_demo_surprises_with_nothing() -> None:
    fleet = parse({"demo.toml": demo_fleet_text()}, "demo.toml")
    assert list(cautions(fleet, date(2026, 1, 1))) == []


def test_what_counts_as_free_or_is_never_asked_is_said() -> None:
    fleet = parse({"fleet.toml": QUIRKY}, "fleet.toml")
    assert list(map(str, cautions(fleet, date(2026, 6, 1)))) == snapshot(
        [
            "tenants has no entry, so that no key can be made. Write [tenants.NAME]: virtual keys belong to one.",
            "sources.free.serves.m states no prices: it counts as free. Write `prices`, or budgets do not see it.",
            "sources.lan.url sends its credential over plain http. Use https where the engine can.",
            "sources.soon.serves.m.prices begin on 2026-06-02: until then it counts as free. Write the price that holds until then.",
            "sources.night.serves.m.prices cover only some hours: the others count as free. Write one without `hours`, or with the rest of the day.",
            'sources.batch.serves.m.prices has none for tier standard, which counts as free. Write one with tier = "standard"; the other tiers then fall back to it.',
            "routes.strict.require is not met by lan, which is never asked. Demand less, or take it out of the route.",
        ]
    )


def test_a_price_that_has_begun_is_no_surprise() -> None:
    fleet = parse({"fleet.toml": QUIRKY}, "fleet.toml")
    assert "soon" not in "".join(map(str, cautions(fleet, date(2026, 6, 2))))


@pytest.mark.parametrize(
    ("hours", "whole"),
    [
        (["00:00-12:00", "12:00-24:00"], True),
        (["22:00-06:00", "06:00-22:00"], True),
        (["16:00-00:00", "00:00-08:00", "08:00-16:00"], True),
        (["00:00-12:00", "12:01-24:00"], False),
        (["22:00-06:00", "06:00-21:00"], False),
    ],
)
def test_hours_that_make_up_the_whole_day_are_no_surprise(hours: list[str], whole: bool) -> None:
    prices = "".join(
        f'{{ since = 2026-01-01, hours = "{it}", input = "1", output = "1" }}, ' for it in hours
    )
    text = QUIRKY.replace(
        '{ since = 2026-01-01, hours = "22:00-06:00", input = "1", output = "1" }', prices
    )
    fleet = parse({"fleet.toml": text}, "fleet.toml")
    said = "".join(map(str, cautions(fleet, date(2026, 6, 1))))
    assert ("night" not in said) is whole


def test_a_price_book_that_charges_nobody_or_nothing_yet_is_said() -> None:
    books = (
        '[tenants.a]\nprice_book = "later"\n'
        "[[price_books.later]]\nsince = 2026-07-01\n"
        "[[price_books.idle]]\nsince = 2026-01-01\n"
    )
    fleet = parse({"fleet.toml": QUIRKY + books}, "fleet.toml")
    assert list(map(str, cautions(fleet, date(2026, 6, 1))))[:2] == [
        "price_books.later begins on 2026-07-01: nothing is charged until then. Write the terms that hold until then.",
        "price_books.idle is named by no tenant. Write it as the price_book of a tenant, or take it out.",
    ]
    assert "later" not in "".join(map(str, cautions(fleet, date(2026, 7, 1))))
