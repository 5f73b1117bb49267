"""What an answer says about itself while it is relayed: content, usage, errors, the end.

Rules
1. Bytes go out as they came, whole events at a time, except: what comes before the first content
   event is kept until then; a usage event that the client did not ask for is taken out; nothing
   from an error event on, and nothing after the end marker, goes out.
2. Comments are relayed and are neither content nor life.
3. An event that is not JSON, not of this dialect, or over the cap makes the stream malformed.
4. Usage that the source gives is the truth. Without it, output is a token an event or a token per
   four bytes, whichever is more, and is marked estimated.
"""

import json
import re
from bisect import bisect_left
from typing import Final

import msgspec

from tollway.dialects.openai.usage import read_usage
from tollway.fleet.usage import Usage
from tollway.gateway.chunks import Chunk
from tollway.gateway.facts import RequestFacts
from tollway.gateway.metrics import GAP_BOUNDS
from tollway.gateway.pauses import PAUSE, Pause, longest
from tollway.gateway.reported import (
    UNREADABLE,
    decode_chunk,
    error_in,
    is_error,
    read_answer,
    read_chunk,
    text_bytes,
)
from tollway.gateway.sse import EVENT_CAP, BareCarriageReturn, EventSplitter, plain_data, read_event
from tollway.gateway.tokens import text_tokens

_ENDS: Final = 1 << 16
"""Bytes kept of each end of a body that is too large to read whole."""

_USAGE: Final = re.compile(r'"usage"\s*:\s*(\{)')


class Meter:
    """What is counted of a streamed answer, whatever dialect it comes in.

    `started`: a content event was seen. `reasons`: why choices finished, in the source's words;
    `finished`: every choice gave its reason. `ended`: the end marker was seen. `error` and
    `error_status`: the source sent an error event. `malformed` says why the stream cannot be
    trusted further. `first_at` and `last_at` are times of content
    events, `gaps` counts the times between them in the buckets of `metrics.GAP_BOUNDS` and
    `gap_sum` adds them up, in seconds; `pauses` are the longest of those above `PAUSE`, each with
    the seconds after the start at which it began.
    """

    __slots__ = (
        "_bytes", "_cap", "_events", "_facts", "_held", "_held_size", "_pieces",
        "_pieces_reported", "_reported", "ended", "error", "error_status", "finished", "first_at",
        "gap_sum", "gaps", "last_at", "malformed", "pauses", "reasons", "started", "started_at",
    )  # fmt: skip

    def __init__(self, facts: RequestFacts, started: float, cap: int = EVENT_CAP) -> None:
        self._facts = facts
        self._cap = cap
        self._events = EventSplitter(cap)
        self._held: list[bytes] = []
        self._held_size = 0
        self.reasons: list[object] = []
        self._pieces = 0
        self._pieces_reported = 0
        self._bytes = 0
        self._reported: Usage | None = None
        self.started_at = started
        self.started = False
        self.finished = False
        self.ended = False
        self.error: str | None = None
        self.error_status: int | None = None
        self.malformed: str | None = None
        self.first_at: float | None = None
        self.last_at = started
        self.gaps = [0] * (len(GAP_BOUNDS) + 1)
        self.gap_sum = 0.0
        self.pauses: list[Pause] | None = None

    def feed(self, data: bytes, now: float) -> bytes:
        """The bytes to relay now, often `data` itself; empty while nothing may go out."""
        raise NotImplementedError

    def finish(self, now: float) -> bytes:
        """The upstream closed in good order: the bytes still to relay."""
        raise NotImplementedError

    @property
    def output_tokens(self) -> int:
        """Output tokens so far: what the source says, else the estimate of rule 4."""
        estimate = max(self._pieces, text_tokens(self._bytes))
        if self._reported is None:
            return estimate
        if self._stale():
            return max(estimate, self._reported.output)
        return self._reported.output

    @property
    def speed(self) -> float | None:
        """Output tokens a second between first and last content; None where that says nothing."""
        if self.first_at is None or self.last_at <= self.first_at or self.output_tokens < 2:
            return None
        return (self.output_tokens - 1) / (self.last_at - self.first_at)

    def usage(self) -> Usage:
        """What the attempt used so far. An error before any content used nothing."""
        told = self._reported
        if told is not None and self._stale():
            return msgspec.structs.replace(told, output=self.output_tokens, estimated=True)
        if told is not None:
            return told
        if not self.started and (self.error is not None or self.malformed is not None):
            return Usage(estimated=True)
        return Usage(input=self._facts.input_tokens, output=self.output_tokens, estimated=True)

    def _stale(self) -> bool:
        """Whether content came after the last usage, as where a server reports the input first."""
        return self._pieces > self._pieces_reported

    def _over(self) -> bool:
        return self.ended or self.error is not None or self.malformed is not None

    def _hold(self, event: bytes) -> None:
        self._held_size += len(event)
        if self._held_size > self._cap:
            self.malformed = f"{self._cap} bytes came before any content"

    def _tick(self, now: float) -> None:
        if self.first_at is None:
            self.first_at = now
        else:
            gap = now - self.last_at
            if gap > PAUSE:
                self.pauses = longest(self.pauses, self.last_at - self.started_at, gap)
            self.gap_sum += gap
            self.gaps[bisect_left(GAP_BOUNDS, gap)] += 1
        self.last_at = now


class StreamMeter(Meter):
    """Looks at an answer of Chat Completions, and hands it on as it came."""

    __slots__ = ("_flowing",)

    def __init__(self, facts: RequestFacts, started: float, cap: int = EVENT_CAP) -> None:
        super().__init__(facts, started, cap)
        self._flowing = False  # content flows and no part of an event is kept

    def feed(self, data: bytes, now: float) -> bytes:
        """See `Meter.feed`."""
        # One whole event with LF ends: the only line ends are the last two bytes.
        if (
            self._flowing
            and data[:7] == b"data: {"
            and data[-2:] == b"\n\n"
            and data.find(b"\n") == len(data) - 2 < self._cap - 1
            and 13 not in data
        ):
            try:
                chunk = decode_chunk(data[6:])
            except UNREADABLE:
                return self._take(data, now)
            choices = chunk.choices
            if chunk.usage is None and chunk.error is None and choices and len(choices) == 1:
                choice = choices[0]
                delta = choice.delta
                if delta is not None and choice.finish_reason is None:
                    text = delta.content
                    if text.__class__ is str and text and text.isascii():
                        self._pieces += 1
                        self._bytes += len(text)
                        gap = now - self.last_at
                        if gap > PAUSE:
                            self.pauses = longest(self.pauses, self.last_at - self.started_at, gap)
                        self.last_at = now
                        self.gap_sum += gap
                        self.gaps[bisect_left(GAP_BOUNDS, gap)] += 1
                        return data
            return self._take_one(data, data[6:], chunk, now)
        if self._flowing and data[-4:] == b"\r\n\r\n" and len(data) <= self._cap:
            payload = plain_data(data)
            if payload is not None:
                try:
                    return self._take_one(data, payload, decode_chunk(payload), now)
                except UNREADABLE:
                    pass
        return self._take(data, now)

    def finish(self, now: float) -> bytes:
        """The upstream closed in good order: the bytes still to relay.

        A last event without its empty line is taken as whole, and a stream whose choices are
        finished has ended even where the server sends no marker.
        """
        rest = self._events.rest()
        out = self._take(rest.rstrip(b"\r\n") + b"\n\n", now) if rest.strip() else b""
        if self.finished and not (self.ended or self.error or self.malformed):
            self.ended = True
            out = self._release([out] if out else [])
        self._flowing = False
        return out

    def _take_one(self, data: bytes, payload: bytes, chunk: Chunk, now: float) -> bytes:
        pieces = self._pieces
        wanted = self._note(chunk, payload)
        if self._pieces > pieces:
            self._tick(now)
        self._flowing = self.error is None
        return data if wanted else b""

    def _take(self, data: bytes, now: float) -> bytes:
        if self._over():
            return b""
        pieces = self._pieces
        fresh = not self._events
        events = self._events.feed(data)
        out: list[bytes] = []
        for event in events:
            if self._look(event):
                out.append(event)
                if not (self.started or self.ended):
                    self._hold(event)
            if self._over():
                break
        else:
            if self._events.overlong:
                self.malformed = f"an event is longer than {self._cap} bytes"
        if self._pieces > pieces:
            self._tick(now)
        if fresh and len(out) == len(events) and not (self._events or self._events.overlong):
            out = [data]  # every byte of it
        return self._release(out)

    def _release(self, out: list[bytes]) -> bytes:
        """Rule 1: hold what comes before the first content, join what may go."""
        over = self.error is not None or self.malformed is not None
        self._flowing = self.started and not (over or self.ended or self._events)
        if not (self.started or self.ended):
            if not over:
                self._held += out
            return b""
        if self._held:
            out = self._held + out
            self._held = []
        return out[0] if len(out) == 1 else b"".join(out)

    def _look(self, event: bytes) -> bool:
        """Note what an event says; whether it is for the client."""
        name = b""
        payload = plain_data(event)
        if payload is None:
            try:
                name, payload = read_event(event)
            except BareCarriageReturn as bare:
                self.malformed = str(bare)
                return False
        if name == b"error":
            self._fail(payload)
            return False
        if payload[:1] != b"{":
            payload = payload.strip()
            if payload == b"[DONE]":
                self.ended = True
                return True
            if not payload:
                return True
        try:
            chunk = read_chunk(payload)
        except ValueError as fault:
            self.malformed = str(fault)
            return False
        return self._note(chunk, payload)

    def _note(self, chunk: Chunk, payload: bytes) -> bool:
        if chunk.error:
            self._fail(payload)
            return False
        for choice in chunk.choices or ():
            for part in choice.parts():
                self._pieces += 1
                self._bytes += text_bytes(part)
                self.started = True
            if choice.finish_reason and not self.finished:
                self.reasons.append(choice.finish_reason)
                self.finished = len(self.reasons) >= self._facts.choices
        if chunk.usage is not None:
            self._reported = read_usage(chunk.usage) or self._reported
            self._pieces_reported = self._pieces
            return bool(chunk.choices) or self._facts.wants_usage
        if not chunk.choices and is_error(payload):
            self._fail(payload)
            return False
        return True

    def _fail(self, payload: bytes) -> None:
        self.error, self.error_status = error_in(payload)


class BodyMeter:
    """Looks at an answer that is not streamed, while or before it is relayed.

    A body of up to `whole` bytes is read as one. Of a larger one only head and tail are kept, and
    `usage` is looked for there: at the end, where embeddings have it, then at the start. `error`
    is set where a 200 holds an error, `malformed` where the body is not JSON.
    """

    __slots__ = (
        "_chunk", "_facts", "_head", "_reported", "_size", "_tail", "_whole", "error",
        "error_status", "malformed",
    )  # fmt: skip

    def __init__(self, facts: RequestFacts, whole: int = 1 << 20) -> None:
        self._facts = facts
        self._whole = whole
        self._size = 0
        self._head: bytes | bytearray = b""
        self._tail = bytearray()
        self._chunk: Chunk | None = None
        self._reported: Usage | None = None
        self.error: str | None = None
        self.error_status: int | None = None
        self.malformed: str | None = None

    @property
    def held(self) -> int:
        """Bytes kept here."""
        return len(self._head) + len(self._tail)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if not self._size and len(data) <= self._whole:
            self._head = data  # most answers come in one read, and need no copy
        elif self._size <= self._whole:
            head = self._head if isinstance(self._head, bytearray) else bytearray(self._head)
            head += data
            if self._size + len(data) > self._whole:
                self._tail += head[-_ENDS:]
                del head[_ENDS:]
            self._head = head
        else:
            self._tail += data[-_ENDS:]
            del self._tail[:-_ENDS]
        self._size += len(data)

    def finish(self) -> None:
        """The body is whole."""
        if self._size > self._whole:
            self._reported = _usage_in(self._tail) or _usage_in(self._head)
            if self._head.lstrip()[:1] != b"{" or self._tail.rstrip()[-1:] != b"}":
                self.malformed = "the body is not a JSON object"
            return
        body = bytes(self._head)
        try:
            chunk, self._reported = read_answer(body)
        except ValueError as fault:
            self.malformed = str(fault)
            return
        if chunk.error or (not chunk.choices and is_error(body)):
            self.error, self.error_status = error_in(body)
            self._reported = None
        self._chunk = chunk

    def usage(self) -> Usage:
        """What the request used. An error in the body used nothing."""
        if self._reported is not None:
            return self._reported
        if self.error is not None or self.malformed is not None:
            return Usage(estimated=True)
        output = 0
        if self._facts.operation != "embedding":
            output = text_tokens(self._size)
            if self._chunk is not None:
                parts = [part for choice in self._chunk.choices or () for part in choice.parts()]
                output = text_tokens(sum(map(text_bytes, parts)))
        return Usage(input=self._facts.input_tokens, output=output, estimated=True)


def _usage_in(end: bytes | bytearray) -> Usage | None:
    """Usage from part of a body: the last `usage` member that can be read."""
    text = end.decode(errors="replace")
    for found in reversed(list(_USAGE.finditer(text))):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, found.start(1))
        except (ValueError, RecursionError):
            continue
        usage = read_usage(value)
        if usage is not None:
            return usage
    return None
