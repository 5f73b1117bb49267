"""What time it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time it is: UTC seconds, and seconds that never go back."""

    utc: Callable[[], float]
    steady: Callable[[], float]
