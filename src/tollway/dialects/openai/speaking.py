"""A stream of Chat Completions, written for a client.

Rules
1. Thoughts are said twice: in `reasoning_content` for whoever shows them, in `reasoning_details`
   for whoever brings them back with their signature.
2. The usage event comes last, and only where the client asked for it.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tollway.dialects.deltas import Delta, Done, Opened, Piece, Signed, Stopped, Used
from tollway.dialects.forms import Told
from tollway.dialects.openai.errors import write_error
from tollway.dialects.openai.messages import write_extra
from tollway.dialects.openai.stops import write_stop
from tollway.dialects.openai.thoughts import detail, signed_detail
from tollway.dialects.openai.usage import write_usage
from tollway.fleet.usage import Usage

_encode: Final = msgspec.json.Encoder().encode


class _Part:
    """An open part: its place among its kind, and what stands around each piece of it. `again` is
    what stands between where a piece is said twice."""

    __slots__ = ("after", "again", "at", "before", "opened")

    def __init__(self, opened: Opened, at: int) -> None:
        self.opened = opened
        self.at = at
        self.before = b""
        self.again: bytes | None = None
        self.after = b""


class ChatWriter:
    """Writes one stream."""

    __slots__ = ("_begun", "_calls", "_head", "_parts", "_tail", "_thoughts", "_told", "_usage")

    def __init__(self, told: Told) -> None:
        self._told = told
        about = {
            "id": told.id,
            "object": "chat.completion.chunk",
            "created": told.created,
            "model": told.model,
        }
        self._head = b"data: " + _encode(about)[:-1]
        self._tail = b',"usage":null}\n\n' if told.wants_usage else b"}\n\n"
        self._parts: dict[tuple[int, int], _Part] = {}
        self._calls: dict[int, int] = {}
        self._thoughts: dict[int, int] = {}
        self._begun: set[int] = set()
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole events."""
        out: list[bytes] = []
        for delta in deltas:
            if isinstance(delta, Piece):
                part = self._parts[delta.choice, delta.index]
                text = _encode(delta.text)
                if part.again is None:
                    out += (part.before, text, part.after)
                else:
                    out += (part.before, text, part.again, text, part.after)
            elif isinstance(delta, Opened):
                self._open(delta, out)
            elif isinstance(delta, Signed):
                self._sign(delta, out)
            elif isinstance(delta, Stopped):
                called = self._calls.get(delta.choice, 0) > 0
                ended = write_stop(delta.stop, delta.stop_sequence, called=called)
                self._say(delta.choice, {}, out, ended)
            elif isinstance(delta, Used):
                self._usage = delta.usage
            elif isinstance(delta, Done):
                self._end(out)
        return b"".join(out)

    def broken(self, status: int, code: str, message: str) -> bytes:
        """The event that ends a stream which broke. No `[DONE]` follows."""
        return b"data: " + write_error(status, code, message, None) + b"\n\n"

    def _event(self, choice: int, delta: bytes, ended: dict[str, Any]) -> bytes:
        """An event with one choice. `delta` is JSON text."""
        said = _encode({"index": choice, "delta": msgspec.Raw(delta), "logprobs": None, **ended})
        return b"".join((self._head, b',"choices":[', said, b"]", self._tail))

    def _say(
        self,
        choice: int,
        delta: dict[str, Any],
        out: list[bytes],
        ended: dict[str, Any] | None = None,
    ) -> None:
        self._begin(choice, out)
        out.append(self._event(choice, _encode(delta), ended or {"finish_reason": None}))

    def _begin(self, choice: int, out: list[bytes]) -> None:
        if choice not in self._begun:
            self._begun.add(choice)
            first = b'{"role":"assistant","content":"","refusal":null}'
            out.append(self._event(choice, first, {"finish_reason": None}))

    def _open(self, opened: Opened, out: list[bytes]) -> None:
        choice = opened.choice
        self._begin(choice, out)
        counts = self._calls if opened.kind == "tool_call" else self._thoughts
        at = counts.get(choice, 0)
        part = self._parts[choice, opened.index] = _Part(opened, at)
        if opened.kind == "text":
            self._around(part, b'{"content":?}')
        elif opened.kind == "refusal":
            self._around(part, b'{"refusal":?}')
        elif opened.kind == "reasoning":
            counts[choice] = at + 1
            word = "summary" if opened.summary else "text"
            entry = _encode([detail(at, word, opened.id)])[:-2]
            template = b'{"reasoning_content":?,"reasoning_details":%b,"%b":?}]}'
            self._around(part, template % (entry, word.encode()))
        else:
            counts[choice] = at + 1
            self._open_call(part, out)

    def _open_call(self, part: _Part, out: list[bytes]) -> None:
        opened, at = part.opened, part.at
        kind, words = ("custom", "input") if opened.custom else ("function", "arguments")
        call = {
            "index": at,
            "id": opened.id or f"call_{self._told.id}_{opened.choice}_{at}",
            "type": kind,
            kind: {"name": opened.name, words: ""},
        }
        self._say(opened.choice, {"tool_calls": [call]}, out)
        template = f'{{"tool_calls":[{{"index":{at},"{kind}":{{"{words}":?}}}}]}}'
        self._around(part, template.encode())

    def _around(self, part: _Part, template: bytes) -> None:
        """Makes what stands around each piece; `template` is a delta with `?` for the piece."""
        event = self._event(part.opened.choice, b"\0", {"finish_reason": None})
        before, after = event.split(b"\0")
        first, *again, last = template.split(b"?")
        part.before = before + first
        part.again = again[0] if again else None
        part.after = last + after

    def _sign(self, signed: Signed, out: list[bytes]) -> None:
        part = self._parts[signed.choice, signed.index]
        signature = signed.signature
        if part.opened.kind == "reasoning":
            entry = signed_detail(part.at, signature, signed.sealed, part.opened.id)
            delta: dict[str, Any] = {"reasoning_details": [entry]}
        elif part.opened.kind == "tool_call":
            # OpenAI's SDK of Python insists on a function in every piece of a call.
            kind, words = ("custom", "input") if part.opened.custom else ("function", "arguments")
            call = {"index": part.at, kind: {words: ""}, "extra_content": write_extra(signature)}
            delta = {"tool_calls": [call]}
        else:
            delta = {"extra_content": write_extra(signature)}
        self._say(signed.choice, delta, out)

    def _end(self, out: list[bytes]) -> None:
        if self._usage is not None and self._told.wants_usage:
            usage = _encode(write_usage(self._usage))
            out += (self._head, b',"choices":[],"usage":', usage, b"}\n\n")
        out.append(b"data: [DONE]\n\n")
