"""What may pass, as declared: the guard's rules as frozen objects."""

from dataclasses import dataclass
from typing import Literal

from tollway.units import Seconds

Action = Literal["allow", "redact", "tokenise", "on-prem", "ask", "block"]
"""What is done with something found."""

Direction = Literal["out", "in"]
"""`out` is what a client sends to a source, `in` what comes back."""


@dataclass(frozen=True, slots=True)
class GuardRule:
    """What is done with findings of `detectors`: ids, kinds, `known:*` for a family, or "*" for
    all that could be inspected. The other terms fit everything where they are None."""

    name: str
    detectors: tuple[str, ...]
    action: Action
    tenants: tuple[str, ...] | None
    routes: tuple[str, ...] | None
    direction: Direction | None
    destinations: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The guard as declared. `default` is for what no rule fits; `ignore` are detectors that are
    not asked; `fingerprints` a file, relative to the fleet file's folder; `directions` are what is
    inspected; `events` a file, relative to the state folder, that security events are written to
    as OCSF; `patience` is how long an inspection may take before the request is refused."""

    default: Action
    rules: tuple[GuardRule, ...]
    terms: tuple[str, ...]
    ignore: tuple[str, ...]
    fingerprints: str | None
    directions: tuple[Direction, ...] = ("out", "in")
    events: str | None = None
    patience: Seconds = Seconds(5.0)
