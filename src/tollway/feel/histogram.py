"""A distribution as counts in buckets: what Prometheus keeps, and what a few numbers amount to.

Rules
1. Within a bucket every value is as likely as any other.
2. The last bucket has no end; it is taken to end where the mean that was observed says so, and
   never below its beginning.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts` has one entry more than `bounds` (upper ones, rising); `total` is the sum of what
    was observed."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """The mean of what was observed; 0 where nothing was."""
        return self.total / self.count if self.count else 0.0

    def __add__(self, other: "Histogram") -> "Histogram":
        if self.bounds != other.bounds:
            raise ValueError("histograms with other bounds cannot be added")
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(self.bounds, counts, self.total + other.total)

    def __sub__(self, before: "Histogram") -> "Histogram":
        """What was observed since `before`, of which nothing has been forgotten."""
        if self.bounds != before.bounds:
            raise ValueError("histograms with other bounds cannot be subtracted")
        counts = tuple(a - b for a, b in zip(self.counts, before.counts, strict=True))
        return Histogram(self.bounds, counts, self.total - before.total)

    def at(self, share: float) -> float:
        """The value below which `share` (0 to 1) of what was observed is, by rule 1."""
        if not self.count:
            return 0.0
        wanted = min(max(share, 0.0), 1.0) * self.count
        reached = list(accumulate(self.counts))
        bucket = min(bisect_left(reached, wanted), len(self.counts) - 1)
        while bucket and not self.counts[bucket]:
            bucket -= 1
        low, high = self._ends(bucket)
        before = reached[bucket] - self.counts[bucket]
        within = (wanted - before) / self.counts[bucket] if self.counts[bucket] else 0.0
        return low + (high - low) * min(max(within, 0.0), 1.0)

    def spread(self, count: int) -> list[float]:
        """`count` values that are spread as what was observed, and have its mean."""
        drawn = [self.at((place + 0.5) / count) for place in range(count)]
        reached = sum(drawn) / count
        return [one * self.mean / reached for one in drawn] if reached > 0 else drawn

    def _ends(self, bucket: int) -> tuple[float, float]:
        low = self.bounds[bucket - 1] if bucket else 0.0
        if bucket < len(self.bounds):
            return low, self.bounds[bucket]
        # Rule 2: what the buckets with ends do not account for is in this one.
        middles = (
            self.counts[at] * sum(self._ends(at)) / 2.0
            for at in range(len(self.bounds))
            if self.counts[at]
        )
        mean = (self.total - sum(middles)) / self.counts[bucket] if self.counts[bucket] else low
        return low, max(low, 2.0 * mean - low)


def of_values(values: Iterable[float], bounds: Sequence[float]) -> Histogram:
    """The histogram of these values."""
    counts = [0] * (len(bounds) + 1)
    total = 0.0
    for value in values:
        counts[bisect_left(bounds, value)] += 1
        total += value
    return Histogram(tuple(bounds), tuple(counts), total)
