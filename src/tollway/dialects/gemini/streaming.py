"""Writes a streamed response, chunk by chunk.

Rules
1. A call is said whole, when it is closed: Google's calls have no pieces.
2. A signature is said with its part where it comes ahead of the words, behind them where it comes
   last; a sealed thought has no text.
3. The last chunk says why each candidate ended, and the usage.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tollway.dialects.deltas import Closed, Delta, Done, Opened, Piece, Signed, Stopped, Used
from tollway.dialects.forms import Told
from tollway.dialects.gemini.answering import (
    FINISHES,
    write_answer_part,
    write_usage,
)
from tollway.dialects.gemini.refusing import write_error
from tollway.dialects.meaning import Reasoning, Signature, Stop, Text, ToolCall
from tollway.fleet.usage import Usage

Said = dict[str, Any]

_encode = msgspec.json.encode


class _OpenPart:
    """A part that is being written; `holds` says that its words wait for its end."""

    __slots__ = ("holds", "kind", "opened", "sealed", "signature", "texts")

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.kind = opened.kind
        self.holds = opened.kind == "tool_call"
        self.texts: list[str] = []
        self.signature: Signature | None = None
        self.sealed = False


class GeminiWriter:
    """Writes one stream of generateContent."""

    __slots__ = ("_ends", "_open", "_out", "_stops", "_tail", "_usage")

    def __init__(self, told: Told) -> None:
        self._usage: Usage | None = None
        self._out: list[bytes] = []
        self._open: dict[tuple[int, int], _OpenPart] = {}
        self._stops: dict[int, Stop | None] = {}
        named = {"modelVersion": told.model, "responseId": told.id}
        self._tail = b"," + _encode(named)[1:] + b"\n\n"
        # What stands behind a piece of words, before and after its choice's number.
        self._ends: tuple[bytes, bytes] = (b'}],"role":"model"},"index":', b"}]" + self._tail)

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole chunks; empty where nothing is to be said yet."""
        for delta in deltas:
            if isinstance(delta, Piece):
                part = self._open.get((delta.choice, delta.index))
                if part is None:
                    continue
                if part.holds:
                    part.texts.append(delta.text)
                else:
                    self._say_words(delta, part)
            else:
                self._write_sign(delta)
        out = b"".join(self._out)
        self._out.clear()
        return out

    def broken(self, status: int, code: str, message: str) -> bytes:
        """An error in place of a chunk, at which Google's SDKs raise."""
        return b"data: " + write_error(status, code, message, None) + b"\n\n"

    def _say_words(self, delta: Piece, part: _OpenPart) -> None:
        thought = b',"thought":true' if part.kind == "reasoning" else b""
        middle, end = self._ends
        self._out += (
            b'data: {"candidates":[{"content":{"parts":[{"text":',
            _encode(delta.text),
            thought,
            middle,
            b"%d" % delta.choice,
            end,
        )

    def _write_sign(self, delta: Delta) -> None:
        if isinstance(delta, Opened):
            self._open[delta.choice, delta.index] = _OpenPart(delta)
        elif isinstance(delta, Signed):
            part = self._open.get((delta.choice, delta.index))
            if part is not None:
                part.signature, part.sealed = delta.signature, delta.sealed
                part.holds = part.holds or part.kind == "text"
        elif isinstance(delta, Closed):
            self._close(delta.choice, delta.index)
        elif isinstance(delta, Stopped):
            self._stops[delta.choice] = delta.stop
        elif isinstance(delta, Used):
            self._usage = delta.usage
        elif isinstance(delta, Done):
            self._end()

    def _close(self, choice: int, index: int) -> None:
        part = self._open.pop((choice, index), None)
        if part is None:
            return
        said = _whole(part)
        if said is not None:
            self._say({"candidates": [_candidate(choice, said)]})

    def _end(self) -> None:
        for choice, index in list(self._open):
            self._close(choice, index)
        candidates = [
            {**_candidate(choice, {"text": ""}), "finishReason": FINISHES[stop or "stop"]}
            for choice, stop in (self._stops or {0: None}).items()
        ]
        said: Said = {"candidates": candidates}
        if self._usage is not None:
            said["usageMetadata"] = write_usage(self._usage)
        self._say(said)

    def _say(self, said: Said) -> None:
        self._out += (b"data: ", _encode(said)[:-1], self._tail)


def _whole(part: _OpenPart) -> Said | None:
    """What is still to be said of a part at its end."""
    text = "".join(part.texts)
    match part.kind:
        case "tool_call":
            opened = part.opened
            call = ToolCall(opened.id, opened.name, text, signature=part.signature)
            return write_answer_part(call, "", [])
        case "reasoning":
            if part.signature is None:
                return None
            thought = Reasoning(sealed=part.sealed, signature=part.signature)
            return write_answer_part(thought, "", [])
        case _:
            if not part.holds:
                return None
            return write_answer_part(Text(text, signature=part.signature), "", [])


def _candidate(choice: int, part: Said) -> Said:
    return {"content": {"parts": [part], "role": "model"}, "index": choice}
