"""Where a stream stood still, as far as somebody who reads it would notice."""

from typing import Final

PAUSE: Final = 0.25
"""Seconds without content from which on a reader notices a stop."""

_MOST: Final = 8
"""Of one attempt: a stream that is slow throughout is told by its speed."""

Pause = tuple[float, float]
"""Seconds after the attempt was sent, and for how long."""


def longest(kept: list[Pause] | None, began: float, seconds: float) -> list[Pause]:
    """The longest pauses, with one more."""
    pauses: list[Pause] = [] if kept is None else kept
    if len(pauses) == _MOST:
        shortest = min(pauses, key=lambda pause: pause[1])
        if shortest[1] >= seconds:
            return pauses
        pauses.remove(shortest)
    pauses.append((began, seconds))
    return pauses
