"""One event of a stream, as far as its meaning goes."""

from typing import Any

import msgspec


class Block(msgspec.Struct, gc=False):
    """What a block begins with."""

    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: Any = None


class Delta(msgspec.Struct, gc=False):
    """What an event adds to a block, or to the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class Message(msgspec.Struct, gc=False):
    """What a message begins with."""

    id: str | None = None
    model: str | None = None
    usage: Any = None


class Error(msgspec.Struct, gc=False):
    """What went wrong."""

    type: str | None = None
    message: str | None = None


class Event(msgspec.Struct, gc=False):
    """An event."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Any = None
    error: Error | None = None
