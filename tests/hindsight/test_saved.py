"""What is saved: a fleet that is sound, and a trace that says what prompts share."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.parse import parse
from tollway.hindsight.money import Prices
from tollway.hindsight.records import Call
from tollway.hindsight.saved import BLOCK, Endpoint, fleet_text, in_trace, route_of, trace_lines
from tollway.simulator.formats import parse as parse_trace
from tollway.units import Seconds, UtcSeconds

ENDPOINTS = {"anthropic": Endpoint("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY")}


def call(at: float, given: int, *, read: int = 0, thread: str | None = "t", **more: str) -> Call:
    model = more.get("model", "claude-opus-5")
    return Call(
        tool="claude-code",
        model=model,
        at=UtcSeconds(1_794_301_200.0 + at),
        input=given,
        cached=read,
        output=9,
        thread=thread,
    )


def blocks_of(*calls: Call) -> list[list[int]]:
    return [json.loads(line).get("hash_ids", []) for line in trace_lines(calls)]


def test_a_prompt_that_grew_begins_with_the_one_before() -> None:
    first, second = blocks_of(call(0, 3 * BLOCK), call(1, 5 * BLOCK, read=3 * BLOCK))
    assert second[:3] == first
    assert len(set(second)) == 5


def test_what_an_expired_cache_did_not_give_is_shared_all_the_same() -> None:
    first, second = blocks_of(call(0, 3 * BLOCK), call(9_999, 5 * BLOCK))
    assert second[:3] == first


def test_a_prompt_that_was_cut_shares_what_was_read_from_the_cache() -> None:
    first, second = blocks_of(call(0, 9 * BLOCK), call(1, 4 * BLOCK, read=2 * BLOCK))
    assert second[:2] == first[:2]
    assert not set(second[2:]) & set(first)


def test_conversations_begin_with_what_both_read_from_the_cache() -> None:
    first, second, third = blocks_of(
        call(0, 4 * BLOCK, read=2 * BLOCK),
        call(1, 4 * BLOCK, read=3 * BLOCK, thread="u"),
        call(2, 4 * BLOCK, thread="v"),
    )
    assert first[:2] == second[:2]
    assert not set(first[2:]) & set(second[2:])
    assert not set(third) & {*first, *second}


def test_a_prompt_of_no_known_conversation_shares_nothing() -> None:
    assert blocks_of(call(0, 4 * BLOCK, thread=None)) == [[]]


def test_the_trace_is_one_that_rehearsals_read() -> None:
    calls = [call(n, 1_000 * (n + 1)) for n in range(3)]
    trace = parse_trace("trace.jsonl", "".join(trace_lines(calls)).encode())
    assert [(one.at, one.input, one.output) for one in trace.requests] == [
        (0.0, 1_000, 9),
        (1.0, 2_000, 9),
        (2.0, 3_000, 9),
    ]
    assert {one.key for one in trace.requests} == {"claude-code"}
    assert trace.began == calls[0].at


def test_rows_of_many_requests_are_in_no_trace() -> None:
    import msgspec

    row = msgspec.structs.replace(call(0, 10), period=Seconds(60.0))
    assert in_trace([row, call(0, 0), call(1, 5)]) == [call(1, 5)]


@given(st.text(min_size=1, max_size=200))
def test_any_name_of_a_model_becomes_one_that_a_fleet_file_allows(name: str) -> None:
    calls = [call(0, 10, model=name)]
    text = fleet_text(calls, Prices(), ENDPOINTS, date(2026, 11, 22))
    fleet = parse({"fleet.toml": text}, "fleet.toml")
    assert list(fleet.models) == [route_of(name)]


@pytest.mark.parametrize("model", ["claude-opus-5", "gemini-2.5-pro", "my-own-model"])
def test_a_saved_fleet_is_sound_and_says_what_is_assumed(model: str) -> None:
    text = fleet_text([call(0, 10, model=model)], Prices(), ENDPOINTS, date(2026, 11, 22))
    fleet = parse({"fleet.toml": text}, "fleet.toml")
    assert list(fleet.routes) == [model]
    assert "# assumed: no times in logs" in text
    assert ("No price is known" in text) is (model == "my-own-model")
    assert ("cost more than this" in text) is (model == "gemini-2.5-pro")
