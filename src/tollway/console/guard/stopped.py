"""What the guard found and did, counted: by day, direction, detector and rule.

Rules
1. The latest `MOST` events are looked at, and the page says when there are more.
2. What is not about data (runs, sign-ins) is among the latest events, and not counted here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tollway.guard.event import SecurityEvent

MOST = 20_000
SHOWN = 100

Row = tuple[tuple[str, ...], int, int, int]
"""What it is counted by; how many were denied, asked about, and changed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """`by_day` is by UTC day and direction, `by_detector` by detector and kind, `by_rule` by rule;
    `latest` are the latest events of all, the latest first. `whole` says that none is missing."""

    by_day: tuple[Row, ...]
    by_detector: tuple[Row, ...]
    by_rule: tuple[Row, ...]
    latest: tuple[SecurityEvent, ...]
    counted: int
    whole: bool


def stopped(events: Sequence[SecurityEvent], concern: str = "") -> Stopped:
    """Count events, in their order in the book; `concern` narrows what is listed."""
    found = [it for it in events if it.evidence or it.concern == "traffic"]
    held = [it for it in found if it.outcome != "allowed"]
    listed = [it for it in events if concern in ("", it.concern)]
    by_day = _counted(((_day(it), _direction(it)), it) for it in held)
    return Stopped(
        by_day=tuple(sorted(by_day, reverse=True)),  # the latest first
        by_detector=_counted(
            ((detector, kind), it)
            for it in held
            for detector, kind in sorted({(e.detector, e.kind) for e in it.evidence})
        ),
        by_rule=_counted(((it.rule or "the default",), it) for it in held),
        latest=tuple(reversed(listed[-SHOWN:])),
        counted=len(held),
        whole=len(events) < MOST,
    )


def _counted(keyed: Iterable[tuple[tuple[str, ...], SecurityEvent]]) -> tuple[Row, ...]:
    """The most first, then by name."""
    counts: Counter[tuple[tuple[str, ...], str]] = Counter()
    for key, event in keyed:
        counts[key, event.outcome] += 1
    rows = [
        (it, counts[it, "denied"], counts[it, "asked"], counts[it, "changed"])
        for it in {key for key, _ in counts}
    ]
    return tuple(sorted(rows, key=lambda it: (-sum(it[1:]), it[0])))


def _day(event: SecurityEvent) -> str:
    return datetime.fromtimestamp(event.at, UTC).date().isoformat()


def _direction(event: SecurityEvent) -> str:
    known = {"out": "going out", "in": "coming in"}
    return known.get(event.direction or "", f"by a {event.concern}")
