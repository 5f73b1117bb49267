"""Gemini CLI's chats and telemetry: ~/.gemini/tmp/*/chats/*.json[l], telemetry.log.

Rules
1. A message that was written again is the same message: the last form counts.
2. `input` includes `cached`; `thoughts` are beside `output`, and `tool` beside `input`.
3. A message of the model's is written when it is whole, and was asked for when the user's message
   right before it was; older versions write no tool results, so that after another of the model's
   it is not known when.
4. Telemetry tells of the same answers as chats, with their durations: an answer that a chat file
   has is taken from there, and only its duration from telemetry.

Format: as Gemini CLI 0.1 to 0.61 write it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from tollway.hindsight.records import (
    NO_JSON,
    UNREADABLE,
    Call,
    Count,
    Gaps,
    Milliseconds,
    Moment,
    broken,
)
from tollway.units import Seconds, UtcSeconds

TOOL: Final = "gemini-cli"
RESPONSE: Final = "gemini_cli.api_response"
MOST_LINES: Final = 100_000
"""Of one telemetry record; a longer one has no end."""


class _Tokens(msgspec.Struct, gc=False):
    input: Count | None = 0
    output: Count | None = 0
    cached: Count | None = 0
    thoughts: Count | None = 0
    tool: Count | None = 0


class _Message(msgspec.Struct, gc=False):
    id: str = ""
    type: str = ""
    timestamp: Moment | None = None
    model: str | None = None
    tokens: _Tokens | None = None


class _Set(msgspec.Struct, gc=False):
    messages: list[_Message] = []


class _Line(_Message, gc=False):
    """A line of a chat: the session's facts, a message, or a change of either."""

    sessionId: str | None = None  # noqa: N815 - as the log writes it
    change: _Set | None = msgspec.field(name="$set", default=None)
    messages: list[_Message] = []


class _Attributes(msgspec.Struct, gc=False):
    name: str | None = msgspec.field(name="event.name", default=None)
    session: str | None = msgspec.field(name="session.id", default=None)
    timestamp: Moment | None = msgspec.field(name="event.timestamp", default=None)
    model: str | None = None
    duration_ms: Milliseconds | None = None
    input_token_count: Count | None = 0
    output_token_count: Count | None = 0
    cached_content_token_count: Count | None = 0
    thoughts_token_count: Count | None = 0
    tool_token_count: Count | None = 0


class _Record(msgspec.Struct, gc=False):
    attributes: _Attributes | None = None


class GeminiCli:
    """Reads chats (either form) and telemetry; messages are kept by session and id (rule 1)."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._chats: dict[tuple[str, str], Call] = {}
        self._told: list[Call] = []
        self._line = msgspec.json.Decoder(_Line)
        self._record = msgspec.json.Decoder(_Record)

    def read(self, place: str, lines: Iterable[bytes]) -> None:
        """Read one chat of JSON lines."""
        session, before = place, None
        for number, raw in enumerate(lines, 1):
            try:
                line = self._line.decode(raw)
            except UNREADABLE:
                if raw.strip():
                    self._gaps.note(TOOL, broken(raw), f"{place}:{number}")
                continue
            session = line.sessionId or session
            changed = line.change.messages if line.change else ()
            for message in (line, *line.messages, *changed):
                before = self._heard(session, message, before)

    def read_document(self, place: str, data: bytes) -> None:
        """Read one chat that is one JSON object."""
        try:
            chat = self._line.decode(data)
        except UNREADABLE:
            self._gaps.note(TOOL, "chats that are not whole JSON of that form", place)
            return
        before = None
        for message in chat.messages:
            before = self._heard(chat.sessionId or place, message, before)

    def read_telemetry(self, place: str, lines: Iterable[bytes]) -> None:
        """Read telemetry: JSON objects one after the other, each on one line or on many."""
        held: list[bytes] = []
        began = 0
        for number, raw in enumerate(lines, 1):
            if not held:
                began = number
            held.append(raw)
            whole = raw.rstrip() == b"}" or (len(held) == 1 and raw.rstrip().endswith(b"}"))
            if not whole and len(held) < MOST_LINES:
                continue
            self._record_of(b"".join(held), f"{place}:{began}")
            held.clear()
        if held:
            self._record_of(b"".join(held), f"{place}:{began}")

    def calls(self) -> Iterator[Call]:
        """The answers read so far (rule 4)."""
        durations = {_told_as(call): call.took for call in self._told}
        sessions = {session for session, _ in self._chats}
        for call in self._chats.values():
            took = durations.get(_told_as(call))
            yield call if took is None else msgspec.structs.replace(call, took=took)
        yield from (call for call in self._told if call.thread not in sessions)

    def _heard(self, session: str, message: _Message, asked: float | None) -> float | None:
        """Take a message in. `asked` is when the user's message right before it was written; what
        comes back is the same for the message after it."""
        if message.timestamp is None:
            return asked  # a change of the session's facts
        at = message.timestamp.timestamp()
        tokens = message.tokens
        if message.type != "gemini":
            return at if message.type == "user" else asked
        if tokens is None:
            return None
        known = self._chats.get((session, message.id))
        began = known.at if known else at if asked is None else asked
        took = known.took if known else Seconds(at - asked) if asked and at > asked else None
        self._chats[session, message.id] = Call(
            tool=TOOL,
            model=message.model or "unknown-model",
            at=UtcSeconds(began),
            input=(tokens.input or 0) + (tokens.tool or 0),
            cached=min(tokens.cached or 0, tokens.input or 0),
            output=(tokens.output or 0) + (tokens.thoughts or 0),
            reasoning=tokens.thoughts or 0,
            provider="google",
            thread=session,
            took=took,
        )
        return None

    def _record_of(self, data: bytes, place: str) -> None:
        if not data.strip():
            return
        try:
            found = self._record.decode(data).attributes
        except UNREADABLE:
            self._gaps.note(TOOL, NO_JSON, place)
            return
        if found is None or found.name != RESPONSE or found.timestamp is None:
            return
        took = None if found.duration_ms is None else Seconds(found.duration_ms / 1000)
        given = (found.input_token_count or 0) + (found.tool_token_count or 0)
        thoughts = found.thoughts_token_count or 0
        self._told.append(
            Call(
                tool=TOOL,
                model=found.model or "unknown-model",
                at=UtcSeconds(found.timestamp.timestamp() - (took or 0.0)),
                input=given,
                cached=min(found.cached_content_token_count or 0, given),
                output=(found.output_token_count or 0) + thoughts,
                reasoning=thoughts,
                provider="google",
                thread=found.session,
                took=took,
            )
        )


def _told_as(call: Call) -> tuple[str | None, int, int, int]:
    return call.thread, call.input, call.output, call.cached
