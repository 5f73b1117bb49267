"""What the emulator says: pieces of one token each, and how they look in OpenAI's answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

_json = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call, the `index`th of its answer."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of an answer. A piece of a tool call carries part of its arguments; the first one
    `opens` it and carries id and name instead."""

    kind: Literal["content", "reasoning_content", "tool"]
    text: str
    call: ToolCall | None = None
    opens: bool = False

    def delta(self) -> bytes:
        """The `delta` of a chat chunk."""
        if self.call is None:
            return b'{"%s":%s}' % (self.kind.encode(), _json(self.text))
        if self.opens:
            function = {"name": self.call.name, "arguments": ""}
            opening = {
                "index": self.call.index,
                "id": self.call.id,
                "type": "function",
                "function": function,
            }
            return _json({"tool_calls": [opening]})
        part = {"index": self.call.index, "function": {"arguments": self.text}}
        return _json({"tool_calls": [part]})


@dataclass(slots=True)
class Utterance:
    """An answer of `length` pieces, which may be drawn once, and why it ends there. `reasoning` of
    the pieces are reasoning."""

    pieces: Iterator[Piece]
    length: int
    finish: str
    calls: tuple[ToolCall, ...] = ()
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Heading:
    """What all chunks of one answer share."""

    id: str
    created: int
    model: str

    def fields(self, kind: str) -> bytes:
        """The opening of an answer's JSON object, up to and with the comma."""
        return b'{"id":%s,"object":"%s","created":%d,"model":%s,' % (
            _json(self.id),
            kind.encode(),
            self.created,
            _json(self.model),
        )


def usage_json(prompt: int, output: int, reasoning: int = 0) -> bytes:
    """OpenAI's `usage` object. There is no prefix cache, and the object says so."""
    return _json(
        {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    )
