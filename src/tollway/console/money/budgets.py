"""Budgets of tenants and keys: how much is used, and when they run out at this pace."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tollway.fleet.objects import Budget, Fleet
from tollway.ledger.keys import KeyRecord
from tollway.ledger.paces import DAY, HOUR, Account, Pace, Recent, RunsOut, Spell, pace_of, runs_out
from tollway.ledger.query import UsageQuery, day_start, month_start
from tollway.ledger.sqlite import SqliteLedger
from tollway.ledger.sqlite_paces import recent
from tollway.ledger.sqlite_spend import spend

Span = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget as it stands, in pico-dollars. `pace` None: there was no traffic. `anew` is when it
    begins anew, UTC seconds."""

    kind: Literal["tenant", "key"]
    name: str
    of: str
    span: Span
    bound: int
    used: int
    pace: Pace | None
    ends: RunsOut | None
    anew: float

    @property
    def left(self) -> int:
        """What may still be spent; negative where more was."""
        return self.bound - self.used

    @property
    def share(self) -> float:
        """How much is used, of 1."""
        return self.used / self.bound if self.bound else 1.0


@dataclass(frozen=True, slots=True)
class Read:
    """What the ledger says for budgets, at one moment."""

    now: float
    keys: tuple[KeyRecord, ...]
    day: dict[Account, int]
    month: dict[Account, int]
    spells: tuple[Recent, Recent]


def read(ledger: SqliteLedger, now: float, fleet: Fleet) -> Read:
    """Read it. The last hour counts for the pace, else the last day. Where nobody has a budget
    there is nothing to read but the keys."""
    keys = ledger.keys()
    held = [it.budget for it in fleet.tenants.values()] + [it.terms.budget for it in keys]
    if all(it.day is None and it.month is None for it in held):
        none = Recent(now, now, cut=False, spells={})
        return Read(now, keys, {}, {}, (none, none))
    tomorrow = day_start(now) + DAY

    def spent(since: float) -> dict[Account, int]:
        query = UsageQuery(("tenant", "key"), since=since, until=tomorrow)
        rows = ledger.ask(lambda db: spend(db, query))
        return {(key, tenant): it.cost for it in rows for tenant, key in [it.group]}

    hour = ledger.ask(lambda db: recent(db, now, HOUR))
    # An hour that was cut off short holds the last requests of the day as well.
    day = hour if hour.cut else ledger.ask(lambda db: recent(db, now, DAY))
    return Read(now, keys, spent(day_start(now)), spent(month_start(now)), (hour, day))


def standings(fleet: Fleet, known: Read) -> list[Standing]:
    """Every budget of a tenant or of a key that holds, the fullest first."""
    found: list[Standing] = []
    for tenant in fleet.tenants.values():
        accounts = [it for it in known.month if it[1] == tenant.name]
        found += _of("tenant", tenant.name, "", tenant.budget, known, accounts)
    for record in known.keys:
        if record.revoked is None and (record.expires is None or record.expires > known.now):
            accounts = [it for it in known.month if it[0] == record.id]
            name = f"{record.name} ({record.id})"
            found += _of("key", name, record.tenant, record.terms.budget, known, accounts)
    return sorted(found, key=lambda it: (-it.share, it.kind, it.name, it.span))


def _of(
    kind: Literal["tenant", "key"],
    name: str,
    of: str,
    budget: Budget,
    known: Read,
    accounts: list[Account],
) -> Iterable[Standing]:
    spans: tuple[tuple[Span, int | None, dict[Account, int], float], ...] = (
        ("day", budget.day, known.day, day_start(known.now) + DAY),
        ("month", budget.month, known.month, month_start(month_start(known.now) + 32 * DAY)),
    )
    pace = _pace(known, accounts)
    for span, bound, spent, anew in spans:
        if bound is None:
            continue
        used = sum(spent.get(it, 0) for it in accounts)
        ends = None if pace is None else runs_out(bound - used, pace, known.now, anew)
        yield Standing(kind, name, of, span, bound, used, pace, ends, anew)


def _pace(known: Read, accounts: list[Account]) -> Pace | None:
    for spell in known.spells:
        whole = Spell()
        for account in accounts:
            whole += spell.spells.get(account, Spell())
        pace = pace_of(whole, spell)
        if pace is not None:
            return pace
    return None
