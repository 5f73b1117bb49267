"""Reads a streamed response, chunk by chunk.

Rules
1. Words that follow each other are one part, until a signature, a call or other words end it.
2. A signed text is a part of its own, and so is a call, which comes whole: its signature stands
   ahead of its words.
3. There is no end marker: usage and the end are said when the source closes.
"""

from collections.abc import Sequence

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
from tollway.dialects.gemini.answering import call_id, read_stop
from tollway.dialects.gemini.signing import is_sealed, read_thought_signature
from tollway.dialects.gemini.wire import Call, Candidate, Count, Response, SaidPart, decode_response
from tollway.dialects.lenient import decoded
from tollway.dialects.members import json_text


class _Spoken:
    """What is known of one candidate: the open part's kind, and how many parts there were."""

    __slots__ = ("called", "index", "kind", "parts", "stopped")

    def __init__(self) -> None:
        self.kind = ""
        self.index = 0
        self.parts = 0
        self.called = False
        self.stopped = False


class GeminiReader:
    """Reads one stream of generateContent."""

    __slots__ = ("_began", "_count", "_ended", "_id", "_spoken", "_unread")

    def __init__(self) -> None:
        self._began = False
        self._ended = False
        self._id = ""
        self._count: Count | None = None
        self._spoken: dict[int, _Spoken] = {}
        self._unread: set[str] = set()

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one chunk says.

        Raises:
            ValueError: it is not JSON, or not as Google has it.
        """
        chunk = decoded(decode_response, payload)
        deltas: list[Delta] = []
        if chunk.error is not None:
            self._ended = True
            return (Broken(chunk.error.message or "the source failed", chunk.error.code),)
        if not self._began:
            self._began = True
            self._id = chunk.response_id or ""
            deltas.append(Began(self._id, chunk.model_version or ""))
        if chunk.usage_metadata is not None:
            self._count = chunk.usage_metadata
        if chunk.candidates:
            for candidate in chunk.candidates:
                self._read_candidate(candidate, deltas)
        elif chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._block(chunk, deltas)
        return deltas

    def finish(self) -> Sequence[Delta]:
        """The end."""
        if self._ended:
            return ()
        self._ended = True
        deltas: list[Delta] = []
        for choice, spoken in (self._spoken or {0: _Spoken()}).items():
            self._close(choice, spoken, deltas)
            if not spoken.stopped:
                deltas.append(Stopped(choice, None))
        if self._count is not None:
            deltas.append(Used(self._count.usage()))
        deltas.append(Done())
        return deltas

    def _block(self, chunk: Response, deltas: list[Delta]) -> None:
        """The prompt was refused: there is no candidate at all."""
        spoken = self._spoken.setdefault(0, _Spoken())
        if not spoken.stopped:
            spoken.stopped = True
            deltas.append(Stopped(0, "filter"))

    def _read_candidate(self, candidate: Candidate, deltas: list[Delta]) -> None:
        choice = candidate.index
        spoken = self._spoken.get(choice)
        if spoken is None:
            spoken = self._spoken[choice] = _Spoken()
        if candidate.content is not None:
            for part in candidate.content.parts:
                if part.text and spoken.kind == "text" and part.plain():
                    deltas.append(Piece(choice, spoken.index, part.text))
                else:
                    self._read_part(choice, spoken, part, deltas)
        for path in candidate.unread():
            self._say_unread(path, deltas)
        if candidate.finish_reason is not None and not spoken.stopped:
            self._close(choice, spoken, deltas)
            stop, unknown = read_stop(candidate.finish_reason, spoken.called)
            if unknown:
                reason = candidate.finish_reason
                self._say_unread(f"candidates[{choice}].finishReason: {reason}", deltas)
            spoken.stopped = True
            deltas.append(Stopped(choice, stop))

    def _read_part(self, choice: int, spoken: _Spoken, part: SaidPart, deltas: list[Delta]) -> None:
        call = part.function_call
        if call is not None:
            self._read_call(choice, spoken, call, part.thought_signature, deltas)
        elif part.thought:
            self._read_thought(choice, spoken, part, deltas)
        elif part.text is None and part.thought_signature is None:
            self._say_unread(f"candidates[{choice}].content.parts", deltas)
        elif part.thought_signature is not None:
            self._close(choice, spoken, deltas)
            self._open(choice, spoken, "text", deltas)
            self._sign(choice, spoken, part, deltas)
            if part.text:
                deltas.append(Piece(choice, spoken.index, part.text))
            self._close(choice, spoken, deltas)
        elif part.text:
            if spoken.kind != "text":
                self._close(choice, spoken, deltas)
                self._open(choice, spoken, "text", deltas)
            deltas.append(Piece(choice, spoken.index, part.text))

    def _read_thought(
        self, choice: int, spoken: _Spoken, part: SaidPart, deltas: list[Delta]
    ) -> None:
        if spoken.kind != "reasoning":
            self._close(choice, spoken, deltas)
            self._open(choice, spoken, "reasoning", deltas)
        if part.text:
            deltas.append(Piece(choice, spoken.index, part.text))
        if part.thought_signature is not None:
            self._sign(choice, spoken, part, deltas)
            self._close(choice, spoken, deltas)

    def _read_call(
        self,
        choice: int,
        spoken: _Spoken,
        call: Call,
        signature: str | None,
        deltas: list[Delta],
    ) -> None:
        self._close(choice, spoken, deltas)
        spoken.called = True
        ident = call.id or call_id(self._id, choice, spoken.parts)
        at = self._next(spoken)
        deltas.append(Opened(choice, at, "tool_call", ident, call.name))
        made = read_thought_signature(signature)
        if made is not None:
            deltas.append(Signed(choice, at, made))
        deltas.append(Piece(choice, at, json_text(call.args or {})))
        deltas.append(Closed(choice, at))

    def _sign(self, choice: int, spoken: _Spoken, part: SaidPart, deltas: list[Delta]) -> None:
        made = read_thought_signature(part.thought_signature)
        if made is not None:
            sealed = part.thought and is_sealed(part.text, made)
            deltas.append(Signed(choice, spoken.index, made, sealed))

    def _open(self, choice: int, spoken: _Spoken, kind: str, deltas: list[Delta]) -> None:
        spoken.kind = kind
        spoken.index = self._next(spoken)
        if kind == "text":
            deltas.append(Opened(choice, spoken.index, "text"))
        else:
            deltas.append(Opened(choice, spoken.index, "reasoning", summary=True))

    def _next(self, spoken: _Spoken) -> int:
        spoken.parts += 1
        return spoken.parts - 1

    def _close(self, choice: int, spoken: _Spoken, deltas: list[Delta]) -> None:
        if spoken.kind:
            spoken.kind = ""
            deltas.append(Closed(choice, spoken.index))

    def _say_unread(self, path: str, deltas: list[Delta]) -> None:
        if path not in self._unread:
            self._unread.add(path)
            deltas.append(Unread(path))
