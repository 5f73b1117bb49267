"""Reservations and settlements for tests, with every field at an ordinary value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

import msgspec

from tollway.dispatch.messages import FailedAttempt, Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.records import Batch

NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z."""
DAY = 86_400.0

_RESERVE = Reserve(
    request="r1",
    key="key00001",
    tenant="demo",
    route="chat",
    operation="chat",
    amount=3_000_000,
    input_tokens=100,
    output_tokens=200,
    utc=NOON,
)
_SETTLE = Settle(
    request="r1",
    outcome="completed",
    code=None,
    source="h200",
    model="llama",
    upstream_model="llama-x",
    tier="standard",
    usage=Usage(input=100, cached_input=40, cache_write=10, output=50, reasoning=20),
    cost=1_234_567,
    attempts=1,
    failed=(),
    ttft=0.25,
    duration=1.5,
    utc=NOON,
)
_FAILED = FailedAttempt(
    attempt=1,
    source="openai",
    model="gpt",
    kind="cut",
    status=200,
    usage=Usage(input=100, output=3),
    cost=7_000,
    duration=0.5,
)


def reserve(request: str = "r1", **changes: object) -> Reserve:
    return msgspec.structs.replace(_RESERVE, request=request, **changes)


def settle(request: str = "r1", **changes: object) -> Settle:
    return msgspec.structs.replace(_SETTLE, request=request, **changes)


def failed(attempt: int = 1, **changes: object) -> FailedAttempt:
    return msgspec.structs.replace(_FAILED, attempt=attempt, **changes)


def unjournalled(*items: Reserve | Settle) -> Batch:
    """A batch of which no journal has anything."""
    return Batch(items)


class Turns:
    """Stands for the event loop: runs what it was handed when it is asked to, timers at once."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        if delay < 1.0:
            self._calls.put(callback)

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        self._calls.put(lambda: callback(*args))

    def turn(self) -> None:
        """Wait for one call, and make it."""
        self._calls.get(timeout=10.0)()

    def until(self, met: Callable[[], bool]) -> None:
        """Make calls until something holds."""
        while not met():
            self.turn()


@dataclass
class Told:
    """Collects what `submit` said, in the order of the saying."""

    told: list[tuple[str, Exception | None]] = field(default_factory=list)

    def add(self, name: str, why: Exception | None) -> None:
        self.told.append((name, why))
