"""Codex's session logs: rollout-*.jsonl below ~/.codex/sessions.

Rules
1. `token_usage_record` lines are one an answer, by thread and response: from the first of them on a
   file's `token_count` events are not looked at.
2. Older versions have only those events, with the session's running total and the last answer's
   usage: an event whose total is that of the one before says nothing new.
3. A session that was forked, or an agent that another one started, begins with the lines of its
   parent: those that the parent's file holds are not counted again. Parents must be read first;
   file names begin with the time, so that sorting them does that.
4. An answer was asked for when the last prompt or tool result was written, and ended with its
   usage; items are written when they are whole. `time_to_first_token_ms`, where a turn's end has
   it, is of the turn's first answer.

Format: as Codex 0.30 to 0.169 write it; older ones count no tokens.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tollway.hindsight.records import UNREADABLE, Call, Count, Gaps, Milliseconds, Moment, broken
from tollway.units import Seconds, UtcSeconds

TOOL: Final = "codex"
NO_MODEL: Final = "unknown-model"

_ASKS: Final = frozenset(
    (
        "user_message",
        "task_started",
        "turn_started",
        "function_call_output",
        "custom_tool_call_output",
        "mcp_tool_call_output",
    )
)
_ENDS: Final = frozenset(("task_complete", "turn_complete"))


class _Tokens(msgspec.Struct, gc=False, frozen=True):
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_output_tokens: Count = 0


class _Info(msgspec.Struct, gc=False):
    total_token_usage: _Tokens | None = None
    last_token_usage: _Tokens | None = None


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    role: str | None = None
    id: str | None = None
    cwd: str | None = None
    model: str | None = None
    model_provider: str | None = None
    info: _Info | None = None
    usage: _Tokens | None = None
    response_id: str | None = None
    thread_id: str | None = None
    forked_from_id: str | None = None
    parent_thread_id: str | None = None
    time_to_first_token_ms: Milliseconds | None = None


class _Line(msgspec.Struct, gc=False):
    type: str = ""
    timestamp: Moment | None = None
    payload: _Payload | None = None


@dataclass(slots=True)
class _Session:
    """Where the reader is in one file."""

    id: str
    parent: str | None = None
    model: str = NO_MODEL
    provider: str | None = None
    project: str | None = None
    total: _Tokens | None = None
    asked: float | None = None
    first: float | None = None
    turn: int | None = None
    recorded: bool = False
    counted: set[_Tokens] = field(default_factory=set[_Tokens])


class Codex:
    """Reads rollout files, sorted by name (rule 2)."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._calls: list[Call] = []
        self._counted: dict[str, set[_Tokens]] = {}
        self._recorded: set[tuple[str | None, str]] = set()
        self._line = msgspec.json.Decoder(_Line)

    def read(self, place: str, lines: Iterable[bytes]) -> None:
        """Read one session's file."""
        session = _Session(place)
        for number, raw in enumerate(lines, 1):
            try:
                line = self._line.decode(raw)
            except UNREADABLE:
                if raw.strip():
                    self._gaps.note(TOOL, broken(raw), f"{place}:{number}")
                continue
            if line.payload is None or line.timestamp is None:
                continue
            at, said = line.timestamp.timestamp(), line.payload
            if line.type == "session_meta":
                self._opened(session, said)
            elif line.type == "turn_context":
                session.model = said.model or session.model
                session.project = said.cwd or session.project
            elif line.type == "response_item":
                _item(session, said, at)
            elif line.type == "token_usage_record":
                self._record(session, said, at)
            elif line.type == "event_msg":
                self._event(session, said, at)

    def calls(self) -> Iterator[Call]:
        """The answers read so far."""
        return iter(self._calls)

    def _opened(self, session: _Session, said: _Payload) -> None:
        if session.id in self._counted or said.id is None:
            return  # a copy of the parent's own opening follows the session's
        session.id = said.id
        session.parent = said.forked_from_id or said.parent_thread_id
        if said.id in self._counted:  # the same session in an archive
            session.parent, session.counted = said.id, self._counted[said.id]
        session.project = said.cwd
        session.provider = said.model_provider
        session.model = said.model or session.model
        self._counted[said.id] = session.counted

    def _event(self, session: _Session, said: _Payload, at: float) -> None:
        if said.type == "token_count":
            if said.info is not None and not session.recorded:
                self._count(session, said.info, at)
        elif said.type in _ASKS:
            session.asked, session.first = at, None
            if said.type != "user_message":
                session.turn = None
        elif said.type in _ENDS:
            self._timed(session, said)

    def _count(self, session: _Session, info: _Info, at: float) -> None:
        total, last = info.total_token_usage, info.last_token_usage
        if total is None and last is None:
            return
        if total is not None:
            if total == session.total:
                return
            used = last or _less(total, session.total)
            session.total = total
            copied = session.parent is not None and total in self._counted.get(session.parent, ())
            session.counted.add(total)
            if copied:
                return
        else:
            used = last
        if used is not None:
            self._add(session, used, at)

    def _record(self, session: _Session, said: _Payload, at: float) -> None:
        session.recorded = True
        key = said.thread_id, said.response_id or f"{session.id}@{at}"
        if said.usage is not None and key not in self._recorded:
            self._recorded.add(key)
            self._add(session, said.usage, at)

    def _add(self, session: _Session, used: _Tokens, at: float) -> None:
        if not (used.input_tokens or used.output_tokens):
            return
        self._calls.append(_call(session, used, at))
        if session.turn is None:
            session.turn = len(self._calls) - 1
        session.asked = session.first = None

    def _timed(self, session: _Session, said: _Payload) -> None:
        if session.turn is not None and said.time_to_first_token_ms is not None:
            first = Seconds(said.time_to_first_token_ms / 1000)
            call = self._calls[session.turn]
            timed = msgspec.structs.replace(call, first=first, first_block=False)
            self._calls[session.turn] = timed
        session.turn = None


def _item(session: _Session, said: _Payload, at: float) -> None:
    if said.type in _ASKS or said.role in ("user", "developer", "system"):
        session.asked, session.first = at, None
    elif session.first is None:
        session.first = at


def _less(total: _Tokens, before: _Tokens | None) -> _Tokens:
    if before is None or total.input_tokens < before.input_tokens:
        return total
    return _Tokens(
        total.input_tokens - before.input_tokens,
        max(0, total.cached_input_tokens - before.cached_input_tokens),
        max(0, total.cache_write_input_tokens - before.cache_write_input_tokens),
        max(0, total.output_tokens - before.output_tokens),
        max(0, total.reasoning_output_tokens - before.reasoning_output_tokens),
    )


def _call(session: _Session, used: _Tokens, at: float) -> Call:
    asked, first = session.asked, session.first
    timed = asked is not None and at > asked
    cached = min(used.input_tokens, used.cached_input_tokens)
    return Call(
        tool=TOOL,
        model=session.model,
        at=UtcSeconds(at if asked is None else asked),
        input=used.input_tokens,
        cached=cached,
        write=min(used.input_tokens - cached, used.cache_write_input_tokens),
        output=used.output_tokens,
        reasoning=used.reasoning_output_tokens,
        provider=session.provider,
        thread=session.id,
        project=session.project,
        first=Seconds(first - asked) if asked is not None and first is not None else None,
        first_block=True,
        took=Seconds(at - asked) if asked is not None and timed else None,
    )
