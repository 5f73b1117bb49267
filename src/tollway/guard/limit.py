"""How long and how far one inspection may go, beyond the bounds that hold for every text."""

from collections.abc import Callable
from dataclasses import dataclass


class OverLimitError(Exception):
    """The inspection has gone as far as it may, and found out nothing yet."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`over` says that the time is up; `bytes` may be decoded, of `texts` within the text. None is
    what the bounds of the scanner say."""

    over: Callable[[], bool] | None = None
    bytes: int | None = None
    texts: int | None = None

    def look(self) -> None:
        """Raises OverLimitError where the time is up."""
        if self.over is not None and self.over():
            raise OverLimitError


NO_LIMIT = Limit()
