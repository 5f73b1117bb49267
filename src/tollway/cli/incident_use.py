"""Who used a bad component, out of the ledger and the guard's book.

Rules
1. Where nobody knows since when it was there, all that is booked counts.
"""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tollway.guard.event import SecurityEvent
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Runs
from tollway.ledger.query import UsageQuery, day_start
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.pins.incident import Reached

_ALL = 1 << 40
_PAGE = 1000


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
    """Who used it: keys, tool calls by tenant, sandbox runs that began since, and tasks that the
    package index served it to."""

    users: tuple[User, ...]
    calls: tuple[tuple[str, int], ...]
    runs: tuple[str, ...]
    served: tuple[str, ...] = ()


def use_of(
    reached: Reached, since: float | None, state: str, releases: Collection[str] = ()
) -> Use:
    """Who used it, from `since` (UTC seconds) on; whole days, as the ledger adds them up.
    `releases` are packages as the index tells of them, `pypi:name@version`."""
    folder = state_folder(state, {})
    begun = None if since is None else day_start(since)
    users = _users(reached, begun, ledger_path(None, state, {}))
    if not (folder / GUARD_BOOK).exists():
        return Use(users, (), ())
    start = begun or 0.0
    with closing(GuardBook(folder / GUARD_BOOK)) as book:
        calls, runs = _calls(book, reached, start), _runs(book, reached, start)
        return Use(users, calls, runs, _served(book, releases))


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
    for event in _events(book):
        server = event.place.partition("/")[0]
        if event.concern == "tool" and server in reached.servers and event.at >= since:
            who = event.tenant or "-"
            counts[who] = counts.get(who, 0) + 1
    return tuple(sorted(counts.items()))


def _served(book: GuardBook, releases: Collection[str]) -> tuple[str, ...]:
    """Tasks, the first first; `-` stands for clients that are none."""
    tasks = (
        it.task or "-"
        for it in _events(book)
        if it.concern == "package" and it.outcome == "allowed" and it.place in releases
    )
    return tuple(dict.fromkeys(tasks))


def _events(book: GuardBook) -> Iterator[SecurityEvent]:
    """Every event that is kept, a page at a time."""
    kept, after = Events(book), 0
    while page := kept.read(after=after, most=_PAGE):
        yield from (event for _, event in page)
        after = page[-1][0]


def _runs(book: GuardBook, reached: Reached, since: float) -> tuple[str, ...]:
    if not reached.everything:
        return ()
    return tuple(it.task for it in Runs(book).last(_ALL) if it.began >= since)
