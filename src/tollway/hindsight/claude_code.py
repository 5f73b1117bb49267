"""Claude Code's session logs: JSON lines below ~/.claude/projects.

Rules
1. An answer is written as one line a content block, each with the answer's id and its usage so far:
   they are one call, whose output is the largest that any of them says.
2. A session that was resumed begins with copies of the lines of the one before, in another file:
   an answer is known again by its id (and its request id, which some gateways leave out).
3. An answer was asked for when the request that it names was written; older versions write none,
   and then when the last line of a user (a prompt, or a tool's result) of the same agent was. A
   block's line is written when the block is whole.
4. Older versions name no agent on a side chain: whose prompt grew there is not known.

Format: as Claude Code 1.0 to 2.1 write it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from tollway.fleet.tiers import Tier
from tollway.hindsight.records import UNREADABLE, Call, Count, Gaps, Moment, broken
from tollway.units import Seconds, UtcSeconds

TOOL: Final = "claude-code"
SYNTHETIC: Final = "<synthetic>"
"""The model of lines that Claude Code makes up itself, such as errors."""


class _Creation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: Count = 0
    ephemeral_1h_input_tokens: Count = 0


class _Searches(msgspec.Struct, gc=False):
    web_search_requests: Count | None = 0


class _Thinking(msgspec.Struct, gc=False):
    thinking_tokens: Count | None = 0


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count | None = 0
    cache_creation_input_tokens: Count | None = 0
    cache_read_input_tokens: Count | None = 0
    cache_creation: _Creation | None = None
    output_tokens: Count | None = 0
    output_tokens_details: _Thinking | None = None
    server_tool_use: _Searches | None = None
    service_tier: str | None = None
    speed: str | None = None


class _Message(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    stop_reason: str | None = None


class _Line(msgspec.Struct, gc=False):
    type: str = ""
    timestamp: Moment | None = None
    message: msgspec.Raw = msgspec.Raw(b"null")  # only an answer's is looked into
    uuid: str | None = None
    sessionId: str | None = None  # noqa: N815 - as the log writes it
    requestId: str | None = None  # noqa: N815
    requestRef: str | None = None  # noqa: N815
    id: str | None = None
    agentId: str | None = None  # noqa: N815
    isSidechain: bool | None = False  # noqa: N815
    cwd: str | None = None


@dataclass(slots=True)
class _Answer:
    """An answer as far as its lines were read."""

    file: int
    model: str
    usage: _Usage
    asked: float | None
    first: float
    last: float
    thread: str | None
    project: str | None
    stopped: bool


class ClaudeCode:
    """Reads session logs; the answers of all files are kept by their ids (rules 1 and 2)."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._answers: dict[tuple[str, str | None], _Answer] = {}
        self._files = 0
        self._line = msgspec.json.Decoder(_Line)
        self._message: msgspec.json.Decoder[_Message | None] = msgspec.json.Decoder(_Message | None)

    def read(self, place: str, lines: Iterable[bytes]) -> None:
        """Read one session's file."""
        self._files += 1
        asked: dict[str | None, float] = {}
        sent: dict[str | None, float] = {}
        for number, raw in enumerate(lines, 1):
            try:
                line = self._line.decode(raw)
                message = self._message.decode(line.message) if line.type == "assistant" else None
            except UNREADABLE:
                if raw.strip():
                    self._gaps.note(TOOL, broken(raw), f"{place}:{number}")
                continue
            if line.timestamp is None:
                continue
            at = line.timestamp.timestamp()
            agent = _agent(line)
            if message is not None:
                self._heard(line, message, at, sent.get(line.requestRef, asked.get(agent)))
            elif line.type == "user":
                asked[agent] = at
            elif line.type == "api-request" and line.id is not None:
                sent[line.id] = at

    def _heard(self, line: _Line, message: _Message, at: float, asked: float | None) -> None:
        usage, model = message.usage, message.model
        if usage is None or model is None or model == SYNTHETIC:
            return
        key = (message.id or line.uuid or f"{line.sessionId}@{at}", line.requestId)
        stopped = message.stop_reason is not None
        known = self._answers.get(key)
        if known is None:
            thread, project = _thread(line), line.cwd
            answer = _Answer(self._files, model, usage, asked, at, at, thread, project, stopped)
            self._answers[key] = answer
            return
        known.stopped |= stopped
        if (usage.output_tokens or 0) >= (known.usage.output_tokens or 0):
            known.usage = usage
        if known.file == self._files:
            known.last = max(known.last, at)

    def calls(self) -> Iterator[Call]:
        """The answers read so far."""
        for answer in self._answers.values():
            yield _call(answer)


def _agent(line: _Line) -> str | None:
    return line.agentId or ("side" if line.isSidechain else None)


def _thread(line: _Line) -> str | None:
    if line.sessionId is None or (line.isSidechain and line.agentId is None):
        return None
    return f"{line.sessionId}/{line.agentId or ''}"


def _tier(usage: _Usage) -> Tier:
    if usage.service_tier == "batch":
        return "batch"
    return "priority" if usage.service_tier == "priority" or usage.speed == "fast" else "standard"


def _call(answer: _Answer) -> Call:
    usage = answer.usage
    written = usage.cache_creation_input_tokens or 0
    long_lived = usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0
    read = usage.cache_read_input_tokens or 0
    thinking, searches = usage.output_tokens_details, usage.server_tool_use
    asked = answer.first if answer.asked is None else answer.asked
    timed = answer.asked is not None and answer.first > answer.asked
    return Call(
        tool=TOOL,
        model=answer.model,
        at=UtcSeconds(asked),
        input=(usage.input_tokens or 0) + written + read,
        cached=read,
        write=max(0, written - long_lived),
        write_1h=min(written, long_lived),
        output=usage.output_tokens or 0,
        reasoning=(thinking.thinking_tokens or 0) if thinking else 0,
        searches=(searches.web_search_requests or 0) if searches else 0,
        tier=_tier(usage),
        provider="anthropic" if answer.model.startswith("claude") else None,
        thread=answer.thread,
        project=answer.project,
        first=Seconds(answer.first - asked) if timed else None,
        first_block=True,
        took=Seconds(answer.last - asked) if timed else None,
        partial=not answer.stopped,
    )
