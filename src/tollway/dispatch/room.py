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
    if not key.has_limits:
        return _own(tenant, now) if tenant.has_limits else None
    own = _own(key, now)
    if not tenant.has_limits or own is None:
        return own or _own(tenant, now)
    other = _own(tenant, now)
    if other is None:
        return own
    return _less(own[0], other[0]), _less(own[1], other[1])


def _own(account: Account, now: float) -> Room | None:
    limits = account.limits
    requests = _left(limits.requests_per_minute, account.requests_horizon, now)
    tokens = _left(limits.tokens_per_minute, account.tokens_horizon, now)
    return None if requests is None and tokens is None else (requests, tokens)


def _left(per_minute: int | None, horizon: float, now: float) -> Left | None:
    if per_minute is None:
        return None
    ahead = horizon - now
    return (per_minute, limit.left(horizon, now, per_minute), max(ahead, 0.0))


def _less(one: Left | None, other: Left | None) -> Left | None:
    if one is None or (other is not None and other[1] < one[1]):
        return other
    return one
