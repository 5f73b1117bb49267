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
