"""Scripted transcripts: an agent's tools are called, whole and in pieces."""

import json
from pathlib import Path
from typing import Any

import pytest
from emulator_rig import MODEL, InProcess, chat

from tollway.emulator.app import Emulator
from tollway.emulator.build import emulate
from tollway.emulator.script import read_script
from tollway.errors import TollwayError

SCRIPT = """
[[turn]]
role = "tool"
text = "It is sunny in Paris."

[[turn]]
match = "(?i)weather"
reasoning = "They want the weather."
text = "Let me look."
tool_calls = [
  { name = "get_weather", arguments = { city = "Paris", unit = "celsius" } },
  { name = "log", arguments = "{}" },
]

[[turn]]
turn = 3
text = "You have asked enough."
"""


@pytest.fixture
def app(tmp_path: Path) -> Emulator:
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT)
    made = emulate(MODEL, "h200", into=Emulator(script=read_script(path)))
    made.clock.factor = 1000.0
    return made


async def _ask(app: Emulator, messages: list[dict[str, Any]], **fields: Any) -> Any:
    async with app.running():
        body = {"model": MODEL, "messages": messages, **fields}
        return await InProcess(app).call("/v1/chat/completions", body)


ASKED = {"role": "user", "content": "What is the weather?"}


async def test_a_matching_line_answers_with_text_and_tool_calls(app: Emulator) -> None:
    answer = (await _ask(app, [ASKED])).json()
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me look."
    assert choice["message"]["reasoning_content"] == "They want the weather."
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    first, second = choice["message"]["tool_calls"]
    assert first["function"]["name"] == "get_weather"
    assert json.loads(first["function"]["arguments"]) == {"city": "Paris", "unit": "celsius"}
    assert second["function"] == {"name": "log", "arguments": "{}"}
    assert first["id"] != second["id"]


async def test_streamed_arguments_come_in_pieces_that_make_the_whole(app: Emulator) -> None:
    answer = await _ask(app, [ASKED], stream=True)
    parts = [
        part for one in answer.chunks() for part in one["choices"][0]["delta"].get("tool_calls", [])
    ]
    opened = [part for part in parts if "id" in part]
    assert [part["function"]["name"] for part in opened] == ["get_weather", "log"]
    assert all(part["type"] == "function" for part in opened)
    written = [part["function"]["arguments"] for part in parts if part["index"] == 0]
    assert len(written) > 3
    assert json.loads("".join(written)) == {"city": "Paris", "unit": "celsius"}
    assert answer.text() == "Let me look."
    assert answer.chunks()[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_the_first_line_whose_conditions_hold_answers(app: Emulator) -> None:
    result = {"role": "tool", "tool_call_id": "x", "content": "weather: sunny"}
    said = {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}
    answer = (await _ask(app, [ASKED, said, result])).json()
    assert answer["choices"][0]["message"]["content"] == "It is sunny in Paris."
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert "tool_calls" not in answer["choices"][0]["message"]


async def test_a_turn_counts_the_answers_so_far(app: Emulator) -> None:
    hello, said = {"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}
    third = (await _ask(app, [hello, said, hello, said, hello])).json()
    assert third["choices"][0]["message"]["content"] == "You have asked enough."


async def test_where_no_line_applies_the_answer_is_prose(app: Emulator) -> None:
    answer = (await _ask(app, chat("hello")["messages"], max_tokens=5)).json()
    assert answer["usage"]["completion_tokens"] == 5


def test_json_lines_say_the_same_as_toml(tmp_path: Path) -> None:
    lines = tmp_path / "script.jsonl"
    lines.write_text('{"match": "a", "text": "b"}\n\n{"text": "c", "turn": 2}\n')
    table = tmp_path / "script.toml"
    table.write_text('[[turn]]\nmatch="a"\ntext="b"\n[[turn]]\ntext="c"\nturn=2\n')
    assert read_script(lines) == read_script(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[turn]]\nmatch = '('", "no regular expression"),
        ("[[turn]]\ntxt = 'a'", "txt"),
        ("[[turns]]", "turn"),
        ("= 1", "script.toml"),
    ],
)
def test_a_faulty_script_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(TollwayError, match=message):
        read_script(path)
    with pytest.raises(TollwayError, match="No such file"):
        read_script(tmp_path / "none.toml")
