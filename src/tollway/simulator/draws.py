"""Chance from a seed and a counter: whoever asks for the same draw gets the same one.

Rules
1. A draw depends on (seed, purpose, number) and on nothing that was drawn before, so that two
   executions that ask in different orders see the same world.
"""

from math import cos, exp, gamma, log, pi, sqrt
from typing import Final

from tollway.policy.route import MASK, mix

STEP: Final = 0x9E3779B97F4A7C15
"""The increment of splitmix64 (Steele, Lea, Flood 2014)."""


ARRIVALS: Final = 0x44524157
"""What the draws that requests arrive with are for."""


def purpose(seed: int, name: int) -> int:
    """Where the draws of one purpose begin."""
    return mix((seed * STEP + name) & MASK)


def numbered(begin: int, number: int) -> int:
    """One draw of a purpose: 64 well-mixed bits."""
    return mix((begin + (number + 1) * STEP) & MASK)


def draw(seed: int, name: int, number: int) -> int:
    """One draw of the purpose of that name."""
    return numbered(purpose(seed, name), number)


def uniform(bits: int) -> float:
    """A number in [0, 1) of 64 bits: the upper 53."""
    return (bits >> 11) * 2.0**-53


class Stream:
    """Draws of one purpose, one after the other."""

    __slots__ = ("_key", "_number")

    def __init__(self, seed: int, name: int) -> None:
        self._key = purpose(seed, name)
        self._number = 0

    def bits(self) -> int:
        """The next 64 bits."""
        self._number += 1
        return mix((self._key + self._number * STEP) & MASK)

    def uniform(self) -> float:
        """In (0, 1): both ends are left out, so that its logarithm is finite."""
        return ((self.bits() >> 11) + 0.5) * 2.0**-53

    def exponential(self, mean: float) -> float:
        """A gap of a Poisson process."""
        return -mean * log(self.uniform())

    def normal(self) -> float:
        """Mean 0, variance 1 (Box and Muller 1958)."""
        return sqrt(-2.0 * log(self.uniform())) * cos(2.0 * pi * self.uniform())

    def gamma(self, shape: float, mean: float) -> float:
        """Of that shape and mean (Marsaglia and Tsang 2000; below shape 1 by their boost)."""
        if shape < 1.0:
            boost = self.uniform() ** (1.0 / shape)
            return self._gamma(shape + 1.0) * boost * mean / shape
        return self._gamma(shape) * mean / shape

    def _gamma(self, shape: float) -> float:
        d = shape - 1.0 / 3.0
        c = 1.0 / sqrt(9.0 * d)
        while True:
            x = self.normal()
            v = (1.0 + c * x) ** 3
            if v > 0.0 and log(self.uniform()) < 0.5 * x * x + d - d * v + d * log(v):
                return d * v

    def weibull(self, shape: float, mean: float) -> float:
        """Of that shape and mean."""
        scale = mean / gamma(1.0 + 1.0 / shape)
        return scale * (-log(self.uniform())) ** (1.0 / shape)

    def lognormal(self, mean: float, cv: float) -> float:
        """Of that mean and coefficient of variation; the mean itself where that is 0."""
        if cv <= 0.0:
            return mean
        variance = log(1.0 + cv * cv)
        return mean * exp(sqrt(variance) * self.normal() - 0.5 * variance)
