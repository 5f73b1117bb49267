"""One event of a stream, as far as its meaning goes."""

from typing import Any

import msgspec


class Function(msgspec.Struct, gc=False):
    """What an event adds to a call."""

    name: str | None = None
    arguments: Any = None


class Custom(msgspec.Struct, gc=False):
    """What an event adds to a call of a custom tool."""

    name: str | None = None
    input: str | None = None


class Google(msgspec.Struct, gc=False):
    """Gemini's own, in its chat endpoint."""

    thought_signature: str | None = None


class Extra(msgspec.Struct, gc=False):
    """`extra_content` of a message or a call."""

    google: Google | None = None


class Call(msgspec.Struct, gc=False):
    """An entry of `tool_calls`."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Extra | None = None


class Detail(msgspec.Struct, gc=False):
    """An entry of `reasoning_details`."""

    type: str = ""
    index: Any = None
    id: str | None = None
    format: str | None = None
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None


class Delta(msgspec.Struct, gc=False):
    """What an event adds to one choice."""

    content: Any = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Detail] | None = None
    tool_calls: list[Call] | None = None
    refusal: str | None = None
    extra_content: Extra | None = None
    audio: Any = None
    images: Any = None
    annotations: Any = None
    function_call: Any = None


class Choice(msgspec.Struct, gc=False):
    """One choice of an event."""

    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    matched_stop: Any = None
    logprobs: Any = None


class Chunk(msgspec.Struct, gc=False):
    """An event."""

    id: str | None = None
    model: str | None = None
    object: str | None = None
    type: str | None = None
    message: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    code: Any = None
