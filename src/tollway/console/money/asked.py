"""What the form of the money page says: a period of whole UTC days, a grouping, filters.

Rules
1. Periods are of whole days, so that the ledger's daily sums answer, however long the period is.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from tollway.ledger.query import UsageQuery

PERIODS: Mapping[str, str] = {
    "today": "today",
    "7d": "7 days",
    "30d": "30 days",
    "month": "this month",
    "last-month": "last month",
    "90d": "90 days",
    "all": "all",
}
BY = ("source", "model", "tenant", "key", "route")
MARGINS: Mapping[str, tuple[str, ...]] = {
    "": ("tenant", "model"),
    "tenant": ("tenant",),
    "key": ("key",),
    "model": ("model",),
    "source": ("source",),
}
"""What margins are shown by; as it is called in the address."""
FILTERS = ("tenant", "key", "model", "source", "route")
_DAYS = {"7d": 7, "30d": 30, "90d": 90}


_FIRST_YEAR, _LAST_YEAR = 2000, 2999


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was filled in. `first` is the first day, `after` the day after the last; None
    does not restrict."""

    period: str
    by: str
    texts: Mapping[str, str]
    first: date | None
    after: date | None
    faults: Mapping[str, str] = field(default_factory=dict[str, str])
    margin: str = ""

    def query(self, by: tuple[str, ...] = ()) -> UsageQuery:
        """The same for the ledger."""
        named = {name: self.texts[name] or None for name in FILTERS}
        return UsageQuery(by, since=utc_of(self.first), until=utc_of(self.after), **named)

    def pairs(self, **changes: str) -> str:
        """The query string of this page, with changes."""
        own = {"period": self.period, "by": self.by, "margin": self.margin}
        said = {**own, **self.texts, **changes}
        if said["period"]:
            said = {name: text for name, text in said.items() if name not in ("since", "until")}
        return urlencode([(name, text) for name, text in said.items() if text])

    @property
    def command(self) -> str:
        """What `tollway usage` answers the same to."""
        told = {"by": self.by, "since": self.first, "until": self.after}
        told |= {name: self.texts[name] or None for name in FILTERS}
        words: list[str] = []
        for name, it in told.items():
            if it is not None:
                # What begins with a dash would be taken for another option.
                dashed = str(it).startswith("-")
                words += [f"--{name}={it}"] if dashed else [f"--{name}", str(it)]
        return shlex.join(["tollway", "usage", *words])


def asked_of(query: Mapping[str, str], now: float) -> Asked:
    """What a query string asks for."""
    texts = {name: query.get(name, "").strip()[:200] for name in ("since", "until", *FILTERS)}
    today = datetime.fromtimestamp(now, UTC).date()
    faults: dict[str, str] = {}
    period = query.get("period", "")
    if texts["since"] or texts["until"]:
        period = ""
    elif period not in PERIODS:
        period = "30d"
    first, after = _period(period, today) if period else _dates(texts, faults)
    if first is not None and after is not None and after <= first:
        faults["until"] = "is not after the first day"
    by, margin = query.get("by", ""), query.get("margin", "")
    by, margin = by if by in BY else BY[0], margin if margin in MARGINS else ""
    return Asked(period, by, texts, first, after, faults, margin)


def _period(period: str, today: date) -> tuple[date | None, date | None]:
    tomorrow, month = today + timedelta(days=1), today.replace(day=1)
    if period == "all":
        return None, None
    if period == "last-month":
        return (month - timedelta(days=1)).replace(day=1), month
    first = {"today": today, "month": month}.get(period)
    return first or tomorrow - timedelta(days=_DAYS[period]), tomorrow


def _dates(texts: Mapping[str, str], faults: dict[str, str]) -> tuple[date | None, date | None]:
    found: list[date | None] = []
    for name in ("since", "until"):
        try:
            found.append(_day(texts[name]) if texts[name] else None)
        except ValueError:
            faults[name] = f'"{texts[name]}" is no date. Write 2026-11-30.'
            found.append(None)
    return found[0], found[1]


def _day(text: str) -> date:
    """A day of a year that a ledger may have; months around it can be worked out too."""
    day = date.fromisoformat(text)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError
    return day


def utc_of(day: date | None) -> float | None:
    """UTC seconds at which a day begins."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
