"""Searches of settled requests, page by page, and the lines that add up to usage."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_records import DAY, NOON, failed, reserve, settle

from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger import sqlite_search
from tollway.ledger.paces import Recent, RunsOut, Spell, pace_of, runs_out
from tollway.ledger.query import Totals, UsageQuery
from tollway.ledger.search import Held, Line, Page, Search, Spot, Whole
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway
from tollway.ledger.sqlite_lines import begin, lines, piece
from tollway.ledger.sqlite_paces import recent
from tollway.ledger.sqlite_search import one, search
from tollway.ledger.sqlite_spend import spend, total

MINUTES = st.integers(0, 4 * 24 * 60)
TENANTS = ("red", "blue")
SOURCES = ("h200", "openai")

requests = st.lists(
    st.tuples(
        MINUTES,
        st.sampled_from(TENANTS),
        st.sampled_from(SOURCES),
        st.sampled_from(["completed", "failed", "cancelled"]),
        st.sampled_from([None, "a", "=b"]),
        st.integers(0, 3),  # cost
        st.sampled_from([None, 0.1, 0.5]),
        st.integers(1, 2),  # attempts
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)
MOMENTS = st.none() | MINUTES.map(lambda minute: NOON + 60.0 * minute)
searches = st.builds(
    Search,
    since=MOMENTS,
    until=MOMENTS,
    tenant=st.sampled_from([None, *TENANTS, "nobody"]),
    source=st.sampled_from([None, *SOURCES]),
    outcome=st.sampled_from([None, "completed", "refused"]),
    tag=st.sampled_from([None, "a", "=b", "none of it"]),
    min_cost=st.sampled_from([None, 2]),
    min_ttft=st.sampled_from([None, 0.5]),
    estimated=st.booleans(),
    fallback=st.booleans(),
    drilled=st.booleans(),
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteLedger]:
    path = tmp_path_factory.mktemp("search") / "ledger.sqlite"
    with closing(open_for_gateway(path)) as opened:
        yield opened


def filled(ledger: SqliteLedger, made: list[tuple[object, ...]]) -> None:
    def empty(db: sqlite3.Connection) -> None:
        sums = ("days", "months_rolled", "day_sources_rolled")
        for table in ("settled", "failed_attempts", *sums, "reservations"):
            db.execute(f"DELETE FROM {table}")
        db.execute("UPDATE rolled SET day = 0")

    ledger.ask(empty)
    items: list[Reserve | Settle] = []
    for number, fields in enumerate(made):
        minute, tenant, source, outcome, tag, cost, ttft, attempts, estimated, drilled = fields
        name, utc = f"r{number}", NOON + 60.0 * int(str(minute))
        items.append(reserve(name, tenant=tenant, tag=tag, utc=utc - 1.5))
        tries = (failed(cost=1),) if attempts == 2 else ()
        items.append(
            settle(
                name,
                utc=utc,
                source=source,
                outcome=outcome,
                cost=int(str(cost)) + len(tries),
                ttft=ttft,
                attempts=attempts,
                failed=tries,
                usage=Usage(input=7, output=3, estimated=bool(estimated)),
                drilled="b200" if drilled else None,
            )
        )
    assert not ledger.book(items)


def everything(ledger: SqliteLedger) -> list[Line]:
    page = ledger.ask(lambda db: search(db, Search(), None, 10_000))
    assert (page.older, page.back_to) == (None, None)
    return list(page.lines)


def fits(line: Line, wanted: Search) -> bool:
    words = ("tenant", "source", "outcome", "tag")
    return (
        (wanted.since is None or line.utc >= wanted.since)
        and (wanted.until is None or line.utc < wanted.until)
        and all(getattr(wanted, it) in (None, getattr(line, it)) for it in words)
        and (wanted.min_cost is None or line.cost >= wanted.min_cost)
        and (wanted.min_ttft is None or (line.ttft or 0.0) >= wanted.min_ttft)
        and (not wanted.estimated or line.estimated)
        and (not wanted.fallback or line.attempts > 1)
        and (not wanted.drilled or line.drilled is not None)
    )


def pages(ledger: SqliteLedger, wanted: Search, count: int, most: int) -> list[Page]:
    found: list[Page] = []
    at: Spot | None = None
    while not found or at is not None:
        page = ledger.ask(lambda db, at=at: search(db, wanted, at, count, most))
        assert page.older is None or at is None or page.older < at
        found.append(page)
        at = page.older
    return found


@settings(max_examples=80, deadline=None)
@given(made=requests, wanted=searches, count=st.integers(1, 5), most=st.integers(1, 9))
def test_a_search_is_what_a_filter_of_all_requests_finds_each_once_newest_first(
    ledger: SqliteLedger,
    made: list[tuple[object, ...]],
    wanted: Search,
    count: int,
    most: int,
) -> None:
    filled(ledger, made)
    every = everything(ledger)
    assert [it.request for it in every] == [
        it.request for it in sorted(every, key=lambda it: (it.utc, it.id), reverse=True)
    ]
    assert len(every) == len(made)
    found = pages(ledger, wanted, count, most)
    shown = [line for page in found for line in page.lines]
    assert shown == [line for line in every if fits(line, wanted)]
    for page in found:
        assert len(page.lines) <= count
        assert page.older is not None or page.back_to is None
        # A page that is not full and not the last one says how far back it looked.
        assert len(page.lines) == count or page.older is None or page.back_to is not None


@pytest.mark.parametrize("rare", [2_000, 1], ids=["a rare tag", "a frequent tag"])
def test_a_tag_is_found_whole_however_often_it_was_used(
    ledger: SqliteLedger, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_search, "_RARE", rare)
    row = (0, "red", "h200", "completed", "a", 1, None, 1, False, False)
    filled(ledger, [(minute, *row[1:]) for minute in range(8)])
    found = pages(ledger, Search(tag="a"), 3, 2)
    assert [line.request for page in found for line in page.lines] == [
        f"r{number}" for number in reversed(range(8))
    ]


def test_a_bound_that_ends_a_page_says_how_far_it_looked(ledger: SqliteLedger) -> None:
    plain = ("red", "h200", "completed", None, 1, None, 1, False, False)
    filled(ledger, [(0, *plain[:3], "rare", *plain[4:]), *((n, *plain) for n in range(1, 9))])
    page = ledger.ask(lambda db: search(db, Search(min_cost=2), None, 5, 3))
    assert page.lines == ()
    assert page.back_to == NOON + 60.0 * 6
    assert page.older is not None
    # Without a filter nothing is passed over, so nothing bounds it.
    whole = ledger.ask(lambda db: search(db, Search(), None, 9, 3))
    assert (len(whole.lines), whole.back_to, whole.older) == (9, None, None)


def test_days_on_which_nothing_fits_cost_nothing(ledger: SqliteLedger) -> None:
    plain = ("h200", "completed", None, 1, None, 1, False, False)
    recent_ones = [(4 * 24 * 60 + n, "red", *plain) for n in range(6)]
    filled(ledger, [(0, "blue", *plain), *recent_ones])
    page = ledger.ask(lambda db: search(db, Search(tenant="blue"), None, 5, 2))
    assert [line.request for line in page.lines] == ["r0"]
    assert page.back_to is None


def test_a_request_is_whole_or_held_or_not_there(ledger: SqliteLedger) -> None:
    filled(ledger, [])
    tried = (failed(), failed(2, kind="stall", status=None, cost=5))
    ledger.book([reserve(), settle(failed=tried, attempts=3), reserve("open")])
    found = ledger.ask(lambda db: one(db, "r1"))
    assert isinstance(found, Whole)
    assert found.line.reserved_utc == NOON
    assert [(it.attempt, it.kind, it.cost, it.duration) for it in found.failed] == [
        (1, "cut", 7_000, 0.5),
        (2, "stall", 5, 0.5),
    ]
    held = ledger.ask(lambda db: one(db, "open"))
    assert isinstance(held, Held)
    assert (held.amount, held.utc) == (3_000_000, NOON)
    assert ledger.ask(lambda db: one(db, "nobody")) is None


def test_days_that_are_looked_through_for_nothing_are_bounded_and_told(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_search, "_MOST_PASSED", 1)
    plain = ("completed", None, 1, None, 1, False, False)
    later = [(day * 24 * 60, "red", "h200", *plain) for day in range(1, 5)]
    filled(ledger, [(0, "red", "openai", *plain), *later])
    page = ledger.ask(lambda db: search(db, Search(source="openai"), None, 5))
    assert page.lines == ()
    assert page.back_to is not None
    found = pages(ledger, Search(source="openai"), 5, 9)
    assert [line.request for page in found for line in page.lines] == ["r0"]
    # A tenant is found in each day without a look at the others, so nothing needs a bound.
    owned = ledger.ask(lambda db: search(db, Search(source="openai", tenant="red"), None, 5))
    assert ([line.request for line in owned.lines], owned.back_to) == (["r0"], None)


DAYS = st.none() | st.integers(-1, 6).map(lambda day: NOON - NOON % DAY + day * DAY)


@settings(max_examples=60, deadline=None)
@given(
    made=requests,
    wanted=st.builds(
        UsageQuery,
        by=st.sampled_from([(), ("source",), ("day",), ("tenant", "key"), ("day", "model")]),
        since=DAYS,
        until=DAYS,
        tenant=st.sampled_from([None, "red"]),
        source=st.sampled_from([None, *SOURCES]),
    ),
)
def test_spend_is_usage_with_fewer_sums(
    ledger: SqliteLedger, made: list[tuple[object, ...]], wanted: UsageQuery
) -> None:
    filled(ledger, made)
    found = ledger.ask(lambda db: spend(db, wanted))
    told = ledger.usage(wanted)
    assert [(it.group, it.cost, it.requests, it.input, it.output) for it in found] == [
        (it.group, it.totals.cost, it.totals.requests, it.totals.input, it.totals.output)
        for it in told.rows
        if it.totals != Totals()
    ]
    assert total(found).cost == told.total.cost


def test_spend_refuses_what_the_daily_sums_cannot_answer(ledger: SqliteLedger) -> None:
    for wanted in (UsageQuery(since=NOON), UsageQuery(tag="a")):
        with pytest.raises(ValueError, match=r"day|tags"):
            ledger.ask(lambda db, wanted=wanted: spend(db, wanted))


queries = st.builds(
    UsageQuery,
    since=MOMENTS,
    until=MOMENTS,
    tenant=st.sampled_from([None, "red"]),
    source=st.sampled_from([None, *SOURCES]),
    tag=st.sampled_from([None, "a"]),
)


@settings(max_examples=60, deadline=None)
@given(made=requests, wanted=queries, count=st.integers(1, 6))
def test_lines_add_up_to_the_usage_of_the_same_question(
    ledger: SqliteLedger, made: list[tuple[object, ...]], wanted: UsageQuery, count: int
) -> None:
    filled(ledger, made)
    found = ledger.ask(lambda db: list(lines(db, wanted)))
    total = ledger.usage(wanted).total
    assert sum(it.cost for it in found) == total.cost
    assert sum(it.attempt is None for it in found) == total.requests
    assert sum(it.input + it.output for it in found) == total.input + total.output
    reading = begin(wanted)
    parts = []
    while not reading.over:
        parts += ledger.ask(lambda db: piece(db, wanted, reading, count))
    assert parts == found


def test_what_is_booked_after_the_first_piece_is_left_out(ledger: SqliteLedger) -> None:
    filled(ledger, [])
    ledger.book([settle("r1"), settle("r3", utc=NOON + 9.0)])
    reading = begin(UsageQuery())
    first = ledger.ask(lambda db: piece(db, UsageQuery(), reading, 1))
    ledger.book([settle("late", utc=NOON + 5.0)])
    rest = ledger.ask(lambda db: piece(db, UsageQuery(), reading, 9))
    assert [it.request for it in (*first, *rest)] == ["r1", "r3"]


def test_a_pace_is_of_the_time_that_was_looked_at(ledger: SqliteLedger) -> None:
    filled(ledger, [])
    for number in range(6):
        ledger.book([reserve(f"p{number}"), settle(f"p{number}", utc=NOON + number, cost=10)])
    hour = ledger.ask(lambda db: recent(db, NOON + 6.0, 3_600.0))
    assert (hour.cut, hour.spells) == (False, {("key00001", "demo"): Spell(6, 60, 600.0)})
    cut = ledger.ask(lambda db: recent(db, NOON + 6.0, 3_600.0, 3))
    assert (cut.cut, cut.since) == (True, NOON + 2.000001)
    assert cut.spells["key00001", "demo"].cost == 30
    pace = pace_of(cut.spells["key00001", "demo"], cut)
    assert pace is not None
    assert pace.low < pace.rate < pace.high
    assert pace.rate == pytest.approx(7.5, rel=1e-5)


def test_a_budget_runs_out_when_what_is_left_is_spent_or_not_before_it_begins_anew() -> None:
    recent_ = Recent(NOON - 100.0, NOON, False, {})
    pace = pace_of(Spell(100, 1_000, 10_000.0), recent_)
    assert pace is not None
    soon = runs_out(100, pace, NOON, NOON + DAY)
    assert soon.at == NOON + 10.0
    assert soon.earliest is not None
    assert soon.latest is not None
    assert soon.earliest < NOON + 10.0 < soon.latest
    assert runs_out(10**9, pace, NOON, NOON + DAY) == RunsOut(None, None, None)
    assert runs_out(-5, pace, NOON, NOON + DAY).at == NOON
    assert pace_of(Spell(3, 0, 0.0), recent_) is None


def test_money_past_63_bits_stays_exact(ledger: SqliteLedger) -> None:
    filled(ledger, [])
    most = 2**62
    ledger.book([settle("a", cost=most), settle("b", cost=most), settle("c", cost=most)])
    found = ledger.ask(lambda db: list(lines(db, UsageQuery())))
    assert sum(it.cost for it in found) == 3 * most == ledger.usage(UsageQuery()).total.cost
    assert Decimal(3 * most).scaleb(-12) > 13 * 10**6
