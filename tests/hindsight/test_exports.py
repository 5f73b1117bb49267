"""Exports of consoles and admin APIs."""

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

from left_logs import COST_COLUMNS, Home, anthropic_csv, openai_csv

from tollway.hindsight.exports import Exports, csv_kind
from tollway.hindsight.records import Gaps
from tollway.units import usd


def rows_of(text: str) -> tuple[str | None, list[dict[str, Any]]]:
    rows = csv.DictReader(text.splitlines())
    return csv_kind(rows.fieldnames or ()), list(rows)


def read(text: str) -> Exports:
    kind, rows = rows_of(text)
    assert kind is not None
    found = Exports(Gaps())
    found.read_rows("a.csv", kind, rows)
    assert not list(found.gaps)
    return found


def test_openais_csv_says_tokens_by_model_and_tier() -> None:
    first, second = read(openai_csv(Home(Path()))).calls()
    assert (first.input, first.cached, first.output, first.requests) == (
        400_000,
        100_000,
        20_000,
        40,
    )
    assert (first.tier, second.tier, first.period) == ("standard", "batch", 86_400.0)


def test_anthropics_input_is_what_was_not_cached_and_all_that_was() -> None:
    (call,) = read(anthropic_csv(Home(Path()))).calls()
    assert (call.input, call.cached, call.write, call.write_1h) == (
        1_000_000,
        800_000,
        50_000,
        50_000,
    )
    assert call.long is False


def test_a_cost_export_is_a_bill_and_no_usage() -> None:
    found = read(
        COST_COLUMNS + "2026-11-10,Claude Opus 5,D,k,message,≤ 200k,output,1.23,1.23,token,,\n"
    )
    assert list(found.calls()) == []
    assert [(bill.item, usd(bill.amount)) for bill in found.bills] == [
        ("Claude Opus 5", Decimal("1.23"))
    ]


def test_pages_of_both_admin_apis_are_read() -> None:
    openai = {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": 1_794_268_800,
                "end_time": 1_794_355_200,
                "results": [
                    {
                        "object": "organization.usage.completions.result",
                        "input_tokens": 100,
                        "input_cached_tokens": 40,
                        "output_tokens": 9,
                        "num_model_requests": 3,
                        "model": "gpt-5.4-mini",
                        "batch": None,
                        "service_tier": "flex",
                    },
                    {"object": "organization.usage.images.result", "images": 3},
                ],
            }
        ],
    }
    anthropic = {
        "data": [
            {
                "starting_at": "2026-11-10T00:00:00Z",
                "ending_at": "2026-11-11T00:00:00Z",
                "results": [
                    {
                        "uncached_input_tokens": 10,
                        "cache_read_input_tokens": 20,
                        "cache_creation": {
                            "ephemeral_5m_input_tokens": 3,
                            "ephemeral_1h_input_tokens": 4,
                        },
                        "output_tokens": 5,
                        "server_tool_use": {"web_search_requests": 2},
                        "model": "claude-opus-5",
                        "service_tier": "batch",
                        "context_window": "200k-1M",
                    },
                    {"currency": "USD", "amount": "123.45", "description": "Opus 5, output"},
                ],
            }
        ]
    }
    costs = {
        "object": "page",
        "data": [
            {
                "start_time": 1_794_268_800,
                "end_time": 1_794_355_200,
                "results": [{"amount": {"value": 0.5, "currency": "usd"}, "line_item": "gpt"}],
            }
        ],
    }
    found = Exports(Gaps())
    found.read_pages("a.json", [openai, anthropic, costs])
    first, second = found.calls()
    assert (first.tier, first.requests, first.cached) == ("flex", 3, 40)
    assert (second.input, second.long, second.tier, second.searches) == (37, True, "batch", 2)
    assert [(bill.tool, usd(bill.amount)) for bill in found.bills] == [
        ("anthropic-export", Decimal("1.2345")),  # cents
        ("openai-export", Decimal("0.5")),
    ]
    assert [one.why for one in found.gaps] == ["results of another kind of usage"]


def test_a_row_that_makes_no_sense_is_noted_with_its_place() -> None:
    kind, rows = rows_of(openai_csv(Home(Path())))
    assert kind is not None
    rows[1]["input_tokens"] = "many"
    found = Exports(Gaps())
    found.read_rows("a.csv", kind, rows)
    assert len(list(found.calls())) == 1
    assert [(one.count, one.first) for one in found.gaps] == [(1, "a.csv:3")]


def test_usage_of_no_named_model_is_not_guessed() -> None:
    kind, rows = rows_of(openai_csv(Home(Path())))
    assert kind is not None
    found = Exports(Gaps())
    found.read_rows("a.csv", kind, [{**row, "model": ""} for row in rows])
    assert [one.count for one in found.gaps] == [2]
