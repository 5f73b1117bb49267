"""No request is larger than the gateway believes: its estimate holds against its maker."""

import json
from typing import Any

import pytest

from tollway.gateway.facts import RequestFacts
from tollway.gateway.openai import read_request

LONG = "a" * 400_000
LEAST = len(LONG) // 4


def facts(operation: Any = "chat", **members: Any) -> RequestFacts:
    return read_request(operation, json.dumps({"model": "chat", **members}).encode(), "t", ())


def said(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("chat", said(LONG)),  # the honest way to say it
        ("chat", said(f"data:image/png;base64,{LONG}")),
        ("chat", said(f'"url":"data:image/png;base64,{LONG}')),
        ("chat", said([{"type": "text", "text": f";base64,{LONG}"}])),
        ("chat", said([{"type": "text", "text": f'"data": "{LONG}'}])),
        ("chat", {"messages": [1, {"role": "user", "content": LONG}]}),
        ("chat", {**said("hi"), "tools": [{"type": "function", "data": LONG}]}),
        ("chat", {**said("hi"), "response_format": {"url": f"data:;base64,{LONG}"}}),
        ("completion", {"prompt": f";base64,{LONG}"}),
        ("completion", {"prompt": [1, LONG]}),
        ("embedding", {"input": [[1], LONG]}),
        ("embedding", {"input": [";base64,", LONG]}),
    ],
)
def test_no_text_hides_from_the_count(operation: Any, asked: dict[str, Any]) -> None:
    assert facts(operation, **asked).input_tokens >= LEAST


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LONG}"}},
        {"type": "input_audio", "input_audio": {"data": LONG, "format": "wav"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{LONG}"}},
    ],
)
def test_an_attachment_is_not_counted_as_text(part: dict[str, Any]) -> None:
    assert 765 <= facts(**said([part])).input_tokens < 900
