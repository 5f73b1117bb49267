"""A stream of Messages, read event by event.

Rules
1. A block's place is its part's; a block that has no meaning here is unread, with all it says.
2. Arguments that come whole with the block's begin are said at its end, if no pieces came.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tollway.dialects.anthropic.errors import MESSAGE, read_status
from tollway.dialects.anthropic.events import Event
from tollway.dialects.anthropic.stops import read_stop
from tollway.dialects.anthropic.usage import Reported, later, read_reported, usage_of
from tollway.dialects.deltas import (
    Began,
    Broken,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Unread,
    Used,
)
from tollway.dialects.lenient import decoded
from tollway.dialects.members import json_text
from tollway.dialects.signatures import read_signature

_decode: Final = msgspec.json.Decoder(Event).decode


class MessagesReader:
    """Reads one stream."""

    __slots__ = ("_ended", "_inputs", "_open", "_reported", "_stopped")

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._inputs: dict[int, str] = {}
        self._reported: Reported | None = None
        self._stopped = False
        self._ended = False

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one event says."""
        event = decoded(_decode, payload)
        kind = event.type
        if kind == "content_block_delta":
            return self._add(event)
        if kind == "content_block_start":
            return self._start(event)
        if kind == "content_block_stop":
            return self._close(event.index)
        if kind == "message_start":
            return self._begin(event)
        if kind == "message_delta":
            return self._stop(event)
        if kind == "message_stop":
            return self.finish()
        if kind == "error" or event.error is not None:
            return self._break(event)
        return ()

    def finish(self) -> Sequence[Delta]:
        """What remains to be said at the end."""
        if self._ended:
            return ()
        self._ended = True
        out: list[Delta] = []
        for index in sorted(self._open):
            out += self._close(index)
        if not self._stopped:
            out.append(Stopped(0, None))
        out.append(Done())
        return out

    def _add(self, event: Event) -> Sequence[Delta]:
        delta, index = event.delta, event.index
        if delta is None or index not in self._open:
            return ()
        text = delta.text or delta.thinking or delta.partial_json
        if text:
            if delta.partial_json:
                self._inputs.pop(index, None)
            return (Piece(0, index, text),)
        if delta.signature:
            signature = read_signature(delta.signature, "anthropic")
            return (Signed(0, index, signature, sealed=signature.made_in == "responses"),)
        if delta.type == "citations_delta":
            return (Unread(f"content[{index}].citations"),)
        return ()

    def _start(self, event: Event) -> Sequence[Delta]:
        block, index = event.content_block, event.index
        if block is None:
            return ()
        if block.type == "text":
            out: list[Delta] = [Opened(0, index, "text")]
        elif block.type == "tool_use":
            out = [Opened(0, index, "tool_call", id=block.id or "", name=block.name or "")]
            self._inputs[index] = json_text(block.input or {})
        elif block.type in ("thinking", "redacted_thinking"):
            out = [Opened(0, index, "reasoning")]
        else:
            return (Unread(f"content[{index}]"),)
        self._open.add(index)
        text = block.text or block.thinking
        if text:
            out.append(Piece(0, index, text))
        if block.data or block.signature:
            signature = read_signature(block.data or block.signature or "", "anthropic")
            out.append(Signed(0, index, signature, sealed=bool(block.data)))
        return out

    def _close(self, index: int) -> Sequence[Delta]:
        if index not in self._open:
            return ()
        self._open.discard(index)
        given = self._inputs.pop(index, None)
        closed = Closed(0, index)
        return (closed,) if given is None else (Piece(0, index, given), closed)

    def _begin(self, event: Event) -> Sequence[Delta]:
        message = event.message
        if message is None:
            return ()
        began = Began(message.id or "", message.model or "")
        return (began, *self._use(message.usage))

    def _stop(self, event: Event) -> Sequence[Delta]:
        out: list[Delta] = []
        delta = event.delta
        if delta is not None and delta.stop_reason is not None and not self._stopped:
            for index in sorted(self._open):
                out += self._close(index)
            self._stopped = True
            out.append(Stopped(0, read_stop(delta.stop_reason), delta.stop_sequence))
        out += self._use(event.usage)
        return out

    def _use(self, usage: object) -> Sequence[Delta]:
        if usage is None:
            return ()
        self._reported = later(self._reported, read_reported(usage))
        used = usage_of(self._reported)
        return () if used is None else (Used(used),)

    def _break(self, event: Event) -> Sequence[Delta]:
        error = event.error
        if error is None:
            return (Broken("error"),)
        message = (error.message or error.type or "error")[:MESSAGE]
        return (Broken(message, read_status(error.type)),)
