"""What `usage` can be asked, and what it answers."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime

DIMENSIONS = (
    "tenant",
    "key",
    "model",
    "source",
    "route",
    "tag",
    "day",
    "month",
    "hour",
    "operation",
    "tier",
    "outcome",
)
"""What usage can be grouped by. `day`, `month` and `hour` are UTC, of settling."""


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which requests, and how to group them. `since` is included and `until` is not, both UTC
    seconds of settling; None does not restrict."""

    by: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    tenant: str | None = None
    key: str | None = None
    model: str | None = None
    source: str | None = None
    route: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests by outcome, tokens by kind, and money in pico-dollars.

    `estimated` of the requests had their tokens counted here rather than stated by the source;
    `unbilled` used tokens and cost nothing (prepaid, or the source declares no price).
    """

    requests: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    abandoned: int = 0
    estimated: int = 0
    unbilled: int = 0
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost: int = 0

    @staticmethod
    def of(parts: Iterable["Totals"]) -> "Totals":
        """The exact sum."""
        rows = [[getattr(part, name) for name in TOTALS] for part in parts]
        return Totals(*map(sum, zip(*rows, strict=True)))


TOTALS = tuple(field.name for field in fields(Totals))


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group: the value of each dimension asked for (None: unknown), and its totals.

    A request that was tried at several sources counts once, at the one that answered or was last
    tried; money that a failed attempt cost counts at the source of that attempt.
    """

    group: tuple[str | None, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The groups, their sum, and what is reserved and not settled yet: how many requests, and
    pico-dollars. A filter by source, model or time does not apply to what is not settled."""

    by: tuple[str, ...]
    rows: tuple[UsageRow, ...]
    total: Totals
    open_count: int
    open_amount: int


def day_start(utc: float) -> float:
    """UTC seconds at which the day of `utc` began."""
    return utc // 86_400 * 86_400


def month_start(utc: float) -> float:
    """UTC seconds at which the month of `utc` began."""
    today: date = datetime.fromtimestamp(utc, UTC).date()
    return datetime(today.year, today.month, 1, tzinfo=UTC).timestamp()
