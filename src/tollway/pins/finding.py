"""What looking at a component found, and what was not looked at.

Rules
1. Nothing fails open: what could not be looked at is `Unaudited`, with its reason.
2. Exit codes: 1 where anything was found, else 3 where anything was not audited, else 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `component` is `kind:name`, `rule` a stable word for what was broken (`weights.pickle-global`),
    `problem` says it with the value, `mend` the next thing to do, as a sentence. `place` is the
    file within the component, where there is one.
    """

    component: str
    rule: str
    problem: str
    mend: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Unaudited:
    """One thing that nobody could look at: what it is, and why not, as a clause."""

    component: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one look brought. `looked` counts the components that were looked at."""

    found: tuple[Finding, ...] = ()
    unaudited: tuple[Unaudited, ...] = ()
    looked: int = 0

    @property
    def exit_code(self) -> int:
        """Rule 2."""
        if self.found:
            return 1
        return 3 if self.unaudited else 0


def together(all_: Sequence[Findings]) -> Findings:
    """Several looks as one, in their order."""
    return Findings(
        tuple(it for each in all_ for it in each.found),
        tuple(it for each in all_ for it in each.unaudited),
        sum(each.looked for each in all_),
    )
