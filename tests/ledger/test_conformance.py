"""What every ledger store promises; a further store joins by one line in `STORES`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_records import DAY, NOON, failed, reserve, settle

from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.objects import Budget, KeyTerms, Limits
from tollway.fleet.usage import Usage
from tollway.ledger.keys import KeyRecord
from tollway.ledger.query import DIMENSIONS, Totals, UsageQuery
from tollway.ledger.sqlite import open_for_gateway
from tollway.ledger.store import Ledger
from tollway.units import PicoDollars

STORES: dict[str, Callable[[Path], Ledger]] = {
    "sqlite": lambda folder: open_for_gateway(folder / "ledger.sqlite"),
}


@pytest.fixture(params=sorted(STORES))
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


def total(ledger: Ledger, **query: object) -> Totals:
    return ledger.usage(UsageQuery(**query)).total  # pyright: ignore[reportArgumentType]


def cost_by(ledger: Ledger, *by: str) -> dict[tuple[str | None, ...], int]:
    return {row.group: row.totals.cost for row in ledger.usage(UsageQuery(by=by)).rows}


# --- booking -----------------------------------------------------------------------------------


def test_a_reservation_is_open_until_it_is_settled(ledger: Ledger):
    assert ledger.book([reserve(amount=5_000_001)]) == {}
    report = ledger.usage(UsageQuery())
    assert (report.open_count, report.open_amount, report.total.requests) == (1, 5_000_001, 0)
    assert ledger.book([settle(cost=42)]) == {}
    report = ledger.usage(UsageQuery())
    assert (report.open_count, report.open_amount) == (0, 0)
    assert (report.total.requests, report.total.cost) == (1, 42)


def test_every_count_of_a_settlement_is_booked(ledger: Ledger):
    usage = Usage(
        input=100, cached_input=40, cache_write=10, output=50, reasoning=20, estimated=True
    )
    ledger.book([reserve(), settle(usage=usage, cost=0, outcome="cancelled")])
    assert total(ledger) == Totals(
        requests=1,
        cancelled=1,
        estimated=1,
        unbilled=1,
        input=100,
        cached_input=40,
        cache_write=10,
        output=50,
        reasoning=20,
    )


def test_repeating_a_settlement_changes_nothing(ledger: Ledger):
    ledger.book([reserve(), settle(cost=7)])
    assert ledger.book([settle(cost=9, failed=(failed(),))]) == {}
    assert cost_by(ledger, "source") == {("h200",): 7}


def test_repeating_a_settlement_within_one_batch_books_the_first(ledger: Ledger):
    ledger.book([reserve(), settle(cost=7), settle(cost=9, failed=(failed(),))])
    assert total(ledger).requests == 1
    assert total(ledger, by=("tag",)).cost == total(ledger).cost


def test_repeating_a_reservation_changes_nothing(ledger: Ledger):
    ledger.book([reserve(amount=10)])
    ledger.book([reserve(amount=20)])
    assert ledger.usage(UsageQuery()).open_amount == 10


def test_a_settled_request_cannot_be_reserved_again(ledger: Ledger):
    ledger.book([reserve(), settle()])
    ledger.book([reserve()])
    assert ledger.usage(UsageQuery()).open_count == 0


def test_a_settlement_without_a_reservation_is_booked_to_nobody(ledger: Ledger):
    ledger.book([settle(cost=11)])
    assert cost_by(ledger, "tenant", "key", "route") == {(None, None, None): 11}
    assert cost_by(ledger, "tag", "source") == {(None, "h200"): 11}


def test_a_settlement_and_its_reservation_in_one_batch_find_each_other_in_any_order(
    ledger: Ledger,
):
    ledger.book([settle(cost=5), reserve()])
    assert cost_by(ledger, "tenant") == {("demo",): 5}
    assert ledger.usage(UsageQuery()).open_count == 0


@pytest.mark.parametrize(
    "misfit",
    [
        {"amount": 2**63},
        {"utc": float("nan")},
        {"utc": float("inf")},
        {"tag": "\ud800"},
        {"input_tokens": 2**62},
        {"amount": None},
        {"amount": object()},
    ],
)
def test_a_reservation_that_does_not_fit_fails_alone(ledger: Ledger, misfit: dict[str, object]):
    items = [reserve("a"), reserve("b", **misfit), reserve("c"), settle("d")]
    faults = ledger.book(items)
    assert list(faults) == [1]
    report = ledger.usage(UsageQuery())
    assert (report.open_count, report.total.requests) == (2, 1)


@pytest.mark.parametrize(
    "misfit",
    [
        {"cost": 2**63},
        {"usage": Usage(input=2**62)},
        {"usage": Usage(output=2**64)},
        {"code": "\udfff"},
        {"duration": float("nan")},
        {"failed": (failed(cost=2**63),)},
        {"failed": (failed(kind=None),)},
    ],
)
def test_a_settlement_that_does_not_fit_fails_alone(ledger: Ledger, misfit: dict[str, object]):
    batch: list[Reserve | Settle] = [reserve(name) for name in "abc"]
    ledger.book(batch)
    faults = ledger.book([settle("a", cost=1), settle("b", **misfit), settle("c", cost=2)])
    assert list(faults) == [1]
    report = ledger.usage(UsageQuery())
    assert (report.total.requests, report.total.cost, report.open_count) == (2, 3, 1)
    assert cost_by(ledger, "source", "tier") == {("h200", "standard"): 3}


def test_money_of_a_failed_attempt_counts_at_its_own_source(ledger: Ledger):
    ledger.book([reserve(), settle(cost=10_000, attempts=2, failed=(failed(cost=7_000),))])
    for by in (("source",), ("source", "tier")):
        costs = {group[0]: cost for group, cost in cost_by(ledger, *by).items()}
        assert costs == {"h200": 3_000, "openai": 7_000}
    assert total(ledger).cost == 10_000
    assert total(ledger, source="openai").requests == 0
    assert total(ledger).requests == 1


# --- sums --------------------------------------------------------------------------------------


def test_sums_pass_63_bits_of_pico_dollars_and_stay_exact(ledger: Ledger):
    most = 2**63 - 1
    names = [f"r{number}" for number in range(40)]
    ledger.book([reserve(name, amount=most) for name in names])
    assert ledger.usage(UsageQuery()).open_amount == 40 * most
    ledger.book([settle(name, cost=most) for name in names])
    for by in ((), ("day",), ("tag",), ("tenant", "source")):
        report = ledger.usage(UsageQuery(by=by))
        assert report.total.cost == 40 * most
        assert sum(row.totals.cost for row in report.rows) == 40 * most
    assert ledger.opening(NOON, 0.0).spent[0].month == 40 * most


_names = st.sampled_from(["a", "b", "c", "d", "e"])
_seconds = st.integers(0, 3 * 86_400).map(lambda offset: NOON + offset)
_failures = st.lists(
    st.builds(failed, st.integers(1, 3), cost=st.integers(0, 10**12)),
    max_size=2,
    unique_by=lambda attempt: attempt.attempt,
).map(tuple)
_items = st.one_of(
    st.builds(
        reserve,
        _names,
        amount=st.integers(0, 2**63 - 1),
        key=st.sampled_from(["k1", "k2"]),
        tag=st.sampled_from([None, "t1"]),
        utc=_seconds,
    ),
    st.builds(
        settle,
        _names,
        cost=st.integers(0, 2**63 - 1),
        source=st.sampled_from(["h200", "mi300x", None]),
        failed=_failures,
        utc=_seconds,
    ),
)


class Books:
    """The ledger's promise in a few lines: dictionaries, one item after the other."""

    def __init__(self) -> None:
        self.open: dict[str, Reserve] = {}
        self.settled: dict[str, tuple[Reserve | None, Settle]] = {}

    def book(self, batch: list[Reserve | Settle]) -> None:
        for item in sorted(batch, key=lambda item: isinstance(item, Settle)):
            if item.request in self.settled:
                continue
            if isinstance(item, Reserve):
                self.open.setdefault(item.request, item)
            else:
                self.settled[item.request] = (self.open.pop(item.request, None), item)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(_items, max_size=6), max_size=5))
def test_any_sequence_of_batches_leaves_what_one_item_at_a_time_would(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Reserve | Settle]]
):
    for opener in STORES.values():
        ledger, books = opener(tmp_path_factory.mktemp("books")), Books()
        for batch in batches:
            assert ledger.book(batch) == {}
            books.book(batch)
        report = ledger.usage(UsageQuery())
        assert report.open_count == len(books.open)
        assert report.open_amount == sum(item.amount for item in books.open.values())
        assert report.total.requests == len(books.settled)
        assert report.total.cost == sum(item.cost for _, item in books.settled.values())
        for key in ("k1", "k2"):
            mine = [s.cost for r, s in books.settled.values() if r is not None and r.key == key]
            assert total(ledger, key=key).cost == sum(mine)
        assert ledger.reconcile(NOON).amount == report.open_amount
        assert total(ledger).cost == report.total.cost + report.open_amount
        ledger.close()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    items=st.lists(_items, max_size=12),
    since=st.sampled_from([None, 0, 1]),
    until=st.sampled_from([None, 2, 3]),
)
def test_the_daily_roll_up_says_the_same_as_the_requests(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[Reserve | Settle],
    since: int | None,
    until: int | None,
):
    for opener in STORES.values():
        ledger = opener(tmp_path_factory.mktemp("rolled"))
        ledger.book(items)
        midnight = NOON - NOON % DAY
        first = None if since is None else midnight + since * DAY
        last = None if until is None else midnight + until * DAY
        by = ("day", "tenant", "key", "source", "model", "route")
        rolled_up = ledger.usage(UsageQuery(by=by, since=first, until=last))
        exact = ledger.usage(UsageQuery(by=(*by, "hour"), since=first, until=last))
        grouped: dict[tuple[str | None, ...], list[Totals]] = {}
        for row in exact.rows:
            grouped.setdefault(row.group[:-1], []).append(row.totals)
        assert {row.group: row.totals for row in rolled_up.rows} == {
            group: Totals.of(parts) for group, parts in grouped.items()
        }
        assert rolled_up.total == exact.total
        ledger.close()


# --- asking ------------------------------------------------------------------------------------


def test_usage_is_grouped_by_every_dimension(ledger: Ledger):
    ledger.book([reserve(tag="night"), settle()])
    (row,) = ledger.usage(UsageQuery(by=DIMENSIONS)).rows
    assert dict(zip(DIMENSIONS, row.group, strict=True)) == {
        "tenant": "demo",
        "key": "key00001",
        "model": "llama",
        "source": "h200",
        "route": "chat",
        "tag": "night",
        "day": "2027-01-15",
        "month": "2027-01",
        "hour": "2027-01-15T12:00Z",
        "operation": "chat",
        "tier": "standard",
        "outcome": "completed",
    }


def test_filters_take_any_text_as_a_value_and_never_as_sql(ledger: Ledger):
    hostile = "x' OR '1'='1"
    ledger.book([reserve("a"), settle("a"), reserve("b", tenant=hostile, tag=hostile), settle("b")])
    for name in ("tenant", "tag"):
        assert total(ledger, **{name: hostile}).requests == 1
    assert total(ledger, key=hostile).requests == 0


def test_a_bound_within_a_day_splits_it(ledger: Ledger):
    ledger.book([settle("a", utc=NOON), settle("b", utc=NOON + 60)])
    assert total(ledger, since=NOON + 60).requests == 1
    assert total(ledger, until=NOON + 60).requests == 1
    assert total(ledger, since=NOON, until=NOON).requests == 0


# --- opening -----------------------------------------------------------------------------------


def test_reconciling_settles_what_a_crash_left_at_the_reserved_amount(ledger: Ledger):
    ledger.book([reserve("a", amount=3), reserve("b", amount=4), reserve("c"), settle("c", cost=1)])
    reconciled = ledger.reconcile(NOON + 5)
    assert (reconciled.count, reconciled.amount) == (2, 7)
    report = ledger.usage(UsageQuery(tenant="demo"))
    assert (report.open_count, report.total.abandoned, report.total.estimated) == (0, 2, 2)
    assert report.total.cost == 8
    again = ledger.reconcile(NOON + 6)
    assert (again.count, again.amount) == (0, 0)


def test_a_late_settlement_of_an_abandoned_request_changes_nothing(ledger: Ledger):
    ledger.book([reserve(amount=3)])
    ledger.reconcile(NOON)
    ledger.book([settle(cost=100)])
    assert total(ledger).cost == 3


def test_opening_knows_the_money_of_the_current_day_and_month(ledger: Ledger):
    days = {"today": NOON, "earlier": NOON - 3 * DAY, "last_month": NOON - 40 * DAY}
    for name, utc in days.items():
        ledger.book([reserve(name, utc=utc), settle(name, cost=10, utc=utc)])
    opening = ledger.opening(NOON, 1_000.0)
    assert opening.utc_offset == NOON - 1_000.0
    (spent,) = opening.spent
    assert (spent.key, spent.tenant, spent.day, spent.month) == ("key00001", "demo", 10, 20)


# --- keys --------------------------------------------------------------------------------------


def record(key: str = "key00001", **changes: object) -> KeyRecord:
    terms = KeyTerms(
        key,
        "demo",
        Limits(60, 1000, None),
        Budget(PicoDollars(10**12), None, PicoDollars(5)),
        "batch",
        ("chat", "code"),
    )
    values: dict[str, object] = {"name": "ci", "digest": b"\1" * 32, "created": NOON, **changes}
    return KeyRecord(terms, **values)  # pyright: ignore[reportArgumentType]


def test_a_key_is_kept_with_all_its_terms(ledger: Ledger):
    kept = record(expires=NOON + 60.5)
    ledger.add_key(kept)
    assert ledger.keys() == (kept,)
    bare = KeyRecord(KeyTerms("key00002", "demo"), "bare", b"\2" * 32, NOON + 1)
    ledger.add_key(bare)
    assert ledger.keys() == (kept, bare)


def test_a_revoked_key_is_listed_and_not_opened_with_and_its_money_still_counts(ledger: Ledger):
    ledger.add_key(record())
    ledger.book([reserve(), settle(cost=10)])
    assert len(ledger.opening(NOON, 0.0).keys) == 1
    assert ledger.revoke_key("key00001", NOON)
    assert ledger.revoke_key("key00001", NOON + 9)
    assert ledger.keys()[0].revoked == NOON
    opening = ledger.opening(NOON, 0.0)
    assert (opening.keys, opening.spent[0].month) == ((), 10)
    assert not ledger.revoke_key("nobody", NOON)


def test_only_a_change_of_keys_moves_the_keys_version(ledger: Ledger):
    versions = [ledger.keys_version()]
    ledger.add_key(record())
    versions.append(ledger.keys_version())
    ledger.book([reserve(), settle()])
    assert ledger.keys_version() == versions[-1]
    ledger.revoke_key("key00001", NOON)
    versions.append(ledger.keys_version())
    assert len(set(versions)) == 3


def test_timings_are_of_requests_that_ended_well_at_once_with_stated_usage(ledger: Ledger):
    ledger.book(
        [
            settle("late", utc=NOON + 9.0),
            settle("first"),
            settle("again", attempts=2),
            settle("cut", outcome="failed"),
            settle("guessed", usage=Usage(input=1, output=1, estimated=True)),
            settle("silent", ttft=None),
        ]
    )
    first, late = ledger.timings()
    assert (first.arrived, late.arrived) == (NOON - 1.5, NOON + 7.5)
    assert (first.source, first.model, first.ttft, first.duration) == ("h200", "llama", 0.25, 1.5)
    assert (first.input, first.cached_input, first.output) == (100, 40, 50)


def test_what_was_heard_is_what_arrived_in_a_period_with_the_tokens_of_whole_answers(
    ledger: Ledger,
):
    ledger.book(
        [
            *(
                reserve(name, utc=NOON + at)
                for name, at in (("b", 5.0), ("a", 1.0), ("late", 60.0))
            ),
            settle("a", utc=NOON + 9.0),
            settle("b", utc=NOON + 8.0, outcome="failed"),
            settle("late", utc=NOON + 70.0),
            settle("never reserved", utc=NOON + 9.0),
        ]
    )
    first, second = ledger.heard(NOON, NOON + 60.0)
    assert (first.utc, second.utc) == (NOON + 1.0, NOON + 5.0)
    assert (first.input, first.output, first.route) == (100, 50, reserve("a").route)
    assert (second.input, second.output) == (100, None)


def test_the_last_answers_of_a_model_are_added_up(ledger: Ledger):
    assert ledger.lately("llama", 10) is None
    for n, changes in enumerate(
        (
            {},
            {"usage": Usage(input=300, cached_input=0, output=150)},
            {"model": "other"},
            {"outcome": "cancelled"},
            {"usage": Usage(input=9, output=9, estimated=True)},
        )
    ):
        at = NOON + 10.0 * n
        ledger.book([reserve(f"r{n}", utc=at)])
        ledger.book([settle(f"r{n}", utc=at + 1.5, **changes)])
    found = ledger.lately("llama", 10)
    assert found is not None
    assert (found.requests, found.input, found.cached_input, found.output) == (2, 400, 40, 200)
    assert (found.since, found.until, found.busy) == (NOON, NOON + 10.0, 3.0)
    assert (found.rate, found.users) == (0.1, 0.3)
    only = ledger.lately("llama", 4)
    assert only is not None
    assert only.requests == 1, "of the last four, one is whole and of that model"
    assert (only.rate, only.users) == (None, None)
