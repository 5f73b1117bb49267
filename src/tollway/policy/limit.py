"""How much may pass in a minute: one number a limit, the generic cell rate algorithm.

A limit is kept as its `horizon`: the moment at which everything admitted so far will have been
earned back at the allowed rate (the "theoretical arrival time" of ITU-T I.371's GCRA). A minute's
allowance may be used at once.

Rules
1. What is admitted in any window of w seconds is at most (w + 60) / 60 minutes' allowance.
2. An amount above a whole minute's allowance is never admitted, however long one waits.
"""

from math import inf
from typing import Final

MINUTE: Final = 60.0


def wait_for(horizon: float, now: float, amount: float, per_minute: float) -> float:
    """Seconds until `amount` may pass; 0.0 now, infinity never."""
    if amount > per_minute:
        return inf
    ahead = max(horizon - now, 0.0) + amount * MINUTE / per_minute - MINUTE
    # Half a microsecond of slack, so that a wait told to a client is long enough in floats too.
    return ahead if ahead > 5e-7 else 0.0


def take(horizon: float, now: float, amount: float, per_minute: float) -> float:
    """The horizon after `amount` has passed."""
    return max(horizon, now) + amount * MINUTE / per_minute


def left(horizon: float, now: float, per_minute: int) -> int:
    """How much may pass now, at once."""
    ahead = max(horizon - now, 0.0)
    return max(int((MINUTE - ahead) * per_minute / MINUTE + 1e-6), 0)


def give_back(horizon: float, amount: float, per_minute: float) -> float:
    """The horizon after `amount` turned out not to have been used (negative: used on top)."""
    return horizon - amount * MINUTE / per_minute
