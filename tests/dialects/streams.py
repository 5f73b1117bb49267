"""Streams for tests: an answer taken into pieces, and put together again."""

from collections.abc import Iterable, Sequence
from typing import Any

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
from tollway.dialects.forms import Reader
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    ToolCall,
)
from tollway.fleet.usage import Usage


def events_in(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each event."""
    found: list[tuple[bytes, bytes]] = []
    for event in stream.split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if line)
        if fields:
            found.append((fields.get(b"event", b""), fields[b"data"]))
    return found


def read_all(reader: Reader, stream: bytes) -> list[Delta]:
    """What a whole stream says."""
    said: list[Delta] = []
    for name, payload in events_in(stream):
        said += reader.read(name, payload)
    said += reader.finish()
    return said


def taken_apart(answer: Answer, size: int) -> list[Delta]:
    """An answer as deltas, in pieces of `size` characters."""
    said: list[Delta] = [Began(answer.id, answer.model)]
    for at, choice in enumerate(answer.choices):
        for index, part in enumerate(choice.parts):
            said += _part(at, index, part, size)
        said.append(Stopped(at, choice.stop, choice.stop_sequence))
    if answer.usage is not None:
        said.append(Used(answer.usage))
    said.append(Done())
    return said


def _part(choice: int, index: int, part: Part, size: int) -> list[Delta]:
    signature: Signature | None = None
    sealed = False
    if isinstance(part, Text):
        opened, words, signature = Opened(choice, index, "text"), part.text, part.signature
    elif isinstance(part, Refusal):
        opened, words = Opened(choice, index, "refusal"), part.text
    elif isinstance(part, Reasoning):
        opened = Opened(choice, index, "reasoning", id=part.id or "", summary=part.summary)
        words, signature, sealed = part.text, part.signature, part.sealed
    elif isinstance(part, ToolCall):
        opened = Opened(choice, index, "tool_call", part.id, part.name, part.custom)
        words, signature = part.arguments, part.signature
    else:
        raise TypeError(part)
    pieces = [Piece(choice, index, words[at : at + size]) for at in range(0, len(words), size)]
    signed = [] if signature is None else [Signed(choice, index, signature, sealed)]
    if isinstance(part, Reasoning):
        return [opened, *pieces, *signed, Closed(choice, index)]
    return [opened, *signed, *pieces, Closed(choice, index)]


class _Open:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.words: list[str] = []
        self.signed: Signed | None = None
        self.closed = False

    def part(self) -> Part:
        """The part when it is whole."""
        opened, words = self.opened, "".join(self.words)
        signature = self.signed.signature if self.signed is not None else None
        if opened.kind == "text":
            return Text(words, signature=signature)
        if opened.kind == "refusal":
            return Refusal(words)
        if opened.kind == "tool_call":
            return ToolCall(
                opened.id, opened.name, words, custom=opened.custom, signature=signature
            )
        return Reasoning(
            words,
            summary=opened.summary,
            sealed=self.signed is not None and self.signed.sealed,
            signature=signature,
            id=opened.id or None,
        )


def put_together(deltas: Iterable[Delta]) -> Answer:
    """The answer that a stream says. It fails where the stream breaks a rule of `deltas`."""
    about = Began("", "")
    parts: dict[int, dict[int, _Open]] = {}
    stops: dict[int, tuple[Stop | None, str | None]] = {}
    usage: Usage | None = None
    unread: list[str] = []
    done = 0
    for delta in deltas:
        assert not done
        if isinstance(delta, Began):
            about = delta
        elif isinstance(delta, Opened):
            assert delta.choice not in stops
            assert delta.index not in parts.setdefault(delta.choice, {})
            parts[delta.choice][delta.index] = _Open(delta)
        elif isinstance(delta, Piece | Signed | Closed):
            _add(parts[delta.choice][delta.index], delta)
        elif isinstance(delta, Stopped):
            assert delta.choice not in stops
            assert all(part.closed for part in parts.get(delta.choice, {}).values())
            stops[delta.choice] = delta.stop, delta.stop_sequence
        elif isinstance(delta, Used):
            usage = delta.usage
        elif isinstance(delta, Unread):
            unread.append(delta.path)
        elif isinstance(delta, Broken):
            raise TypeError(delta.message)
        else:
            done += 1
    choices = tuple(
        Choice(tuple(part.part() for part in parts.get(at, {}).values()), *stops[at])
        for at in sorted(stops)
    )
    return Answer(about.id, about.model, choices, usage, unread=tuple(unread))


def _add(part: _Open, delta: Piece | Signed | Closed) -> None:
    assert not part.closed
    if isinstance(delta, Piece):
        assert delta.text
        part.words.append(delta.text)
    elif isinstance(delta, Signed):
        part.signed = delta
    else:
        part.closed = True


def interleaved(deltas: Sequence[Delta]) -> list[Delta]:
    """The same stream, all calls open at once: their pieces come in turns, as a source may."""
    calls = {d.index for d in deltas if isinstance(d, Opened) and d.kind == "tool_call"}
    queues: dict[int, list[Any]] = {index: [] for index in calls}
    rest: list[Delta] = []
    end: list[Delta] = []
    for delta in deltas:
        if isinstance(delta, Opened | Piece | Signed | Closed) and delta.index in calls:
            queues[delta.index].append(delta)
        elif isinstance(delta, Stopped | Used | Done):
            end.append(delta)
        else:
            rest.append(delta)
    while any(queues.values()):
        rest += [queue.pop(0) for queue in queues.values() if queue]
    return rest + end
