"""Edges that a mutation of the code showed to be untested."""

from datetime import UTC, datetime

from dispatch_fleets import Caller, fleet_of, key, source

from tollway.dispatch.accounts import Account, Calendar, KeyAccount
from tollway.dispatch.messages import BreakerMoved, WakeAt
from tollway.fleet.objects import Budget, Limits
from tollway.policy.quantile import BINS, bin_of
from tollway.units import UtcSeconds

DOLLAR = 10**12
START = 1_790_000_000.0
"""The UTC of `now` 0 in `Caller`: 2026-09-21T14:13:20Z."""
MIDNIGHT = 86_400 - START % 86_400
TWO = [source("a", 9001), source("b", 9002)]
ORDERED = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'


def test_a_request_that_could_never_pass_is_a_429_without_a_time() -> None:
    world = Caller(fleet_of([source("a")]), key(tpm=50))
    refused = world.rejected[world.arrive(input_tokens=100)]
    assert (refused.status, refused.retry_after) == (429, None)


def test_a_spent_budget_is_waited_for_until_midnight_though_others_still_run() -> None:
    world = Caller(fleet_of([source("a")]), key(day=DOLLAR // 1000))
    first, second = world.arrive(input_tokens=100), world.arrive(input_tokens=100)
    world.finish(first, input=1000, output=0)  # exactly the budget
    assert second in world.sent
    refused = world.rejected[world.arrive(input_tokens=1)]
    assert refused.status == 402
    assert refused.retry_after == MIDNIGHT


def test_a_typical_answer_is_the_median() -> None:
    account = KeyAccount(key(), Account("t", Limits(), Budget()))
    for at in range(100):
        account.learn_output("m", 50 if at < 60 else 5000, float(at))
    typical = account.typical_output("m")
    assert typical is not None
    assert 40 <= typical <= 60


def test_an_answer_that_outgrows_its_hold_after_midnight_takes_from_the_new_day() -> None:
    world = Caller(fleet_of([source("a")]), key(day=DOLLAR // 1000))
    spent, running = world.arrive(), world.arrive()
    world.content(running)
    world.finish(spent, input=700, output=0)
    world.pass_time(MIDNIGHT + 1.0)
    world.progress(running, 300)  # 0.0006 USD, which yesterday had no room for
    assert running not in world.aborted


def test_a_new_year_begins_a_new_month() -> None:
    calendar = Calendar(0.0)
    calendar.at(datetime(2026, 12, 31, 23, 59, tzinfo=UTC).timestamp())
    december = calendar.month
    calendar.at(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    assert calendar.month == december + 1


def test_the_row_of_a_request_that_failed_everywhere_names_the_last_source_tried() -> None:
    world = Caller(fleet_of(TWO, ORDERED))
    request = world.arrive()
    world.fail(request)
    world.fail(request)
    assert world.settled[request].source == "b"


def test_an_open_breaker_says_when_to_come_back_and_why_it_is_open() -> None:
    rest = '[breaker]\nmin_samples = 1\nopen_for = "30s"'
    world = Caller(fleet_of([source("a")], rest=rest))
    world.fail(world.arrive(), status=500)
    [moved] = [action for action in world.log if isinstance(action, BreakerMoved)]
    assert "status 500" in moved.why
    refused = world.rejected[world.arrive()]
    assert refused.retry_after is not None
    assert refused.retry_after > 20.0


def test_a_source_that_a_reload_removed_ends_its_requests_while_others_wait() -> None:
    both = fleet_of([source("a", 9001, slots=1), source("b", 9002, slots=1)])
    world = Caller(both)
    first, second, waiting = (world.arrive() for _ in range(3))
    assert waiting not in world.sent
    gone, left = (first, second) if world.source_of(first) == "b" else (second, first)
    world.do(world.dispatcher.adopt(fleet_of([source("a", 9001, slots=1)]), world.now))
    world.finish(gone)
    assert waiting not in world.sent
    world.finish(left)
    assert world.source_of(waiting) == "a"


def test_a_reload_that_adds_slots_is_felt_at_once() -> None:
    world = Caller(fleet_of([source("a", slots=1)]))
    world.arrive()
    waiting = world.arrive()
    assert waiting not in world.sent
    world.do(world.dispatcher.adopt(fleet_of([source("a", slots=2)]), world.now))
    assert waiting in world.sent


def test_a_price_holds_from_its_very_minute_on() -> None:
    prices = (
        'prices = [{ since = 2020-01-01, input = "1", output = "1" }, '
        '{ since = 2020-01-01, hours = "16:30-00:30", input = "2", output = "2" }]'
    )
    text = source("a").replace(
        'prices = [{ since = 2020-01-01, input = "1.00", output = "2.00" }]', prices
    )
    world = Caller(fleet_of([text]))
    pair = world.dispatcher._placing.sources.by_name["a"].pairs["m"]
    midnight = START - START % 86_400
    for day in range(70):
        change = midnight + day * 86_400 + 16.5 * 3600
        before = pair.price("standard", UtcSeconds(change - 1))
        after = pair.price("standard", UtcSeconds(change))
        assert before is not None
        assert after is not None
        assert (before.input, after.input) == (1_000_000, 2_000_000)


def test_what_is_declared_of_a_source_counts_until_it_is_measured() -> None:
    slow = 'expected_ttft = "5s"\nexpected_speed = 10.0'
    quick = 'expected_ttft = "100ms"\nexpected_speed = 200.0'
    world = Caller(
        fleet_of(
            [source("a", 9001, serves=slow), source("b", 9002, serves=quick)],
            'model = "m"\nobjectives = ["fastest"]',
        )
    )
    assert world.source_of(world.arrive()) == "b"


def test_a_wake_is_asked_for_ahead_and_not_at_once() -> None:
    rest = '[timeouts]\nfirst_content = "9s"\n[breaker]\nttft_deadline = "6s"'
    world = Caller(fleet_of([source("a", slots=1)], rest=rest))
    for _ in range(3):
        world.pass_time(1.0)
        world.arrive()
        wakes = [action for action in world.log if isinstance(action, WakeAt)]
        assert all(wake.when > world.now for wake in wakes)
        world.log.clear()


def test_any_value_has_a_bin() -> None:
    assert 0 <= bin_of(1e-300) <= bin_of(1.0) < bin_of(1e300) < BINS


def test_the_earlier_of_two_deadlines_is_woken_for() -> None:
    rest = '[timeouts]\nfirst_content = "2s"\n[breaker]\nttft_deadline = "30s"'
    world = Caller(fleet_of([source("a")], rest=rest))
    request = world.arrive()
    world.pass_time(2.5)
    assert world.aborted[request].kind == "late"


def test_too_many_requests_a_minute_are_a_429_with_a_time() -> None:
    world = Caller(fleet_of([source("a")]), key(rpm=1))
    world.arrive()
    refused = world.rejected[world.arrive()]
    assert refused.status == 429
    assert refused.retry_after is not None


def test_too_many_requests_at_a_time_are_a_429_too() -> None:
    world = Caller(fleet_of([source("a")]), key(concurrency=1))
    world.arrive()
    assert world.rejected[world.arrive()].status == 429


def test_an_answer_that_ends_in_the_clocks_very_tick_is_a_fast_one() -> None:
    world = Caller(fleet_of([source("a")]), key())
    request = world.arrive()
    world.content(request)
    world.pass_time(5e-324)  # the shortest time there is; a speed over it is infinite
    world.finish(request)
    assert world.settled[request].outcome == "completed"
