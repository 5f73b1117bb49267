"""Gemini CLI's chats and telemetry, in the forms that it writes them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from left_logs import SECRET, START, Home, gemini_chat, gemini_message, json_line, stamp

from tollway.hindsight.gemini_cli import GeminiCli
from tollway.hindsight.records import Gaps

HOME = Home(Path("nowhere"))
ABOUT = {"sessionId": "g1", "projectHash": "0a1b", "startTime": stamp(START)}


def as_lines(*values: object) -> list[bytes]:
    return [json_line(value).encode() for value in values]


def response(session: str, given: int, output: int, duration: float) -> dict[str, Any]:
    return {
        "hrTime": [1, 2],
        "attributes": {
            "event.name": "gemini_cli.api_response",
            "event.timestamp": stamp(START + timedelta(seconds=10)),
            "session.id": session,
            "model": "gemini-3.6-flash",
            "duration_ms": duration,
            "input_token_count": given,
            "output_token_count": output,
            "cached_content_token_count": 0,
            "thoughts_token_count": 50,
            "tool_token_count": 0,
            "prompt": SECRET,
        },
    }


def test_thoughts_are_output_and_tool_prompts_are_input() -> None:
    reader = GeminiCli(Gaps())
    tokens = {"input": 100, "output": 20, "cached": 60, "thoughts": 5, "tool": 7, "total": 132}
    reader.read("a", as_lines(ABOUT, gemini_message("m", START, **tokens)))
    (call,) = reader.calls()
    assert (call.input, call.cached, call.output, call.reasoning) == (107, 60, 25, 5)


def test_a_message_that_is_written_again_counts_in_its_last_form() -> None:
    reader = GeminiCli(Gaps())
    first = gemini_message("m", START, input=10, output=1, cached=0)
    last = gemini_message("m", START, input=10, output=9, cached=0)
    changed = {"$set": {"lastUpdated": stamp(START), "messages": [last]}}
    reader.read("a", as_lines(ABOUT, first, changed, {"$rewindTo": "m"}))
    assert [call.output for call in reader.calls()] == [9]


def test_both_forms_of_a_chat_say_the_same() -> None:
    lines, document = GeminiCli(Gaps()), GeminiCli(Gaps())
    messages = gemini_chat(HOME, "g1", START, 4)
    lines.read("a", as_lines(ABOUT, *messages))
    document.read_document("a", json.dumps({**ABOUT, "messages": messages}, indent=2).encode())
    assert list(lines.calls()) == list(document.calls())


def test_telemetry_adds_durations_to_chats_and_calls_to_other_sessions() -> None:
    reader = GeminiCli(Gaps())
    reader.read("a", as_lines(ABOUT, gemini_message("m", START, input=10, output=3, thoughts=50)))
    told = [response("g1", 10, 3, 2500.0), response("other", 40, 8, 1000.0)]
    text = "".join(json.dumps(one, indent=2) + "\n" for one in told)
    reader.read_telemetry("t", text.encode().splitlines(keepends=True))
    calls = list(reader.calls())
    assert [(call.thread, call.output, call.took) for call in calls] == [
        ("g1", 53, 2.5),
        ("other", 58, 1.0),
    ]
    assert calls[1].at == START.timestamp() + 9.0
    assert SECRET not in repr(calls)


def test_telemetry_on_single_lines_is_read_too() -> None:
    reader = GeminiCli(Gaps())
    reader.read_telemetry("t", as_lines(response("s", 40, 8, 1000.0), {"resource": {}}))
    assert len(list(reader.calls())) == 1


def test_telemetry_that_ends_in_the_middle_is_noted() -> None:
    gaps = Gaps()
    reader = GeminiCli(gaps)
    whole = json.dumps(response("s", 40, 8, 1000.0), indent=2).encode()
    reader.read_telemetry("t", whole[: len(whole) // 2].splitlines(keepends=True))
    assert [(one.count, one.first) for one in gaps] == [(1, "t:1")]


def test_an_answer_took_as_long_as_since_the_message_right_before_it() -> None:
    def later(seconds: float) -> Any:
        return START + timedelta(seconds=seconds)

    reader = GeminiCli(Gaps())
    answer = gemini_message("m1", later(3), input=10, output=1, cached=0)
    reader.read(
        "a",
        as_lines(
            ABOUT,
            gemini_message("u1", START),
            {"$set": {"lastUpdated": stamp(START)}},
            answer,
            {**answer, "toolCalls": []},
            gemini_message("m2", later(90), input=10, output=1, cached=0),
            gemini_message("u2", later(100)),
            gemini_message("m3", later(104), input=10, output=1, cached=0),
        ),
    )
    calls = list(reader.calls())
    assert [call.took for call in calls] == [3.0, None, 4.0]
    assert [call.at - START.timestamp() for call in calls] == [0.0, 90.0, 100.0]
