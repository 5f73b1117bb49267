"""What a request cost, line by line: the lines add up to what was booked, whatever was asked."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dispatch_fleets import Caller, fleet_of, source
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_records import NOON, failed, reserve, settle

from tollway.console.requests.arithmetic import Part, difference, parts, price_words
from tollway.dispatch.messages import Cancelled, Failed, Finished
from tollway.fleet.objects import Fleet
from tollway.fleet.usage import Usage
from tollway.ledger.search import Whole
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway
from tollway.ledger.sqlite_search import one

PRICED = """
[[sources.a.serves.m.prices]]
since = 2020-01-01
input = "1.25"
cached_input = "0.125"
cache_write = "1.5625"
output = "10"
[[sources.a.serves.m.prices]]
since = 2020-01-01
tier = "batch"
input = "0.625"
output = "5"
[[sources.a.serves.m.prices]]
since = 2020-01-01
tier = "priority"
input = "2.5"
cached_input = "0.0375"
output = "20"
request = "0.0035"
[sources.b]
kind = "server"
url = "http://127.0.0.1:9003/v1"
[sources.b.serves.m]
prices = [{ since = 2020-01-01, input = "0", output = "0", request = "0.01" }]
[sources.c]
kind = "server"
url = "http://127.0.0.1:9004/v1"
[sources.c.serves.m]
[sources.d]
kind = "server"
url = "http://127.0.0.1:9005/v1"
[sources.d.serves.m]
prepaid = 100_000_000
prices = [{ since = 2020-01-01, input = "7", output = "7" }]
"""
ORDER = ("a", "b", "c", "d")
NUMBERS = count()


def fleet() -> Fleet:
    text = source("a", 9002)
    head, _, _ = text.partition("prices = ")
    route = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b", "c", "d"]'
    return fleet_of([head + PRICED], route)


def whole_of(ledger: SqliteLedger, caller: Caller, request: str) -> Whole:
    """As the ledger has it after all that dispatch had it book."""
    name = f"n{next(NUMBERS)}"
    reserved, settled = caller.reserved[request], caller.settled[request]
    ledger.book([
        reserve(name, utc=reserved.utc, amount=reserved.amount),
        settle(name, **{field: getattr(settled, field)
                        for field in settled.__struct_fields__ if field != "request"}),
    ])  # fmt: skip
    found = ledger.ask(lambda db: one(db, name))
    assert isinstance(found, Whole)
    return found


def must_add_up(whole: Whole, found: tuple[Part, ...]) -> None:
    for part in found:
        assert sum(item.count * item.price for item in part.items) == part.priced
        assert part.priced + part.rest == part.booked
    assert sum(part.booked for part in found) == whole.line.cost


COUNTS = st.integers(0, 5_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, written, fresh = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    output = draw(COUNTS)
    reasoning = draw(st.integers(0, output))
    return Usage(fresh + cached + written, cached, written, output, reasoning, draw(st.booleans()))


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tier=st.sampled_from([None, "standard", "flex", "batch", "priority"]),
    failures=st.lists(usages(), max_size=4),
    last=usages(),
    end=st.sampled_from(["completed", "failed", "cancelled"]),
)
def test_the_lines_add_up_to_what_dispatch_booked(
    tmp_path: Path, tier: object, failures: list[Usage], last: Usage, end: str
) -> None:
    declared = fleet()
    caller = Caller(declared)
    request = caller.arrive(tier=tier)  # type: ignore[arg-type]
    for usage in failures:
        if request in caller.settled:
            break
        caller.pass_time(0.25)
        caller.fail(request, status=503, usage=usage)
    if request not in caller.settled:
        attempt = caller.sent[request].attempt
        if end == "completed":
            caller.content(request)
            caller.tell(Finished(request, attempt, last))
        elif end == "failed":
            caller.content(request)
            caller.tell(Failed(request, attempt, "cut", last))
        else:
            caller.tell(Cancelled(request, last))
    with closing(open_for_gateway(tmp_path / f"{next(NUMBERS)}.sqlite")) as ledger:
        whole = whole_of(ledger, caller, request)
    found = parts(declared, whole)
    must_add_up(whole, found)
    # By the very file that was in force nothing is left over but what prepaid tokens covered.
    assert all(part.rest == 0 or " at d" in part.title for part in found)
    assert sum("failed: " in part.title for part in found) == len(whole.failed)
    changed = replace(declared, sources={"a": _dearer(declared)})
    must_add_up(whole, parts(changed, whole))


DAYS = """prices = [
  { since = 2020-01-01, input = "1", output = "2" },
  { since = 2020-01-01, hours = "12:00-18:00", input = "3", output = "6" },
]
"""


def of_day() -> Fleet:
    return fleet_of([source("a", 9002).partition("prices = ")[0] + DAYS])


def settled(ledger: SqliteLedger, **changes: Any) -> Whole:
    ledger.book([reserve(utc=NOON - 5.0), settle(source="a", model="m", **changes)])
    found = ledger.ask(lambda db: one(db, "r1"))
    assert isinstance(found, Whole)
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(open_for_gateway(tmp_path / "ledger.sqlite")) as opened:
        yield opened


def test_where_the_file_has_lost_its_price_nothing_says_that_it_cost_nothing(
    ledger: SqliteLedger,
) -> None:
    later = fleet_of([source("a", 9002).replace("2020-01-01", "2030-01-01")])
    whole = settled(ledger, cost=1_234_567)
    (part,) = parts(later, whole)
    assert (part.booked, part.rest, part.items) == (1_234_567, 1_234_567, ())
    assert "declares no price for that moment" in part.words
    assert "$0.000001234567 were booked" in part.words
    assert "cost nothing" not in part.words


def test_without_a_price_then_and_now_it_is_said_to_have_cost_nothing(
    ledger: SqliteLedger,
) -> None:
    free = fleet_of([source("a", 9002).replace("2020-01-01", "2030-01-01")])
    (part,) = parts(free, settled(ledger, cost=0))
    assert (part.booked, part.rest) == (0, 0)
    assert part.words == "No price is declared for that moment: it cost nothing."


def test_a_failed_attempt_has_the_price_before_a_change_of_hours_that_fell_into_the_request(
    ledger: SqliteLedger,
) -> None:
    usage, before, after = Usage(input=100, output=3), 106 * 10**6, 3 * 106 * 10**6
    tried = failed(source="a", model="m", usage=usage, cost=before, duration=0.5)
    whole = settled(ledger, usage=usage, cost=before + after, attempts=2, failed=(tried,), utc=NOON)
    first, last = parts(of_day(), whole)
    assert (first.rest, last.rest) == (0, 0)
    assert (first.items[0].price, last.items[0].price) == (10**6, 3 * 10**6)
    must_add_up(whole, (first, last))


def test_a_request_whose_every_attempt_failed_has_no_attempt_twice(ledger: SqliteLedger) -> None:
    tried = failed(source="a", model="m", usage=Usage(), cost=0)
    whole = settled(
        ledger, usage=Usage(), cost=0, attempts=1, failed=(tried,), outcome="failed", ttft=None
    )
    (part,) = parts(of_day(), whole)
    assert part.title == "Attempt 1, failed: m at a"
    assert "used nothing" in part.words


def test_a_request_that_was_refused_while_it_waited_has_no_parts(ledger: SqliteLedger) -> None:
    ledger.book([
        reserve(),
        settle(source=None, model=None, usage=Usage(), cost=0, attempts=0, outcome="refused",
               ttft=None),
    ])  # fmt: skip
    whole = ledger.ask(lambda db: one(db, "r1"))
    assert isinstance(whole, Whole)
    assert parts(of_day(), whole) == ()


def test_what_a_crash_cut_off_is_what_was_reserved(ledger: SqliteLedger) -> None:
    whole = settled(ledger, outcome="abandoned", cost=3_000_000, ttft=None)
    (part,) = parts(of_day(), whole)
    assert part.booked == part.rest == 3_000_000
    assert "what was reserved is booked" in part.words


def test_what_came_to_more_than_was_reserved_says_why(ledger: SqliteLedger) -> None:
    whole = settled(ledger, cost=5_000_000, attempts=2)
    words = difference(whole.line)
    assert words is not None
    assert "$0.000003 were reserved, $0.000002 less" in words
    assert "another source" in words


def test_a_tier_without_a_price_of_its_own_is_said_to_have_the_standard_one() -> None:
    price = fleet().sources["a"].serves["m"].prices[0]
    assert price_words(price, "flex").startswith("flex tier has no price of its own: standard")
    assert price_words(price, "standard") == "standard price, in force since 2020-01-01"


def _dearer(declared: Fleet) -> object:
    a = declared.sources["a"]
    serving = a.serves["m"]
    prices = tuple(replace(price, input=price.input + 1) for price in serving.prices)
    return replace(a, serves={"m": replace(serving, prices=prices)})
