"""How models behind sources are watched, as declared: frozen objects."""

from dataclasses import dataclass
from typing import Literal

from tollway.units import PicoDollars, Seconds

DriftAction = Literal["alarm", "open-breaker"]
"""What a confirmed alarm does: it is shown, or its source is asked no more for this model."""

SameModel = Literal["off", "show", "take-out"]
"""What is done about a source that differs from others of the same model."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """The watch. `tenant` pays; `calls` and `budget` (pico-dollars) bound a UTC day of it, all
    models together. `again` is how long after a look that suspects the second one comes. `models`
    are `SOURCE/MODEL`, None for every one that has a baseline."""

    tenant: str
    every: Seconds
    again: Seconds
    calls: int
    budget: PicoDollars
    action: DriftAction
    same_model: SameModel
    models: tuple[str, ...] | None
