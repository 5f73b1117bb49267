"""Streams of the old completions API, whose answers are inspected like any others."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tollway.dialects.deltas import Broken, Closed, Delta, Done, Opened, Piece, Stopped, Used
from tollway.dialects.forms import Told
from tollway.dialects.openai.errors import read_error, write_error
from tollway.dialects.openai.stops import read_stop, write_stop
from tollway.dialects.openai.usage import read_usage, write_usage
from tollway.fleet.usage import Usage


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    text: str | None = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_decode: Final = msgspec.json.Decoder(_Chunk).decode
_encode: Final = msgspec.json.Encoder().encode


class CompletionReader:
    """Reads one stream."""

    __slots__ = ("_ended", "_open", "_stopped")

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._stopped: set[int] = set()
        self._ended = False

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one event says."""
        if payload.strip() == b"[DONE]":
            return self.finish()
        chunk = _decode(payload)
        if chunk.error:
            return (Broken(*read_error(chunk.error)),)
        out: list[Delta] = []
        for choice in chunk.choices or ():
            if choice.index not in self._open:
                self._open.add(choice.index)
                out.append(Opened(choice.index, 0, "text"))
            if choice.text:
                out.append(Piece(choice.index, 0, choice.text))
            if choice.finish_reason and choice.index not in self._stopped:
                self._stopped.add(choice.index)
                out.append(Closed(choice.index, 0))
                out.append(Stopped(choice.index, *read_stop(choice.finish_reason, None)))
        usage = None if chunk.usage is None else read_usage(chunk.usage)
        if usage is not None:
            out.append(Used(usage))
        return out

    def finish(self) -> Sequence[Delta]:
        """What remains to be said at the end."""
        if self._ended:
            return ()
        self._ended = True
        left = sorted(self._open - self._stopped)
        return (*(Stopped(choice, None) for choice in left), Done())


class CompletionWriter:
    """Writes one stream."""

    __slots__ = ("_head", "_told", "_usage")

    def __init__(self, told: Told) -> None:
        self._told = told
        self._usage: Usage | None = None
        about = {
            "id": told.id,
            "object": "text_completion",
            "created": told.created,
            "model": told.model,
        }
        self._head = b"data: " + _encode(about)[:-1]

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole events."""
        out: list[bytes] = []
        for delta in deltas:
            if isinstance(delta, Piece):
                out.append(self._event(delta.choice, delta.text, None))
            elif isinstance(delta, Stopped):
                reason = write_stop(delta.stop, None, called=False)["finish_reason"]
                out.append(self._event(delta.choice, "", reason))
            elif isinstance(delta, Used):
                self._usage = delta.usage
            elif isinstance(delta, Done):
                out.append(self._end())
        return b"".join(out)

    def broken(self, status: int, code: str, message: str) -> bytes:
        """The event that ends a stream which broke. No `[DONE]` follows."""
        return b"data: " + write_error(status, code, message, None) + b"\n\n"

    def _event(self, choice: int, text: str, reason: Any) -> bytes:
        said = {"index": choice, "text": text, "logprobs": None, "finish_reason": reason}
        return self._head + b',"choices":[' + _encode(said) + b"]}\n\n"

    def _end(self) -> bytes:
        usage = b""
        if self._usage is not None and self._told.wants_usage:
            told = _encode(write_usage(self._usage))
            usage = self._head + b',"choices":[],"usage":' + told + b"}\n\n"
        return usage + b"data: [DONE]\n\n"
