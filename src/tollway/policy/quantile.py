"""Quantiles of what was observed lately, in a fixed amount of memory.

A histogram with logarithmic bins whose weights fade with time (forward decay, Cormode et al. 2009):
a sample of age a weighs exp(-a / fade). Bins are 2**(1/4) wide, so that a quantile is within 9.1%
of an observed value.
"""

from collections.abc import Sequence
from math import exp, inf, log2
from typing import Final

BINS: Final = 112
BINS_PER_OCTAVE: Final = 4
SMALLEST: Final = 2.0**-10
"""Bin 0 holds everything up to this (about 1 ms, or less than a token)."""
LARGEST: Final = 2.0**18
"""The last bin holds everything from here on (three days, or 262,144 tokens), also a speed that a
clock too coarse for it makes infinite."""

OLDEST: Final = 700.0
"""Fading times after which a weight would soon be too large for a number."""


def bin_of(value: float) -> int:
    """The bin that a value falls into."""
    if value <= SMALLEST:
        return 0
    if value >= LARGEST:
        return BINS - 1
    place = int((log2(value) + 10.0) * BINS_PER_OCTAVE) + 1
    return place if place < BINS else BINS - 1


def middle_of(place: int) -> float:
    """The geometric middle of a bin."""
    if place == 0:
        return SMALLEST
    return 2.0 ** ((place - 0.5) / BINS_PER_OCTAVE - 10.0)


def weight_at(now: float, since: float, fade: float) -> float:
    """What a sample of now weighs in a histogram that began at `since`; infinitely much where what
    was before counts for nothing any more."""
    age = (now - since) / fade
    return exp(age) if age < OLDEST else inf


def quantile(weights: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the weight lies; None for an empty histogram."""
    total = 0.0
    for weight in weights:
        total += weight
    if total <= 0.0:
        return None
    left = share * total
    last = 0
    for place, weight in enumerate(weights):
        if weight > 0.0:
            last = place
            left -= weight
            if left <= 0.0:
                break
    return middle_of(last)
