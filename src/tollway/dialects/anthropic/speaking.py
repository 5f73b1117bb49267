"""A stream of Messages, written for a client.

Rules
1. Blocks come one after another: what a source interleaves waits until the open one ends.
2. A block begins with its first piece, so that an empty one is not said, and a signature of a call
   or of words goes ahead of it, as a sealed thought (see `signatures`).
3. `message_delta` comes once, at the end: only then is everything counted.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tollway.dialects.anthropic.answering import head, made_id
from tollway.dialects.anthropic.errors import write_error
from tollway.dialects.anthropic.stops import write_stop
from tollway.dialects.anthropic.turns import write_id
from tollway.dialects.anthropic.usage import write_usage
from tollway.dialects.deltas import Closed, Delta, Done, Opened, Piece, Signed, Stopped, Used
from tollway.dialects.forms import Told
from tollway.dialects.signatures import signature_text
from tollway.fleet.usage import Usage

_DELTAS: Final = {
    "text": b'"text_delta","text":',
    "refusal": b'"text_delta","text":',
    "reasoning": b'"thinking_delta","thinking":',
    "tool_call": b'"input_json_delta","partial_json":',
}
_encode: Final = msgspec.json.Encoder().encode


class MessagesWriter:
    """Writes one stream. `_now` is the part that is being said, `_begun` whether its block has
    begun, `_before` what stands before a piece of it."""

    __slots__ = (
        "_at", "_before", "_begun", "_called", "_later", "_now", "_out", "_refused", "_started",
        "_stopped", "_told", "_usage",
    )  # fmt: skip

    def __init__(self, told: Told) -> None:
        self._told = told
        self._out: list[bytes] = []
        self._at = -1
        self._now: Opened | None = None
        self._begun = False
        self._before = b""
        self._later: dict[int, list[Opened | Piece | Signed | Closed]] = {}
        self._started = False
        self._called = False
        self._refused = False
        self._stopped = Stopped(0, None)
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole events."""
        for delta in deltas:
            if isinstance(delta, Piece | Opened | Signed | Closed):
                if not delta.choice:
                    self._place(delta)
            elif isinstance(delta, Stopped):
                if not delta.choice:
                    self._stopped = delta
            elif isinstance(delta, Used):
                self._usage = delta.usage
            elif isinstance(delta, Done):
                self._end()
        out = b"".join(self._out)
        self._out.clear()
        return out

    def broken(self, status: int, code: str, message: str) -> bytes:
        """The event that ends a stream which broke."""
        return b"event: error\ndata: " + write_error(status, code, message, None) + b"\n\n"

    def _place(self, delta: Opened | Piece | Signed | Closed) -> None:
        """Rule 1."""
        now = self._now
        if now is not None and now.index != delta.index:
            self._later.setdefault(delta.index, []).append(delta)
        elif isinstance(delta, Piece):
            if not self._begun:
                self._begin()
            self._out += (self._before, _encode(delta.text), b"}}\n\n")
        elif isinstance(delta, Opened):
            self._open(delta)
        elif isinstance(delta, Signed):
            self._sign(delta)
        else:
            self._close()

    def _open(self, opened: Opened) -> None:
        self._now = opened
        self._begun = False
        self._called = self._called or opened.kind == "tool_call"
        self._refused = self._refused or opened.kind == "refusal"

    def _close(self) -> None:
        now = self._now
        if now is not None and now.kind == "tool_call" and not self._begun:
            self._begin()
        if self._begun:
            self._say("content_block_stop", {"index": self._at})
        self._now = None
        self._begun = False
        if self._later:
            waiting = self._later.pop(next(iter(self._later)))
            for delta in waiting:
                self._place(delta)

    def _begin(self) -> None:
        now = self._now
        if now is None:
            return
        if now.kind == "reasoning":
            block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
        elif now.kind == "tool_call":
            call_id = write_id(now.id or made_id(self._told, self._at + 1))
            block = {"type": "tool_use", "id": call_id, "name": now.name, "input": {}}
        else:
            block = {"type": "text", "text": ""}
        self._begin_block(block)
        self._begun = True
        event = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
        self._before = event % self._at + b'"delta":{"type":' + _DELTAS[now.kind]

    def _begin_block(self, block: dict[str, Any]) -> None:
        self._start()
        self._at += 1
        self._say("content_block_start", {"index": self._at, "content_block": block})

    def _sign(self, signed: Signed) -> None:
        text = signature_text(signed.signature, "anthropic")
        now = self._now
        if now is None:
            return
        if now.kind == "reasoning" and (self._begun or not signed.sealed):
            if not self._begun:
                self._begin()
            delta = {"type": "signature_delta", "signature": text}
            self._say("content_block_delta", {"index": self._at, "delta": delta})
        elif not self._begun:
            self._begin_block({"type": "redacted_thinking", "data": text})
            self._say("content_block_stop", {"index": self._at})
        else:
            late: list[Opened | Piece | Signed | Closed] = [
                Opened(0, -1 - self._at, "reasoning"),
                Signed(0, -1 - self._at, signed.signature, sealed=True),
                Closed(0, -1 - self._at),
            ]
            self._later = {-1 - self._at: late} | self._later

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        message: dict[str, Any] = {
            **head(self._told),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage or Usage()),
        }
        self._say("message_start", {"message": message})

    def _end(self) -> None:
        self._start()
        stopped = self._stopped
        reason = write_stop(stopped.stop, called=self._called, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": stopped.stop_sequence}
        usage = write_usage(self._usage or Usage())
        self._say("message_delta", {"delta": delta, "usage": usage})
        self._say("message_stop", {})

    def _say(self, kind: str, said: dict[str, Any]) -> None:
        event = _encode({"type": kind, **said})
        self._out += (b"event: ", kind.encode(), b"\ndata: ", event, b"\n\n")
