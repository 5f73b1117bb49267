"""What a threat model is made of: things of a fleet, and what was judged of each.

Rules
1. A control counts where the fleet file or the lock says it of that very thing; its evidence is the
   key that says so, and its value. What is always so in every fleet is no control of this fleet.
2. What is answered says what is left. What is open says what to write. What nobody here can judge
   says why, and is never a pass.
"""

from dataclasses import dataclass
from typing import Literal

from tollway.fleet.objects import Fleet
from tollway.pins.lock import Lock

Status = Literal["open", "not judged", "accepted", "answered", "does not apply"]
STATUSES: tuple[Status, ...] = ("open", "not judged", "accepted", "answered", "does not apply")
"""From what needs a person to what needs nobody."""

ThingKind = Literal[
    "fleet", "route", "source", "model-api", "tenant", "tool server", "sandbox", "egress rule",
    "secret", "weights", "pypi", "npm", "prompt", "mcp", "runtime", "image",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """What a threat may be to: something of the fleet file, or a component of the lock."""

    kind: ThingKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "fleet" else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Control:
    """What answers a threat: what it is, the key that says so (`guard.rules[0].action`; of a
    component, its key in the lock) and its value there."""

    what: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was judged. `residual` is what is left where it is answered, `why` what is open or
    not judged or does not apply, `mend` the next thing to do; sentences."""

    status: Status
    controls: tuple[Control, ...] = ()
    residual: str = ""
    why: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One threat, to one thing."""

    threat: str
    thing: Thing
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Facts:
    """What is judged: the fleet, and its lock (None where it has none)."""

    fleet: Fleet
    lock: Lock | None = None


def answered(*controls: Control, residual: str) -> Verdict:
    """It is answered by these, and `residual` is left."""
    return Verdict("answered", controls, residual=residual)


def opened(why: str, mend: str, *controls: Control) -> Verdict:
    """It is open; `controls` are those that are there and are not enough."""
    return Verdict("open", controls, why=why, mend=mend)


def unjudged(why: str, *controls: Control) -> Verdict:
    """Nobody here can say."""
    return Verdict("not judged", controls, why=why)


def inapplicable(why: str) -> Verdict:
    """It is no threat to this thing."""
    return Verdict("does not apply", why=why)
