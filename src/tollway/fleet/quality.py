"""How good a model's answers are, as its users declare it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """A score, more of which is better; `margin` is how far the true one may be off on either side
    (None: nobody said). Only scores `of` the same thing can be compared."""

    score: float
    margin: float | None
    of: str
