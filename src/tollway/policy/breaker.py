"""When to leave a (source, model) pair alone, and when to try it again.

Rules
1. Closed: opens once a window holds at least `min_samples` samples and failures are at least
   `error_share` of them.
2. Open: nothing is sent until `until`; then half open.
3. Half open: at most `probes` requests at a time; one success closes it, one failure opens it again
   for twice as long, up to `LONGEST` times the declared time.
4. One that was opened because the model is not what was locked has no such time: a person closes
   it.
"""

from typing import Final

CLOSED: Final = 0
OPEN: Final = 1
HALF_OPEN: Final = 2
STATE_NAMES: Final = ("closed", "open", "half_open")

LONGEST: Final = 8


def trips(samples: int, failures: int, min_samples: int, error_share: float) -> bool:
    """Whether a closed breaker opens on this window."""
    return samples >= min_samples and failures >= error_share * samples and failures > 0


def open_seconds(open_for: float, times_in_a_row: int) -> float:
    """How long to stay open, the `times_in_a_row`-th time (from 1) without a close between."""
    return open_for * min(2 ** (times_in_a_row - 1), LONGEST)


def admits(state: int, probes_in_flight: int, probes: int) -> bool:
    """Whether one more request may be sent."""
    if state == CLOSED:
        return True
    return state == HALF_OPEN and probes_in_flight < probes


def silent_seconds(tokens: int, seconds: float, min_speed: float) -> float:
    """Seconds of a stretch that its tokens do not account for at the token-speed floor. Above the
    thinking time that is declared and left, the stream is too slow."""
    return max(seconds - tokens / min_speed, 0.0)
