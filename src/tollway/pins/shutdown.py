"""When a model that is in use ends, and how loudly that is said.

Rules
1. It is said from 90 days before the last day on; from 30 on it is a finding.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

STAGES: Final = (7, 30, 90)
FINDING: Final = 30


@dataclass(frozen=True, slots=True)
class Ending:
    """A model's announced end. `left` is days until its last day, below 0 once that is past;
    `stage` is the nearest of 90, 30 and 7 days that it is within."""

    name: str
    last: date
    left: int
    stage: int

    @property
    def is_finding(self) -> bool:
        """Rule 1."""
        return self.stage <= FINDING

    def __str__(self) -> str:
        if self.left < 0:
            return f"was shut down on {self.last}, {-self.left} days ago: move to another model"
        return f"shuts down on {self.last}, in {self.left} days: move to another model by then"


def ending(name: str, last: date | None, today: date) -> Ending | None:
    """The end of a model whose announced last day is `last`; None where there is none soon."""
    if last is None:
        return None
    left = (last - today).days
    stage = next((it for it in STAGES if left <= it), None)
    return None if stage is None else Ending(name, last, left, stage)
