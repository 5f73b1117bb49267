"""What only a plan asks of a contract: whether it can be signed, and what a unit of it makes."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tollway.fleet.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Offer:
    """A contract that is not signed yet, and can be from the month `since` to the month `until`:
    at most `most` units in all, none or at least `least` at a time; a unit is all that the contract
    provides and costs. Service begins `lead_months` after the month of signing; None: when the term
    says. Offers of one `group` exclude each other. `emergency` units more can be had within
    `emergency_days`."""

    evidence: Evidence
    since: date | None
    until: date | None
    most: Decimal
    least: Decimal
    whole: bool
    lead_months: int | None
    group: str | None
    emergency: Decimal
    emergency_days: int


@dataclass(frozen=True, slots=True)
class Yield:
    """Tokens an hour, in and out together, that one unit makes of a workload with a model, where
    that is known and need not be predicted."""

    evidence: Evidence
    workload: str
    model: str
    tokens_per_hour: int
