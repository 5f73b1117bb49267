"""A request's life in moments: from the gateway where it still has them, else from the ledger.

Rules
1. Seconds are from arrival. What is not known is left out, never guessed in silence: what is taken
   for granted is said in `notes`.
2. The ledger keeps how long a failed attempt took and not when it began: without the gateway's word
   attempts are drawn one after another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tollway.ledger.search import FailedTry, Whole

_GAPS: Final = 8
"""Gaps of an attempt that the gateway keeps, the longest."""

Kind = Literal["queued", "waiting", "streaming", "failed", "pause"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a lane, in seconds from arrival."""

    kind: Kind
    start: float
    end: float
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One attempt, or the wait before any."""

    name: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, in seconds from arrival."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Life:
    """All of it. `until` is the end, or now where it has not ended."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    until: float
    notes: tuple[str, ...] = ()


def from_ledger(whole: Whole) -> Life:
    """What the ledger's row and its failed attempts say."""
    line = whole.line
    end = line.duration
    if end is None:
        return Life(
            (), (), 0.0, ("The gateway was killed while it ran: when it ended is not known.",)
        )
    lanes: list[Lane] = []
    marks = [Mark(0.0, "arrived")]
    at = 0.0
    for tried in whole.failed:
        # An attempt may not be drawn beyond the end of its request.
        over = min(at + tried.duration, end)
        words = _failure(tried)
        lanes.append(
            Lane(_name(tried.attempt, tried.source), (Stretch("failed", at, over, words),))
        )
        marks.append(Mark(over, f"attempt {tried.attempt} failed: {words}"))
        at = over
    if line.ttft is not None:
        marks.append(Mark(line.ttft, "first token"))
        lanes.append(Lane(_name(line.attempts, line.source), _answer(at, line.ttft, end)))
    elif line.attempts > len(whole.failed):
        words = "waited for an answer"
        lanes.append(Lane(_name(line.attempts, line.source), (Stretch("waiting", at, end, words),)))
    marks.append(Mark(end, f"settled: {line.outcome}{f', {line.code}' if line.code else ''}"))
    notes = [
        "The ledger does not keep how long it queued before it was sent, nor gaps in the stream."
    ]
    if whole.failed:
        notes.append("Failed attempts are drawn one after another: their lengths are the ledger's.")
    return Life(tuple(lanes), tuple(marks), end, tuple(notes))


def _name(attempt: int, source: str | None) -> str:
    return f"{attempt}. {source or 'no source'}"


def _failure(tried: FailedTry) -> str:
    status = f" {tried.status}" if tried.status is not None else ""
    return f"{tried.kind}{status} after {seconds(tried.duration)}"


def _answer(sent: float, first: float, end: float) -> tuple[Stretch, ...]:
    first = max(first, sent)
    wait = Stretch("waiting", sent, first, f"until the first token: {seconds(first - sent)}")
    return wait, Stretch("streaming", first, end, f"tokens came for {seconds(end - first)}")


def from_gateway(told: Mapping[str, Any], now: float) -> Life:
    """What `GET /requests/ID` of the gateway says."""
    arrived = float(told["arrived"])
    end = (told.get("ended") or now) - arrived
    lanes: list[Lane] = []
    marks = [Mark(0.0, "arrived")]
    sent = told.get("sent")
    queued = end if sent is None else sent - arrived
    if sent is None or queued > 0.0005:
        words = f"waited to be sent: {seconds(queued)}"
        lanes.append(Lane("queued", (Stretch("queued", 0.0, queued, words),)))
    for one in told.get("attempts", ()):
        lane, of_it = _attempt(one, arrived, end)
        lanes.append(lane)
        marks += of_it
    if told.get("ended") is None:
        marks.append(Mark(end, f"now: {told.get('phase', 'running')}"))
    else:
        code = told.get("code")
        marks.append(Mark(end, f"settled: {told.get('outcome')}{f', {code}' if code else ''}"))
    many = any(len(one.get("pauses", ())) >= _GAPS for one in told.get("attempts", ()))
    notes = (f"Of the gaps of an attempt the {_GAPS} longest are shown.",) if many else ()
    marks.sort(key=lambda mark: mark.at)
    return Life(tuple(lanes), tuple(marks), end, notes)


def _attempt(one: Mapping[str, Any], arrived: float, end: float) -> tuple[Lane, list[Mark]]:
    number, source = int(one["attempt"]), str(one["source"])
    sent = float(one["sent"]) - arrived
    over = end if one.get("ended") is None else float(one["ended"]) - arrived
    first = None if one.get("first") is None else float(one["first"]) - arrived
    failed = one.get("end") not in (None, "completed", "cancelled")
    marks = [Mark(sent, f"attempt {number} sent to {source}")]
    words = f"{one.get('end') or 'running'} after {seconds(over - sent)}"
    if first is None:
        parts = [Stretch("failed" if failed else "waiting", sent, over, words)]
    else:
        parts = [*_answer(sent, first, over)]
        marks.append(Mark(first, f"first token from {source}"))
        if failed:  # after content nothing falls back: it stands where the stream broke off
            parts.append(Stretch("failed", over, over, words))
    for gap in one.get("pauses", ()):
        # The meter's clock is read a moment before the first token is told of.
        start = max(sent + float(gap["offset"]), first or sent)
        length = float(gap["seconds"])
        parts.append(Stretch("pause", start, start + length, f"a gap of {seconds(length)}"))
        marks.append(Mark(start, f"a gap of {seconds(length)} between tokens"))
    if failed:
        status = one.get("status")
        marks.append(
            Mark(over, f"attempt {number} failed: {one['end']}{f' {status}' if status else ''}")
        )
    return Lane(_name(number, source), tuple(parts)), marks


def seconds(value: float) -> str:
    """A length of time for people, to a millisecond or so."""
    if value < 1.0:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 60.0 else f"{value / 60:.1f} min"
