"""No log, whatever is in it, stops a scan: what makes no sense is counted, and the rest is read."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from left_logs import (
    START,
    Home,
    answered,
    asked,
    claude_usage,
    codex_session,
    gemini_chat,
    json_line,
    litellm_rows,
    stamp,
    vllm_log,
)

from tollway.hindsight.caching import losses
from tollway.hindsight.claude_code import ClaudeCode
from tollway.hindsight.codex import Codex
from tollway.hindsight.exports import Exports
from tollway.hindsight.gemini_cli import GeminiCli
from tollway.hindsight.litellm import LiteLlm
from tollway.hindsight.money import Prices, key_of
from tollway.hindsight.records import Call, Gaps
from tollway.hindsight.saved import in_trace, trace_lines
from tollway.hindsight.speed import felt
from tollway.hindsight.vllm import Vllm

NOWHERE = Home(Path())
LINES = {
    "claude": [asked("s", START), answered("s", "m", START, claude_usage(1, 2, 3, 40))],
    "codex": codex_session(NOWHERE, "a", START, 2),
    "gemini": [{"sessionId": "g", "projectHash": "h"}, *gemini_chat(NOWHERE, "g", START, 2)],
    "telemetry": [
        {
            "attributes": {
                "event.name": "gemini_cli.api_response",
                "event.timestamp": stamp(START),
                "input_token_count": 5,
                "duration_ms": 3.0,
            }
        }
    ],
    "vllm": [{"created": 1794301200, "model": "m", "usage": {"prompt_tokens": 7}}],
    "litellm": litellm_rows(NOWHERE, 2),
    "export": [
        {"data": [{"starting_at": stamp(START), "results": [{"model": "m", "output_tokens": 4}]}]},
        {"data": [{"start_time": 1, "end_time": 2, "results": [{"amount": {"value": 3}}]}]},
    ],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
) | st.sampled_from([-1, 10**30, 1e300, "-5", "1e99", "9999-12-31", "0001-01-01T00:00:00Z", "²"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a value."""
    found = [path] if path else []
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, one in inside:
        found += places(one, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """The value with another thing at that place."""
    made = copy.deepcopy(value)
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = by
    return made


def read(kind: str, lines: list[Any]) -> list[Call]:
    gaps = Gaps()
    raw = [json_line(line).encode() for line in lines]
    if kind == "export":
        exports = Exports(gaps)
        exports.read_pages("x", lines)
        return list(exports.calls())
    if kind == "litellm":
        spend = LiteLlm(gaps)
        spend.read_rows("x", lines)
        return list(spend.calls())
    if kind == "vllm":
        engine = Vllm(gaps)
        engine.read("x", raw, lambda *parts: 0.0)
        return list(engine.calls())
    if kind == "telemetry":
        told = GeminiCli(gaps)
        told.read_telemetry("x", raw)
        return list(told.calls())
    reader = {"claude": ClaudeCode, "codex": Codex, "gemini": GeminiCli}[kind](gaps)
    reader.read("x", raw)
    return list(reader.calls())


@pytest.mark.parametrize("kind", LINES)
@given(data=st.data())
def test_anything_may_stand_anywhere(kind: str, data: st.DataObject) -> None:
    lines: list[Any] = LINES[kind]
    path = data.draw(st.sampled_from(places(lines)))
    changed = replaced(lines, path, data.draw(ANYTHING))
    if kind in ("litellm", "export"):
        changed = [one for one in changed if isinstance(one, dict)]
    calls = read(kind, changed)
    prices = Prices()
    for call in calls:
        assert call.input >= 0
        assert call.output >= 0
        assert 0 <= call.cached <= call.input
        amount = prices.cost(call).amount
        assert amount is None or amount >= 0
        key_of(call, ("day", "model", "project", "tool"))
    losses(calls, prices)
    felt(calls, {})
    for line in trace_lines(in_trace(calls)):
        json.loads(line)


@pytest.mark.parametrize("kind", ["claude", "codex", "gemini", "vllm", "telemetry"])
@pytest.mark.parametrize(
    "line",
    [
        b'{"type":' + b"[" * 100_000 + b"\n",
        b'{"type":"user","message":' + b'{"a":' * 100_000 + b"\n",
        b'{"type":"\xff\xfe"}\n',
        b"\x00" * 1_000 + b"\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
    ],
)
def test_a_line_of_nonsense_stops_nobody(kind: str, line: bytes) -> None:
    gaps = Gaps()
    good = [json_line(one).encode() for one in LINES[kind]]
    lines = [line, *good, line]
    if kind == "vllm":
        engine = Vllm(gaps)
        engine.read("x", [*lines, *vllm_log(1).encode().splitlines(keepends=True)], lambda *p: 0.0)
        assert len(list(engine.calls())) == 2
    elif kind == "telemetry":
        told = GeminiCli(gaps)
        told.read_telemetry("x", lines)
        assert list(told.calls()) or list(gaps)
    else:
        reader = {"claude": ClaudeCode, "codex": Codex, "gemini": GeminiCli}[kind](gaps)
        reader.read("x", lines)
        assert len(list(reader.calls())) == len(read(kind, LINES[kind])) > 0
