"""Whether a failure may be tried again elsewhere, and whether the fleet can afford the attempt.

Rules
1. A failure that every source would repeat (the client's own fault) is passed on, not retried.
2. A 429 is no sign of ill health: the pair rests for as long as it asked.
3. Attempts after the first draw on a budget that first attempts fill, so that an outage never
   multiplies load (after Finagle's retry budget).
"""

from typing import Final

CLIENT_FAULTS: Final = frozenset({400, 405, 406, 411, 413, 414, 415, 416, 422, 431, 451})
"""Statuses that say something about the request. 401, 403 and 404 say something about our
credential or declaration, since the client's were checked here; 408, 409 and 425 pass with time."""

TOO_MANY: Final = 429
DEFAULT_REST: Final = 1.0
"""Seconds to rest after a 429 that names no time."""

LONGEST_REST: Final = 300.0
"""A source that asks for more is asked again after this, so that a mistaken header cannot retire
it."""

RETRY_WINDOW: Final = 10.0
"""Seconds of saved-up retries that may be used at once."""


def is_client_fault(kind: str, status: int | None) -> bool:
    """Whether every source would answer this request so."""
    return kind == "status" and status in CLIENT_FAULTS


def is_ill_health(kind: str, status: int | None) -> bool:
    """Whether a failure counts against the pair's breaker."""
    if kind == "internal" or is_client_fault(kind, status):
        return False
    return status != TOO_MANY


def rest_seconds(status: int | None, retry_after: float | None) -> float:
    """How long the pair is to be left alone because it asked for it; 0.0 if it did not."""
    if retry_after is None:
        return DEFAULT_REST if status == TOO_MANY else 0.0
    if status not in (TOO_MANY, 503):
        return 0.0
    return min(max(retry_after, 0.0), LONGEST_REST)


def replenished(balance: float, seconds: float, min_per_second: float) -> float:
    """The balance after `seconds`: it grows by itself, up to what `RETRY_WINDOW` seconds earn, so
    that a quiet night does not save up a storm."""
    cap = max(min_per_second, 1.0) * RETRY_WINDOW
    return balance if balance >= cap else min(balance + seconds * min_per_second, cap)


def earned(balance: float, ratio: float, min_per_second: float) -> float:
    """The balance after a first attempt: `ratio` more, up to what 100 first attempts earn on top
    of the quiet cap."""
    cap = max(min_per_second, 1.0) * RETRY_WINDOW + 100.0 * ratio
    return balance if balance >= cap else min(balance + ratio, cap)
