"""Who used a bad component, out of the ledger and the guard's book.

Rules
1. Where nobody knows since when it was there, all that is booked counts.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Runs
from tollway.ledger.query import UsageQuery, day_start
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.pins.incident import Reached

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class User:
    """A key that used it: requests, and the first and the last UTC day."""

    tenant: str
    key: str
    requests: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Use:
    """Who used it: keys, tool calls by tenant, and sandbox runs that began since."""

    users: tuple[User, ...]
    calls: tuple[tuple[str, int], ...]
    runs: tuple[str, ...]


def use_of(reached: Reached, since: float | None, state: str) -> Use:
    """Who used it, from `since` (UTC seconds) on; whole days, as the ledger adds them up."""
    folder = state_folder(state, {})
    begun = None if since is None else day_start(since)
    users = _users(reached, begun, ledger_path(None, state, {}))
    if not (folder / GUARD_BOOK).exists():
        return Use(users, (), ())
    with closing(GuardBook(folder / GUARD_BOOK)) as book:
        return Use(users, _calls(book, reached, begun or 0.0), _runs(book, reached, begun or 0.0))


def _users(reached: Reached, since: float | None, ledger: Path) -> tuple[User, ...]:
    if not reached.models and not reached.everything:
        return ()
    by = ("tenant", "key", "source", "model", "day")
    with closing(open_reader(ledger)) as store:
        rows = store.usage(UsageQuery(by=by, since=since)).rows
    days: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        tenant, key, source, model, day = (it or "-" for it in row.group)
        if reached.everything or f"{source}/{model}" in reached.models:
            days.setdefault((tenant, key), []).append(day)
            counts[tenant, key] = counts.get((tenant, key), 0) + row.totals.requests
    return tuple(
        User(tenant, key, counts[tenant, key], min(found), max(found))
        for (tenant, key), found in sorted(days.items())
    )


def _calls(book: GuardBook, reached: Reached, since: float) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for _, event in Events(book).last(_MOST):
        server = event.place.partition("/")[0]
        if event.concern == "tool" and server in reached.servers and event.at >= since:
            who = event.tenant or "-"
            counts[who] = counts.get(who, 0) + 1
    return tuple(sorted(counts.items()))


def _runs(book: GuardBook, reached: Reached, since: float) -> tuple[str, ...]:
    if not reached.everything:
        return ()
    return tuple(it.task for it in Runs(book).last(_MOST) if it.began >= since)
