"""What is rolled up says what the requests say: for every question, and after a migration."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_records import NOON, failed, reserve, settle
from older_ledger import ROLLED_UP, age

from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.query import Totals, UsageQuery
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway
from tollway.ledger.sqlite_spend import spend

FIRST = datetime(2026, 12, 30, tzinfo=UTC).timestamp()
"""Two days before a year ends."""
BY = ("tenant", "key", "model", "source", "route", "day", "month", "tier")
TENANTS = {"k1": "red", "k2": "red", "k3": "blue"}
Lines = list[tuple[object, ...]]

_failures = st.lists(st.builds(failed, st.just(1), cost=st.integers(0, 10**12)), max_size=1).map(
    tuple
)
_requests = st.lists(
    st.tuples(
        st.integers(0, 95).flatmap(lambda day: st.sampled_from([day * 86_400.0, day * 86_400 + 1])),
        st.sampled_from([None, *TENANTS]),
        st.sampled_from(["h200", "openai", None]),
        st.sampled_from(["llama", "gpt", None]),
        st.sampled_from(["standard", "flex", None]),
        st.sampled_from(["completed", "failed", "cancelled", "refused"]),
        st.integers(0, 2**63 - 1),
        _failures,
    ),
    max_size=14,
)
_days = st.none() | st.integers(-1, 98)
_queries = st.builds(
    lambda by, since, until, **filters: UsageQuery(
        tuple(by),
        since=None if since is None else FIRST + since * 86_400,
        until=None if until is None else FIRST + until * 86_400,
        **filters,
    ),
    st.lists(st.sampled_from(BY), unique=True, max_size=4),
    _days,
    _days,
    tenant=st.sampled_from([None, None, "red", "nobody"]),
    key=st.sampled_from([None, None, "k1", "k3"]),
    model=st.sampled_from([None, None, "llama"]),
    source=st.sampled_from([None, None, "h200", "openai"]),
    route=st.sampled_from([None, None, "chat"]),
)


def items(made: list[tuple[object, ...]]) -> list[Reserve | Settle]:
    found: list[Reserve | Settle] = []
    for number, (after, key, source, model, tier, outcome, cost, tries) in enumerate(made):
        utc, name = FIRST + float(str(after)), f"r{number}"
        if key is not None:
            found.append(reserve(name, key=key, tenant=TENANTS[str(key)], utc=utc))
        usage = Usage(input=number + 1, output=3, estimated=number % 3 == 0)
        named = {"source": source, "model": model, "tier": tier, "outcome": outcome}
        found.append(settle(name, cost=cost, failed=tries, usage=usage, utc=utc, **named))
    return found


def by_request(ledger: SqliteLedger, asked: UsageQuery) -> dict[tuple[str | None, ...], Totals]:
    """The answer out of the requests: only they know the hour."""
    finer = replace(asked, by=(*asked.by, "hour"))
    found: dict[tuple[str | None, ...], list[Totals]] = {}
    for row in ledger.usage(finer).rows:
        found.setdefault(row.group[:-1], []).append(row.totals)
    return {group: Totals.of(parts) for group, parts in found.items()}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=_requests, asked=st.lists(_queries, min_size=1, max_size=4))
def test_every_question_is_answered_as_the_requests_would(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[object, ...]],
    asked: list[UsageQuery],
):
    with closing(open_for_gateway(tmp_path_factory.mktemp("rolled") / "l.sqlite")) as ledger:
        for one in items(made):
            ledger.book([one])
        for query in asked:
            wanted = by_request(ledger, query)
            found = {row.group: row.totals for row in ledger.usage(query).rows}
            assert found == (wanted if query.by else {(): wanted.get((), Totals())})
            if "tier" in query.by:
                continue
            spent = ledger.ask(lambda db, query=query: spend(db, query))
            assert {row.group: (row.requests, row.cost) for row in spent} == {
                group: (totals.requests, totals.cost) for group, totals in wanted.items()
            }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=_requests, late=_requests)
def test_a_ledger_of_before_is_rolled_up_as_one_that_always_was(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[object, ...]],
    late: list[tuple[object, ...]],
):
    path = tmp_path_factory.mktemp("aged") / "l.sqlite"
    with closing(open_for_gateway(path)) as ledger:
        ledger.book(items(made))
    before = dumped(path)
    age(path, 5)
    more = items([*made, *late])[len(items(made)) :]
    with closing(open_for_gateway(path)) as ledger:
        assert dumped(path) == before
        ledger.book(more)
        for query in (UsageQuery(BY), UsageQuery(("month", "tenant", "source", "tier"))):
            found = {row.group: row.totals for row in ledger.usage(query).rows}
            assert found == by_request(ledger, query)


def dumped(path: Path) -> list[Lines]:
    """What is rolled up, whichever days are over."""
    with closing(sqlite3.connect(path)) as db:
        return [_whole(db, table) for table in ROLLED_UP]


def _whole(db: sqlite3.Connection, table: str) -> Lines:
    names = [line[1] for line in db.execute(f"PRAGMA table_info({table})")]
    at = names.index("requests")
    keys, sums = ", ".join(names[:at]), ", ".join(f"sum({name})" for name in names[at:])
    return db.execute(f"SELECT {keys}, {sums} FROM {table} GROUP BY {keys}").fetchall()


@pytest.mark.parametrize(
    ("by", "since", "until", "filters", "table"),
    [
        (("source",), None, None, {}, "day_sources"),
        (("day",), None, None, {"model": "llama"}, "day_sources"),
        (("tenant",), None, None, {}, "months"),
        (("key",), None, None, {"source": "h200"}, "months"),
        (("tenant",), FIRST - 3 * 86_400, NOON // 86_400 * 86_400 + 86_400, {}, "months"),
        (("month", "tenant", "key", "model", "source", "tier"), None, None, {}, "months"),
    ],
    ids=["source", "day", "tenant", "key", "to-today", "margin"],
)
def test_long_periods_are_not_answered_from_the_days_of_every_key(
    tmp_path: Path,
    by: tuple[str, ...],
    since: float | None,
    until: float | None,
    filters: dict[str, str],
    table: str,
):
    with closing(open_for_gateway(tmp_path / "l.sqlite")) as ledger:
        ledger.book([reserve(utc=NOON), settle(utc=NOON, tier="flex")])
        asked: list[str] = []
        ledger.ask(lambda db: db.set_trace_callback(asked.append))
        report = ledger.usage(replace(UsageQuery(by, since=since, until=until), **filters))
    assert report.total.requests == 1
    read = {name for name in (*ROLLED_UP, "entries") for sql in asked if f"FROM {name} " in sql}
    # The days at an end of a period that begins within a month are read besides.
    assert read - {"day_sources"} <= {table} | ({"days"} if since is not None else set())
    assert table in read


def test_a_tenants_days_are_sought_and_those_of_others_passed_over(tmp_path: Path):
    with closing(open_for_gateway(tmp_path / "l.sqlite")) as ledger:
        ledger.book([reserve(), settle()])
        asked: list[str] = []
        ledger.ask(lambda db: db.set_trace_callback(asked.append))
        for filters in ({"tenant": "demo"}, {"key": "key00001"}):
            ledger.usage(replace(UsageQuery(("day", "source")), **filters))
        ledger.ask(lambda db: db.set_trace_callback(None))
        for sql in [it for it in asked if "CROSS JOIN days" in it]:
            plan = ledger.ask(
                lambda db, sql=sql: db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            )
            words = [line[3] for line in plan]
            assert any(
                it.startswith("SEARCH days USING PRIMARY KEY (day=? AND tenant=?") for it in words
            ), words
        assert sum("CROSS JOIN days" in it for it in asked) == 2


def test_days_that_are_over_are_added_to_long_periods_once_and_late_ones_then_too(tmp_path: Path):
    with closing(open_for_gateway(tmp_path / "l.sqlite")) as ledger:
        kept: list[list[int]] = []
        for number, day in enumerate((0, 0, 1, 2, 2, 0, 5)):
            tries = (failed(cost=7),) if number == 5 else ()
            ledger.book([settle(f"r{number}", utc=FIRST + day * 86_400, failed=tries)])
            kept.append([ledger.ask(_requests_of(it)) for it in ("months_rolled", "months")])
            for table in ("months", "day_sources"):
                assert ledger.ask(_requests_of(table)) == number + 1
                assert ledger.ask(_cost_of(table)) == ledger.ask(_cost_of("days"))
    assert kept == [[0, 1], [0, 2], [0, 3], [2, 4], [2, 5], [3, 6], [6, 7]]


def _requests_of(table: str) -> Callable[[sqlite3.Connection], int]:
    sql = f"SELECT coalesce(sum(requests), 0) FROM {table}"
    return lambda db: db.execute(sql).fetchone()[0]


def _cost_of(table: str) -> Callable[[sqlite3.Connection], int]:
    sql = f"SELECT sum(cost_micro) * 1000000 + sum(cost_rest) FROM {table}"
    return lambda db: db.execute(sql).fetchone()[0]
