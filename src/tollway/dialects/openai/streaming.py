"""A stream of Chat Completions, read event by event.

Rules
1. A text, a thought or a refusal ends where another kind of part begins; calls stay open until the
   choice stops, because a source may interleave them.
2. A call is opened when its name is known. Another id at the same index is another call: Gemini's
   chat endpoint numbers all of them 0.
3. Where `reasoning_details` has text, `reasoning` and `reasoning_content` repeat it.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import msgspec

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
from tollway.dialects.meaning import Signature
from tollway.dialects.members import json_text
from tollway.dialects.openai import chunks
from tollway.dialects.openai.errors import read_error
from tollway.dialects.openai.stops import read_stop
from tollway.dialects.openai.thoughts import read_sign
from tollway.dialects.openai.usage import read_usage
from tollway.dialects.signatures import read_signature

Kind = Literal["text", "reasoning", "refusal"]

_UNREAD: Final = ("audio", "images", "annotations", "function_call")

_decode: Final = msgspec.json.Decoder(chunks.Chunk).decode
_decode_any: Final = msgspec.json.Decoder().decode


class _Call:
    """A tool call that is open; `part` is None until its name is known."""

    __slots__ = ("arguments", "custom", "id", "name", "part")

    def __init__(self) -> None:
        self.part: int | None = None
        self.id = ""
        self.name = ""
        self.custom = False
        self.arguments: list[str] = []


class _Choice:
    """Where one choice stands. `kind` is that of the open part at `part`, None where none is."""

    __slots__ = ("calls", "kind", "next", "opened", "part", "stopped", "thought")

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self.part = 0
        self.next = 0
        self.thought: object = None
        self.calls: dict[int, _Call] = {}
        self.opened: list[int] = []
        self.stopped = False


class ChatReader:
    """Reads one stream."""

    __slots__ = ("_began", "_choices", "_ended", "_unread")

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._unread: set[str] = set()
        self._began = False
        self._ended = False

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one event says."""
        if payload == b"[DONE]":
            return self.finish()
        chunk = decoded(_decode, payload)
        if chunk.error or chunk.object == "error" or chunk.type == "error":
            value = chunk.error or decoded(_decode_any, payload)
            return (Broken(*read_error(value)),)
        out: list[Delta] = []
        if chunk.choices:
            if not self._began:
                self._began = True
                out.append(Began(chunk.id or "", chunk.model or ""))
            for choice in chunk.choices:
                self._read_choice(choice, out)
        if chunk.usage is not None:
            usage = read_usage(chunk.usage)
            if usage is not None:
                out.append(Used(usage))
        return out

    def finish(self) -> Sequence[Delta]:
        """What remains to be said at the end."""
        if self._ended:
            return ()
        self._ended = True
        out: list[Delta] = []
        for index, state in self._choices.items():
            _stop(index, state, Stopped(index, None), out)
        out.append(Done())
        return out

    def _read_choice(self, choice: chunks.Choice, out: list[Delta]) -> None:
        index = choice.index
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        delta = choice.delta or choice.message
        if delta is not None:
            text = delta.content
            if text.__class__ is str and text and state.kind == "text" and _alone(delta):
                out.append(Piece(index, state.part, text))
            else:
                self._read_delta(index, state, delta, out)
        if choice.logprobs:
            self._leave(f"choices[{index}].logprobs", out)
        if choice.finish_reason:
            matched = choice.stop_reason or choice.matched_stop
            stop, sequence = read_stop(choice.finish_reason, matched)
            _stop(index, state, Stopped(index, stop, sequence), out)

    def _read_delta(
        self, index: int, state: _Choice, delta: chunks.Delta, out: list[Delta]
    ) -> None:
        plain = delta.reasoning_content or delta.reasoning
        if plain or delta.reasoning_details:
            _read_thoughts(index, state, plain, delta.reasoning_details or [], out)
        if delta.content:
            _say(index, state, "text", self._words(index, delta.content, out), out)
        if delta.refusal:
            _say(index, state, "refusal", delta.refusal, out)
        for call in delta.tool_calls or ():
            _read_call(index, state, call, out)
        signature = _extra(delta.extra_content)
        if signature is not None:
            _say(index, state, "text", "", out)
            out.append(Signed(index, state.part, signature))
        for key in _UNREAD:
            if getattr(delta, key):
                self._leave(f"choices[{index}].message.{key}", out)

    def _words(self, index: int, content: Any, out: list[Delta]) -> str:
        """The text of a content: a string, or a list of parts as Mistral has it."""
        if isinstance(content, str):
            return content
        words: list[str] = []
        parts = cast(list[Any], content) if isinstance(content, list) else [content]
        for part in parts:
            if isinstance(part, dict) and "text" in part:
                words.append(str(cast(dict[str, Any], part)["text"]))
            else:
                self._leave(f"choices[{index}].message.content", out)
        return "".join(words)

    def _leave(self, path: str, out: list[Delta]) -> None:
        if path not in self._unread:
            self._unread.add(path)
            out.append(Unread(path))


def _alone(delta: chunks.Delta) -> bool:
    """Whether words are all that an event says."""
    return not (
        delta.reasoning_content
        or delta.reasoning
        or delta.reasoning_details
        or delta.tool_calls
        or delta.refusal
        or delta.extra_content
        or delta.annotations
        or delta.images
        or delta.audio
    )


def _say(index: int, state: _Choice, kind: Kind, text: str, out: list[Delta]) -> None:
    if state.kind != kind:
        _open(index, state, Opened(index, state.next, kind), out)
    if text:
        out.append(Piece(index, state.part, text))


def _open(index: int, state: _Choice, opened: Opened, out: list[Delta]) -> None:
    """Opens a part that is no call, and closes the one before it."""
    _close(index, state, out)
    state.kind = opened.kind if opened.kind != "tool_call" else None
    state.part = state.next
    state.next += 1
    out.append(opened)


def _close(index: int, state: _Choice, out: list[Delta]) -> None:
    if state.kind is not None:
        out.append(Closed(index, state.part))
        state.kind = None
        state.thought = None


def _stop(index: int, state: _Choice, stopped: Stopped, out: list[Delta]) -> None:
    _close(index, state, out)
    for call in state.calls.values():
        if call.part is None and call.id:
            _open_call(index, state, call, out)
    out.extend(Closed(index, part) for part in state.opened)
    state.opened = []
    state.calls = {}
    if not state.stopped:
        state.stopped = True
        out.append(stopped)


def _read_thoughts(
    index: int,
    state: _Choice,
    plain: str | None,
    details: Sequence[chunks.Detail],
    out: list[Delta],
) -> None:
    if plain and not any(entry.text or entry.summary for entry in details):
        if state.kind != "reasoning":
            _open(index, state, Opened(index, state.next, "reasoning"), out)
        out.append(Piece(index, state.part, plain))
    for entry in details:
        if state.kind != "reasoning" or state.thought != entry.index:
            summary = entry.type == "reasoning.summary"
            opened = Opened(index, state.next, "reasoning", id=entry.id or "", summary=summary)
            _open(index, state, opened, out)
            state.thought = entry.index
        text = entry.text or entry.summary
        if text:
            out.append(Piece(index, state.part, text))
        signature = read_sign(entry.data or entry.signature, entry.format)
        if signature is not None:
            sealed = entry.type == "reasoning.encrypted"
            out.append(Signed(index, state.part, signature, sealed=sealed))


def _read_call(index: int, state: _Choice, said: chunks.Call, out: list[Delta]) -> None:
    inner = said.custom or said.function
    place = said.index if said.index is not None else max(len(state.calls) - 1, 0)
    call = state.calls.get(place)
    if call is not None and said.id and call.id and said.id != call.id and inner and inner.name:
        place = max(state.calls) + 1
        call = None
    if call is None:
        call = state.calls[place] = _Call()
    call.id = call.id or said.id or ""
    call.custom = call.custom or said.custom is not None
    if inner is not None:
        call.name = call.name or inner.name or ""
    if call.part is None and call.name:
        _open_call(index, state, call, out)
    text = _arguments(said)
    if text and call.part is None:
        call.arguments.append(text)
    elif text and call.part is not None:
        out.append(Piece(index, call.part, text))
    signature = _extra(said.extra_content)
    if signature is not None and call.part is not None:
        out.append(Signed(index, call.part, signature))


def _open_call(index: int, state: _Choice, call: _Call, out: list[Delta]) -> None:
    _close(index, state, out)
    call.part = state.next
    state.next += 1
    state.opened.append(call.part)
    out.append(
        Opened(index, call.part, "tool_call", id=call.id, name=call.name, custom=call.custom)
    )
    if call.arguments:
        out.append(Piece(index, call.part, "".join(call.arguments)))


def _arguments(said: chunks.Call) -> str:
    if said.custom is not None:
        return said.custom.input or ""
    value = said.function.arguments if said.function is not None else None
    if value is None or isinstance(value, str):
        return value or ""
    return json_text(value)


def _extra(extra: chunks.Extra | None) -> Signature | None:
    text = extra.google.thought_signature if extra is not None and extra.google else None
    return read_signature(text, "openai") if text else None
