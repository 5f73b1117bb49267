"""Claude Code's sessions, in the form that it writes them."""

from datetime import timedelta
from typing import Any

import pytest
from left_logs import SECRET, START, answered, asked, claude_usage, json_line

from tollway.hindsight.claude_code import ClaudeCode
from tollway.hindsight.records import Call, Gaps


def lines_of(*values: object) -> list[bytes]:
    return [json_line(value).encode() for value in values]


def read(*files: list[bytes]) -> tuple[list[Call], Gaps]:
    gaps = Gaps()
    reader = ClaudeCode(gaps)
    for number, lines in enumerate(files):
        reader.read(f"file{number}.jsonl", lines)
    return list(reader.calls()), gaps


def blocks(message: str = "m1", **more: Any) -> list[dict[str, Any]]:
    """An answer of three blocks, whose usage grows as it is streamed."""
    seconds = timedelta(seconds=1)
    return [
        answered("s", message, START + 2 * seconds, claude_usage(3, 900, 90, 1), **more),
        answered("s", message, START + 3 * seconds, claude_usage(3, 900, 90, 1), **more),
        answered(
            "s",
            message,
            START + 6 * seconds,
            claude_usage(3, 900, 90, 250),
            stop_reason="end_turn",
            **more,
        ),
    ]


def test_an_answer_of_several_lines_is_one_call_with_the_usage_of_its_last() -> None:
    (call,), gaps = read(lines_of(asked("s", START), *blocks()))
    assert (call.input, call.cached, call.write, call.output) == (993, 900, 90, 250)
    assert (call.first, call.took, call.first_block) == (2.0, 6.0, True)
    assert call.at == START.timestamp()
    assert not call.partial
    assert not list(gaps)


def test_an_answer_whose_end_was_not_written_is_at_least_what_was() -> None:
    (call,), _ = read(lines_of(asked("s", START), *blocks()[:2]))
    assert call.output == 1
    assert call.partial


def test_copies_in_a_resumed_session_count_once() -> None:
    first = lines_of(asked("s", START), *blocks())
    again = lines_of(
        *[{**line, "sessionId": "s2"} for line in (asked("s", START), *blocks())],
        asked("s2", START + timedelta(hours=1)),
        answered("s2", "m2", START + timedelta(hours=1, seconds=4), claude_usage(1, 0, 0, 5)),
    )
    calls, _ = read(first, again)
    assert [call.output for call in calls] == [250, 5]
    assert calls[0].took == 6.0


def test_answers_without_a_request_id_are_known_by_their_own() -> None:
    lines = [{k: v for k, v in line.items() if k != "requestId"} for line in blocks()]
    calls, _ = read(lines_of(*lines), lines_of(*lines))
    assert [call.output for call in calls] == [250]


def test_writes_that_live_an_hour_are_told_from_those_of_five_minutes() -> None:
    usage = claude_usage(0, 0, 70, 1, hour=True)
    (call,), _ = read(lines_of(answered("s", "m", START, usage)))
    assert (call.write, call.write_1h, call.input) == (0, 70, 70)


def test_agents_of_a_session_are_conversations_of_their_own() -> None:
    later = START + timedelta(seconds=3)
    side = {"isSidechain": True, "agentId": "a1"}
    calls, _ = read(
        lines_of(
            asked("s", START, **side),
            answered("s", "m1", later, claude_usage(1, 0, 0, 40), **side),
            answered("s", "m2", later, claude_usage(1, 0, 0, 40)),
            answered("s", "m3", later, claude_usage(1, 0, 0, 40), isSidechain=True),
        )
    )
    assert [call.thread for call in calls] == ["s/a1", "s/", None]
    assert [call.took for call in calls] == [3.0, None, None]


def test_what_claude_code_makes_up_itself_is_no_call() -> None:
    made_up = answered("s", "m", START, claude_usage(0, 0, 0, 0), model="<synthetic>")
    assert read(lines_of(made_up, {"type": "file-history-snapshot", "messageId": "x"}))[0] == []


def test_a_line_that_cannot_be_read_is_counted_with_its_place() -> None:
    lines = lines_of(asked("s", START), *blocks())
    calls, gaps = read([lines[0], b"{nonsense\n", b"\n", *lines[1:], b'{"type":"assis'])
    assert [call.output for call in calls] == [250]
    assert [(one.why, one.count, one.first) for one in gaps] == [
        ("lines that are not whole JSON of that form", 1, "file0.jsonl:2"),
        ("last lines that were cut short", 1, "file0.jsonl:7"),
    ]


@pytest.mark.parametrize("cut", range(0, 2_600, 97))
def test_a_file_cut_anywhere_is_read_up_to_there(cut: int) -> None:
    whole = b"".join(lines_of(asked("s", START), *blocks()))
    calls, gaps = read(whole[:cut].splitlines(keepends=True))
    assert sum(call.output for call in calls) in (0, 1, 250)
    assert len(list(gaps)) <= 1


def test_no_text_of_a_prompt_is_kept() -> None:
    calls, _ = read(lines_of(asked("s", START), *blocks()))
    assert SECRET not in repr(calls)


def test_an_answer_was_asked_for_when_the_request_that_it_names_was_sent() -> None:
    sent = START + timedelta(seconds=1.5)
    request = {
        "type": "api-request",
        "sessionId": "s",
        "id": "r1",
        "timestamp": sent.isoformat(),
        "params": {"model": "claude-opus-5"},
    }
    (call,), _ = read(lines_of(asked("s", START), request, *blocks(requestRef="r1")))
    assert (call.at, call.first, call.took) == (sent.timestamp(), 0.5, 4.5)
    (call,), _ = read(lines_of(asked("s", START), request, *blocks(requestRef="another")))
    assert (call.at, call.took) == (START.timestamp(), 6.0)
