"""Where a statement comes from, and how good that is."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Grade = Literal[
    "signed",
    "filing",
    "filing summary",
    "company",
    "quotes filing",
    "quotes company",
    "press",
    "assumed",
]
"""How good the evidence is, best first: the signed text itself; a filing; a summary of one; the
company's own release; others who quote a filing, or a company; the press by itself. Assumed: a
scenario's value, which is no fact."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a statement comes from. `date` is of the reading; `about` says that its figures are
    approximate where they come from."""

    source: str | None
    grade: Grade | None
    date: date | None
    note: str | None
    about: bool
