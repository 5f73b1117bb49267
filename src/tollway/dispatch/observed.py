"""What was observed of a quantity lately, as quantiles that are cheap to ask for."""

from math import inf
from typing import Final

from tollway.policy import quantile as q

REFRESH_EVERY: Final = 16
"""Samples after which a remembered quantile is computed again."""

RESCALE_AT: Final = 1e12


class Observed:
    """A fading histogram of one quantity. `fade` is seconds; after `stale` seconds without a
    sample the next one begins anew: what was seen before the gap may be over."""

    __slots__ = (
        "_asked",
        "_fresh",
        "_since",
        "_weigh_again",
        "_weight",
        "_weights",
        "fade",
        "last_at",
        "samples",
        "stale",
    )

    def __init__(self, fade: float, now: float, stale: float = inf) -> None:
        self.fade = fade
        self.stale = stale
        self.samples = 0
        self.last_at = now
        self._since = now
        self._weight = 1.0
        self._weigh_again = now
        self._weights = [0.0] * q.BINS
        self._asked: dict[float, float | None] = {}
        self._fresh = 0

    def add(self, value: float, now: float) -> None:
        """Count one sample."""
        if now - self.last_at > self.stale and self.samples:
            self._weights = [0.0] * q.BINS
            self._weigh_again = self._since = now
            self._asked.clear()
            self._fresh = 0
        # Within a hundredth of the fading time the weight is the same to 1%.
        if now >= self._weigh_again:
            self._weight = q.weight_at(now, self._since, self.fade)
            self._weigh_again = now + 0.01 * self.fade
        weight = self._weight
        if weight > RESCALE_AT:
            self._weights = [old / weight for old in self._weights]
            self._since, weight = now, 1.0
            self._weight = 1.0
        self._weights[q.bin_of(value)] += weight
        self.samples += 1
        self.last_at = now
        self._fresh += 1
        if self._fresh >= REFRESH_EVERY or self.samples <= REFRESH_EVERY:
            self._asked.clear()
            self._fresh = 0

    def quantile(self, share: float) -> float | None:
        """The quantile as of at most `REFRESH_EVERY` samples ago; None before the first sample."""
        if share in self._asked:
            return self._asked[share]
        value = q.quantile(self._weights, share)
        self._asked[share] = value
        return value
