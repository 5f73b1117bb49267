"""FOCUS rows held against the specification's columns, and against the ledger's own sum.

`focus_1_4.csv` holds the columns of the Cost and Usage dataset of FOCUS 1.4: feature level, whether
nulls are allowed, type, and the allowed values of those that have a closed list (of
ServiceSubcategory those of our category only). Source: github.com/FinOps-Open-Cost-and-Usage-Spec/
FOCUS_Spec, specification of the Cost and Usage dataset (CC-BY-4.0), read on 2026-11-22. The stored
copy was of a draft after 1.4; PrincipalId, which is new in it, is left out, which leaves the 65
columns that 1.4 has.
"""

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tollway.ledger.focus import COLUMNS, Row, Seller, focus_rows
from tollway.ledger.query import Totals, UsageRow

with (Path(__file__).parent / "focus_1_4.csv").open(newline="") as table:
    SPECIFIED = {row["column"]: row for row in csv.DictReader(table)}

USAGE = [
    UsageRow(
        ("2026-11-18", "acme", "openai", "gpt", "standard"),
        Totals(requests=2, completed=2, input=10, cached_input=4, output=5, cost=1_234_567),
    ),
    UsageRow(("2026-12-31", None, None, None, None), Totals(requests=1, abandoned=1, cost=9)),
    UsageRow(("2026-11-19", "acme", "own", "llama", None), Totals(requests=1, input=3, output=1)),
    UsageRow(("2026-11-20", "acme", "gone", "llama", "batch"), Totals(requests=0, cost=10**19)),
    UsageRow(("2026-11-21", "acme", None, None, None), Totals(requests=4, refused=4)),
]
SELLERS = {"openai": Seller("OpenAI", "us"), "own": Seller("own", None)}


@pytest.fixture(name="rows")
def focus() -> list[Row]:
    return list(focus_rows(USAGE, SELLERS))


def test_every_mandatory_column_is_there_and_every_other_is_focus_or_begins_with_x() -> None:
    assert len(SPECIFIED) == 65
    mandatory = {name for name, it in SPECIFIED.items() if it["level"] == "Mandatory"}
    assert mandatory <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)
    ours = [name for name in COLUMNS if name not in SPECIFIED]
    assert all(re.fullmatch(r"x_[A-Z][A-Za-z]*", name) for name in ours)
    assert list(COLUMNS[-len(ours) :]) == ours  # FOCUS's own come first
    assert list(COLUMNS[: -len(ours)]) == sorted(COLUMNS[: -len(ours)])


def test_rows_hold_the_columns_and_no_null_where_none_is_allowed(rows: list[Row]) -> None:
    for row in rows:
        assert tuple(row) == COLUMNS
        for name, specified in SPECIFIED.items():
            value = row.get(name)
            if name in row and specified["nulls"] == "no":
                assert value, name
            if value is None:
                continue
            assert value == value.strip() != ""
            if specified["type"] == "Decimal":
                assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value), name
            elif specified["type"] == "Date/Time":
                assert value.endswith("Z")
                assert datetime.fromisoformat(value).tzinfo is UTC
            elif specified["type"] == "JSON":
                assert isinstance(json.loads(value), dict)
            if specified["values"]:
                assert value in specified["values"].split("|"), name


def test_the_rows_add_up_to_the_ledger_to_the_last_digit(rows: list[Row]) -> None:
    billed = sum(Decimal(row["BilledCost"] or 0) for row in rows)
    assert billed == Decimal(sum(it.totals.cost for it in USAGE)).scaleb(-12)
    assert len(rows) == 4  # what used and cost nothing is no charge


def test_periods_end_where_the_next_begin(rows: list[Row]) -> None:
    names = (
        *("BillingPeriodStart", "BillingPeriodEnd"),
        *("ChargePeriodStart", "ChargePeriodEnd"),
    )
    assert [rows[1][name] for name in names] == [
        *("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        *("2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
    ]


def test_what_the_ledger_does_not_know_is_null_and_names_that_may_not_be_are_unknown(
    rows: list[Row],
) -> None:
    openai, abandoned, own, gone = rows
    assert (openai["ServiceProviderName"], openai["RegionId"]) == ("OpenAI", "us")
    assert (openai["x_InputTokens"], openai["x_CachedInputTokens"]) == ("10", "4")
    assert openai["ConsumedQuantity"] == openai["PricingQuantity"] == "15"
    assert (abandoned["ServiceProviderName"], abandoned["SubAccountId"]) == ("Unknown", None)
    assert (abandoned["x_Source"], abandoned["x_Model"]) == (None, None)
    assert (own["ServiceProviderName"], own["RegionId"], own["BilledCost"]) == (
        *("own", None),
        "0.000000000000",
    )
    assert gone["ServiceProviderName"] == "gone"
    assert gone["ChargeDescription"] == "Tokens of llama at gone, tier batch"
