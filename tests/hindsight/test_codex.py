"""Codex's rollouts, in the form that it writes them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from left_logs import (
    SECRET,
    START,
    Home,
    codex_count,
    codex_line,
    codex_session,
    codex_tokens,
    json_line,
)

from tollway.hindsight.codex import Codex
from tollway.hindsight.records import Call, Gaps

HOME = Home(Path("nowhere"))


def read(*files: list[dict[str, Any]]) -> list[Call]:
    reader = Codex(Gaps())
    for number, lines in enumerate(files):
        reader.read(f"rollout-{number}.jsonl", [json_line(line).encode() for line in lines])
    return list(reader.calls())


def opened(session: str, **meta: Any) -> dict[str, Any]:
    return codex_line(START, "session_meta", {"id": session, "cwd": "/x", **meta})


def test_totals_that_are_written_twice_are_one_answer() -> None:
    calls = read(codex_session(HOME, "a", START, 3))
    assert [(call.input, call.cached, call.output) for call in calls] == [
        (10_000, 0, 300),
        (12_000, 10_000, 301),
        (14_000, 12_000, 302),
    ]
    assert {call.model for call in calls} == {"gpt-5.3-codex"}
    assert {call.provider for call in calls} == {"openai"}


def test_without_the_last_usage_the_totals_are_subtracted() -> None:
    first, second = codex_tokens(100, 10, 7), codex_tokens(350, 60, 19)
    lines = [opened("a"), codex_count(START, first, first), codex_count(START, second, second)]
    for line in lines[1:]:
        del line["payload"]["info"]["last_token_usage"]
    assert [(c.input, c.cached, c.output) for c in read(lines)] == [(100, 10, 7), (250, 50, 12)]


def test_what_a_fork_copies_from_its_parent_counts_once() -> None:
    parent = codex_session(HOME, "a", START, 3)
    total = codex_tokens(60_000, 40_000, 1_000)
    own = codex_count(START + timedelta(hours=1), total, codex_tokens(24_000, 18_000, 97))
    child = [opened("b", forked_from_id="a"), *parent, own]
    grandchild = [opened("c", forked_from_id="b"), *child]
    calls = read(parent, child, grandchild)
    assert [call.output for call in calls] == [300, 301, 302, 97]
    assert [call.thread for call in calls] == ["a", "a", "a", "b"]


def test_a_session_that_is_in_an_archive_too_counts_once() -> None:
    lines = codex_session(HOME, "a", START, 3)
    assert len(read(lines, lines)) == 3


def test_sessions_that_happen_to_say_the_same_are_not_one() -> None:
    same = codex_session(HOME, "a", START, 2)
    assert len(read(same, codex_session(HOME, "b", START, 2))) == 4


def test_the_time_to_a_first_token_is_that_of_the_turns_first_answer() -> None:
    calls = read(codex_session(HOME, "a", START, 2))
    assert [(call.first, call.first_block, call.took) for call in calls] == [
        (1.5, False, 8.0),
        (1.5, False, pytest.approx(3 + 301 / 60, abs=0.002)),
    ]


def test_a_model_is_that_of_its_turn_and_never_guessed() -> None:
    used = codex_tokens(10, 0, 1)
    more = codex_tokens(30, 0, 2)
    lines = [
        codex_count(START, used, used),
        codex_line(START, "turn_context", {"model": "gpt-5.6-sol"}),
        codex_count(START, more, used),
    ]
    assert [call.model for call in read(lines)] == ["unknown-model", "gpt-5.6-sol"]


def test_events_without_usage_are_no_calls() -> None:
    empty = codex_line(START, "event_msg", {"type": "token_count", "info": None})
    full = codex_count(START, codex_tokens(0, 0, 0), codex_tokens(0, 0, 0))
    assert read([opened("a"), empty, full]) == []


def test_no_text_of_a_prompt_is_kept() -> None:
    assert SECRET not in repr(read(codex_session(HOME, "a", START, 2)))


def recorded(at: float, thread: str, response: str, used: dict[str, int]) -> dict[str, Any]:
    payload = {"thread_id": thread, "response_id": response, "usage": used}
    return codex_line(START + timedelta(seconds=at), "token_usage_record", payload)


def output_of_a_tool(at: float) -> dict[str, Any]:
    said = {"type": "function_call_output", "call_id": "c", "output": SECRET}
    return codex_line(START + timedelta(seconds=at), "response_item", said)


def newer(session: str = "a") -> list[dict[str, Any]]:
    """As Codex 0.169 writes it: a record when the answer ends, the total once its tool has run."""
    used = codex_tokens(100, 10, 7)
    total = codex_tokens(200, 20, 14)
    asked = codex_line(START, "response_item", {"type": "message", "role": "user"})
    return [
        opened(session),
        asked,
        recorded(2, session, "r1", used),
        output_of_a_tool(60),
        codex_count(START + timedelta(seconds=61), used, used),
        recorded(63, session, "r2", used),
        codex_count(START + timedelta(seconds=63), total, used),
    ]


def test_a_record_of_each_answer_comes_before_running_totals() -> None:
    calls = read(newer())
    assert [(call.input, call.output, call.took) for call in calls] == [
        (100, 7, 2.0),
        (100, 7, 3.0),
    ]


def test_records_that_a_fork_copies_count_once() -> None:
    more = recorded(99, "b", "r3", codex_tokens(50, 0, 1))
    assert [call.output for call in read(newer(), [opened("b"), *newer(), more])] == [7, 7, 1]


def test_a_session_of_an_older_version_that_a_newer_went_on_with_counts_both() -> None:
    older = codex_session(HOME, "a", START, 2)
    total = codex_tokens(99_000, 0, 700)
    used = codex_tokens(77_000, 0, 99)
    lines = [*older, recorded(900, "a", "r9", used), codex_count(START, total, used)]
    assert [call.output for call in read(lines)] == [300, 301, 99]
