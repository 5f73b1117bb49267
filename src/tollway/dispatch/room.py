"""What is left of a key's limits, for the client to pace itself by.

Rules
1. Of the key's limit and its tenant's the one that has less left is told: the other would promise
   too much.
2. What is left is counted after the request that is told of it.
"""

from tollway.dispatch.accounts import Account
from tollway.dispatch.messages import Left, Room
from tollway.policy import limit


def room_of(key: Account, tenant: Account, now: float) -> Room | None:
    """None where neither has a limit of requests or tokens."""
    if not (key.has_limits or tenant.has_limits):
        return None
    requests = _less(
        _left(key.limits.requests_per_minute, key.requests_horizon, now),
        _left(tenant.limits.requests_per_minute, tenant.requests_horizon, now),
    )
    tokens = _less(
        _left(key.limits.tokens_per_minute, key.tokens_horizon, now),
        _left(tenant.limits.tokens_per_minute, tenant.tokens_horizon, now),
    )
    return None if requests is None and tokens is None else Room(requests, tokens)


def _left(per_minute: int | None, horizon: float, now: float) -> Left | None:
    if per_minute is None:
        return None
    return (per_minute, limit.left(horizon, now, per_minute), max(horizon - now, 0.0))


def _less(one: Left | None, other: Left | None) -> Left | None:
    if one is None or (other is not None and other[1] < one[1]):
        return other
    return one
