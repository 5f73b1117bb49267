"""How long requests took and how long they were: one by one, and the last of a model together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """One request that ended well at its first attempt. `arrived` is seconds on one clock, `ttft`
    and `duration` seconds from there; tokens as the source stated them."""

    source: str
    model: str
    arrived: float
    ttft: float
    duration: float
    input: int
    cached_input: int
    output: int


@dataclass(frozen=True, slots=True)
class Lately:
    """The last answers of a model that were whole and whose tokens were stated: how many
    (`requests`, 1 or more), sums of their tokens and of their `busy` seconds; `since` and `until`
    are UTC seconds of the first arrival and the last."""

    requests: int
    input: int
    cached_input: int
    output: int
    busy: float
    since: float
    until: float

    @property
    def rate(self) -> float | None:
        """Arrivals a second; None where they came all at once."""
        span = self.until - self.since
        return (self.requests - 1) / span if span >= 1.0 and self.requests > 1 else None

    @property
    def users(self) -> float | None:
        """Mean number that were answered at once (Little's law)."""
        span = self.until - self.since
        return self.busy / span if span >= 1.0 else None
