"""What a refusal says: status, code, words, and when to come back."""

from datetime import UTC, datetime

import pytest
from dispatch_fleets import Caller, fleet_of, key, source

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import BreakerMoved, ClockSet
from tollway.dispatch.opening import Opening, Spent
from tollway.fleet.objects import Budget, KeyTerms, Limits
from tollway.fleet.parse import parse
from tollway.units import PicoDollars

START = 1_790_000_000.0
"""The UTC of `now` 0 in `Caller`: 2026-09-21T14:13:20Z."""
ONE = 'model = "m"\ncandidates = ["a"]'


def monthly(amount: int) -> KeyTerms:
    return KeyTerms("k", "t", Limits(), Budget(None, PicoDollars(amount)))


@pytest.mark.parametrize(
    ("utc", "until"),
    [
        (datetime.fromtimestamp(START, UTC), datetime(2026, 10, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, 12, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_spent_month_is_waited_for_until_the_next_one(utc: datetime, until: datetime) -> None:
    world = Caller(fleet_of([source("a")]), monthly(10**9))
    world.tell(ClockSet(utc.timestamp()))
    world.finish(world.arrive(), input=1000, output=0)
    refused = world.rejected[world.arrive()]
    assert (refused.status, refused.code) == (402, "budget_month")
    assert refused.retry_after == until.timestamp() - utc.timestamp()


def test_what_was_spent_before_the_start_counts_for_key_and_tenant() -> None:
    fleet = fleet_of([source("a")], tenant='budget = { month = "0.01" }')
    for who, spent in (("k", 10**9), ("revoked", 10**10)):
        world = Caller(fleet)
        start = Opening((monthly(10**9),), START, (Spent(who, "t", 0, spent),))
        world.dispatcher = Dispatcher(fleet, start, 0.0)
        assert world.rejected[world.arrive()].code == "budget_month"


def test_a_key_of_a_tenant_that_the_fleet_does_not_declare_is_refused_in_words() -> None:
    world = Caller(fleet_of([source("a")]), key(), KeyTerms("x", "gone"))
    refused = world.rejected[world.arrive(key="x")]
    assert (refused.status, refused.code) == (403, "tenant_unknown")
    assert '"gone"' in refused.message


def test_who_waits_for_a_route_that_a_reload_removed_is_told_that_it_is_gone() -> None:
    text = (
        "version = 1\n[models.m]\n" + source("a", slots=1) + "[routes.{}]\nmodel='m'\n[tenants.t]"
    )
    before, after = (parse({"f": text.replace("{}", name)}, "f") for name in ("r", "other"))
    world = Caller(before)
    world.arrive()
    waiting = world.arrive()
    world.do(world.dispatcher.adopt(after, world.now))
    assert (world.rejected[waiting].status, world.rejected[waiting].code) == (
        404,
        "model_not_found",
    )


def test_when_no_source_can_be_asked_each_is_named_with_its_reason() -> None:
    rest = '[breaker]\nmin_samples = 1\nopen_for = "30s"\n[retry]\nmin_per_second = 10.0'
    both = [source("a", 9001), source("b", 9002)]
    world = Caller(fleet_of(both, 'model = "m"\ncandidates = ["a", "b"]', rest=rest))
    first = world.arrive()
    world.fail(first, status=429, retry_after=90.0)
    rested, broken = ("a", "b") if world.source_of(first) == "b" else ("b", "a")
    world.fail(first, status=500)
    refused = world.rejected[world.arrive()]
    assert (refused.status, refused.code) == (503, "no_healthy_source")
    assert f"{rested} (asked for a rest)" in refused.message
    assert f"{broken} (breaker open)" in refused.message


def test_a_fault_of_ours_is_not_said_of_the_source() -> None:
    world = Caller(fleet_of([source("a")], ONE, rest="[breaker]\nmin_samples = 1"))
    request = world.arrive()
    world.fail(request, "internal")
    assert (world.rejected[request].status, world.rejected[request].code) == (
        502,
        "gateway_failed",
    )
    assert world.breaker("a") == "closed"


def test_an_answer_that_is_late_everywhere_is_a_504() -> None:
    world = Caller(fleet_of([source("a")], ONE, rest='[timeouts]\nfirst_content = "3s"'))
    world.pass_time(1.0)
    request = world.arrive()
    world.pass_time(3.0)
    assert world.aborted[request].detail == "no content after 3.0 s"
    world.fail(request, "late")
    assert (world.rejected[request].status, world.rejected[request].code) == (504, "upstream_late")


def test_a_plain_answer_has_the_total_time_for_its_first_byte_and_its_last() -> None:
    rest = '[timeouts]\nfirst_content = "1s"\ntotal = "4s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    request = world.arrive(stream=False)
    world.pass_time(3.9)
    assert request not in world.aborted
    world.pass_time(0.2)
    assert world.aborted[request].kind == "too_long"


def test_a_breaker_that_a_slow_stream_opens_is_announced() -> None:
    rest = '[breaker]\nmin_samples = 1\nmin_speed = 5.0\nspeed_window = "3s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    request = world.arrive()
    world.content(request)
    world.pass_time(3.0)
    world.progress(request, 1)
    [moved] = [action for action in world.log if isinstance(action, BreakerMoved)]
    assert moved.state == "open"
    assert "under the floor of 5" in moved.why


def test_an_operator_sees_what_each_account_holds_and_has_spent() -> None:
    world = Caller(fleet_of([source("a")]), key(day=10**12))
    world.finish(world.arrive(), input=100, output=10)
    world.arrive(input_tokens=100)
    accounts = world.dispatcher.snapshot(world.now)["accounts"]
    spent = 100 * 1_000_000 + 10 * 2_000_000
    for account in accounts.values():  # type: ignore[attr-defined]
        assert account["running"] == 1
        assert account["held"] > 0
        assert (account["settled_day"], account["settled_month"]) == (spent, spent)
    assert len(accounts) == 2  # type: ignore[arg-type]
