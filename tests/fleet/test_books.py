"""Price books: read, refused with the mend, and rendered again."""

from dataclasses import replace
from datetime import date

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.books import Step
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

SOUND = """
version = 1
[models.llama]
[models.gpt]
[sources.own]
kind = "server"
url = "http://10.0.0.7:8000/v1"
serves = { llama = {}, gpt = {} }
[tenants.acme]
price_book = "retail"
[tenants.team]
[[price_books.retail]]
since = 2027-01-01
markup = "-0.05"
[[price_books.retail]]
since = 2026-11-01
monthly = "99"
included = "50.00"
markup = "0.2"
[[price_books.retail.rates]]
model = "llama"
input = "0.60"
output = "1.50"
cached_input = "0.06"
request = "0.001"
steps = [
  { of = "output", up_to = 1000000, price = "0" },
  { of = "output", up_to = 50000000, price = "1.80" },
]
[[price_books.retail.rates]]
source = "own"
tier = "batch"
markup = "0.000001"
"""


def read(text: str) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def test_terms_come_by_date_whatever_their_order_and_each_holds_for_whole_months() -> None:
    book = read(SOUND).price_books["retail"]
    assert [terms.since for terms in book.terms] == [date(2026, 11, 1), date(2027, 1, 1)]
    assert book.at(date(2026, 10, 1)) is None
    assert book.at(date(2026, 12, 1)) is book.terms[0]
    assert book.at(date(2027, 1, 1)) is book.terms[1]


def test_money_is_exact_and_a_ladder_ends_with_the_price_beyond_its_steps() -> None:
    fleet = read(SOUND)
    assert fleet.tenants["acme"].price_book == "retail"
    assert fleet.tenants["team"].price_book is None
    terms = fleet.price_books["retail"].terms[0]
    assert (terms.monthly, terms.included, terms.markup) == (99 * 10**12, 50 * 10**12, 200_000)
    llama, batch = terms.rates
    assert llama.ladders["output"] == (
        *(Step(1_000_000, 0), Step(50_000_000, 1_800_000)),  # type: ignore[arg-type]
        Step(None, 1_500_000),  # type: ignore[arg-type]
    )
    assert llama.ladders["request"] == (Step(None, 10**9),)  # type: ignore[arg-type]
    assert "cache_write" not in llama.ladders
    assert (batch.model, batch.source, batch.tier, batch.markup) == (None, "own", "batch", 1)


def test_a_rendered_price_book_is_the_same_price_book() -> None:
    fleet = read(SOUND)
    assert replace(read(render(fleet)), digest=fleet.digest) == fleet


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "since = 2026-11-01",
            "since = 2026-11-15",
            "price_books.retail[1].since is 2026-11-15. Terms hold for whole months: write "
            "2026-11-01.",
        ),
        (
            "since = 2027-01-01",
            "since = 2026-11-01",
            "price_books.retail[1].since is 2026-11-01, as [0] is already. Give them two months.",
        ),
        (
            'price_book = "retail"',
            'price_book = "retial"',
            'tenants.acme.price_book is "retial"; known: retail. Did you mean "retail"?',
        ),
        (
            'markup = "0.2"',
            "markup = 0.2",
            'price_books.retail[1].markup is 0.2, not text. Write it as text, "0.2".',
        ),
        (
            'markup = "0.2"',
            'markup = "20%"',
            'price_books.retail[1].markup is "20%", not a markup. Write the share of cost as a '
            'decimal in text: "0.20" is a fifth on top.',
        ),
        ('markup = "0.2"', 'markup = "0.0000001"', "Write at most 6 decimal places."),
        ('markup = "0.2"', 'markup = "-1.1"', 'A markup lies between "-1" (free) and "1000"'),
        (
            'markup = "0.000001"',
            'markup = "0.1"\ninput = "1"',
            "price_books.retail[1].rates[1].markup is given beside input. Charge cost plus a "
            "markup, or prices: keep one.",
        ),
        (
            'markup = "0.000001"',
            'request = "1"\noutput = "1"',
            "price_books.retail[1].rates[1].input is missing. Write input and output prices, or a "
            'markup. "0" charges nothing.',
        ),
        (
            'source = "own"\ntier = "batch"',
            'model = "llama"',
            "price_books.retail[1].rates[1] fits what rates[0] fits. Give it another model, "
            "source or tier.",
        ),
        (
            "up_to = 50000000",
            "up_to = 1000000",
            "rates[0].steps[1].up_to is 1000000, and the step before it ends at 1000000. Write the "
            "steps of a kind from the lowest to the highest.",
        ),
        (
            '{ of = "output", up_to = 1000000,',
            '{ of = "cache_write", up_to = 1000000,',
            'rates[0].steps[0].of is "cache_write", which has no price of its own. Write '
            "cache_write beside the steps: the price beyond them.",
        ),
        (
            '{ of = "output", up_to = 1000000, price = "0" }',
            '{ of = "output", price = "0" }',
            "rates[0].steps[0].up_to is missing. Write it: the tokens a month at which it ends",
        ),
        (
            'since = 2027-01-01\nmarkup = "-0.05"',
            'since = 2027-01-01\nrates = [{ model = "lama", markup = "0" }]',
            'price_books.retail[0].rates[0].model is "lama"; known: gpt, llama. Did you mean '
            '"llama"?',
        ),
        (
            "[tenants.team]",
            "[tenants.team]\n[price_books]\nnone = []",
            "price_books.none is empty. Write its terms: [[price_books.none]].",
        ),
    ],
)
def test_a_fault_says_place_value_and_mend(old: str, new: str, words: str) -> None:
    text = SOUND.replace(old, new, 1)
    if "none = []" in new:  # TOML would take the tables that follow for a second definition
        text = text.partition("[[price_books")[0].replace('price_book = "retail"\n', "")
    with pytest.raises(FaultsFound) as found:
        read(text)
    assert len(found.value.faults) == 1
    assert words in str(found.value)


def test_earlier_terms_may_name_what_the_fleet_no_longer_has() -> None:
    earlier = SOUND.replace('model = "llama"', 'model = "gone"')
    assert read(earlier).price_books["retail"].terms[0].rates[0].model == "gone"
