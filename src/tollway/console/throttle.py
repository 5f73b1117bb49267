"""How often something may happen: so many at once, and one more every so often. Of constant size.

Rules
1. What is throttled is who is refused, never who has the right key: a key of 256 bits is not
   guessed, and a stranger who could use the tries up would lock the owner out.
"""

from collections.abc import Callable


class Throttle:
    """A bucket of `most`, which gains one every `every` seconds. `clock` is monotonic."""

    def __init__(self, most: int, every: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._every = every
        self._clock = clock
        self._left = float(most)
        self._at = clock()
        self.withheld = 0
        """How often it said no since it last said yes."""

    def admits(self) -> bool:
        """Whether it may happen once more, now."""
        now = self._clock()
        self._left = min(float(self._most), self._left + (now - self._at) / self._every)
        self._at = now
        if self._left < 1.0:
            self.withheld += 1
            return False
        self._left -= 1.0
        return True

    @property
    def wait(self) -> int:
        """Seconds, whole, until it may."""
        return max(1, round((1.0 - self._left) * self._every))
