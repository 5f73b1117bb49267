"""A streamed answer, piece by piece, whatever dialect it comes in.

Rules
1. Parts of one choice come one after another: `Opened`, pieces, `Closed`. Where a source
   interleaves them (parallel tool calls of Chat Completions), `index` says whose a piece is.
2. A stream ends with `Stopped` for each choice, then `Used` where the source counted, then `Done`;
   or with `Broken`, after which nothing follows.
"""

from typing import Literal

import msgspec

from tollway.dialects.meaning import Signature, Stop
from tollway.fleet.usage import Usage


class Began(msgspec.Struct, frozen=True, gc=False):
    """The source has begun: its id for the answer, the model that it says it runs."""

    id: str
    model: str


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A part begins. `id` is a tool call's or a thought's, `name` a tool call's; `custom` as in
    `ToolCall`, `summary` as in `Reasoning`."""

    choice: int
    index: int
    kind: Literal["text", "reasoning", "tool_call", "refusal"]
    id: str = ""
    name: str = ""
    custom: bool = False
    summary: bool = False


class Piece(msgspec.Struct, frozen=True, gc=False):
    """More of a part: words, thoughts, or arguments, as its kind is."""

    choice: int
    index: int
    text: str


class Signed(msgspec.Struct, frozen=True, gc=False):
    """The signature of an open part; `sealed` as in `Reasoning`."""

    choice: int
    index: int
    signature: Signature
    sealed: bool = False


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The part is whole."""

    choice: int
    index: int


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """The choice is whole."""

    choice: int
    stop: Stop | None
    stop_sequence: str | None = None


class Used(msgspec.Struct, frozen=True, gc=False):
    """Tokens so far, or at the end: the last one counts."""

    usage: Usage


class Done(msgspec.Struct, frozen=True, gc=False):
    """The source's own end marker."""


class Broken(msgspec.Struct, frozen=True, gc=False):
    """The source sent an error. `status` is an HTTP status where it named one."""

    message: str
    status: int | None = None


class Unread(msgspec.Struct, frozen=True, gc=False):
    """Something that the meaning has no place for, such as log probabilities."""

    path: str


Delta = Began | Opened | Piece | Signed | Closed | Stopped | Used | Done | Broken | Unread
