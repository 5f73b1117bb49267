"""What attempts teach: about a source's health, its speed, and the length of answers."""

import pytest
from dispatch_fleets import Caller, fleet_of, key, opening, source

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import Arrived, Drill
from tollway.dispatch.recording import encode_adopted, encode_header, encode_step, verify
from tollway.fleet.parse import parse

ONE = 'model = "m"\ncandidates = ["a"]'
TWO = [source("a", 9001), source("b", 9002)]
QUICK = "[retry]\nmin_per_second = 100.0\n"


def failed(world: Caller) -> None:
    world.fail(world.arrive(), status=500)


def test_a_stream_that_stays_slow_counts_once() -> None:
    rest = '[breaker]\nmin_samples = 2\nmin_speed = 5.0\nspeed_window = "3s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    request = world.arrive()
    world.content(request)
    for tokens in (1, 2, 3):
        world.pass_time(3.0)
        world.progress(request, tokens)
    world.fail(request, "cut")
    assert world.breaker("a") == "closed"
    failed(world)
    assert world.breaker("a") == "open"


def test_an_attempt_past_its_ttft_deadline_counts_once_though_it_fails_too() -> None:
    rest = '[breaker]\nmin_samples = 2\nttft_deadline = "2s"\n[timeouts]\nfirst_content = "3s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    request = world.arrive()
    world.pass_time(3.0)
    world.fail(request, "late")
    assert world.breaker("a") == "closed"
    failed(world)
    assert world.breaker("a") == "open"


def test_a_probe_that_its_client_leaves_makes_room_for_the_next_one() -> None:
    rest = '[breaker]\nmin_samples = 1\nopen_for = "5s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    failed(world)
    world.pass_time(5.0)
    assert world.breaker("a") == "half_open"
    for _ in range(3):
        probe, refused = world.arrive(), world.arrive()
        assert probe in world.sent
        assert refused in world.rejected
        world.cancel(probe)
    probe = world.arrive()
    world.content(probe)
    world.finish(probe)
    assert world.breaker("a") == "closed"


def test_a_source_that_came_back_is_not_judged_by_what_was_before() -> None:
    rest = '[breaker]\nmin_samples = 3\nopen_for = "5s"\nwindow = "600s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    for _ in range(3):
        failed(world)
    assert world.breaker("a") == "open"
    world.pass_time(5.0)
    world.finish(world.arrive())
    for _ in range(2):
        failed(world)
    assert world.breaker("a") == "closed"


@pytest.mark.parametrize(("gap", "state"), [(4.0, "open"), (6.0, "closed")])
def test_failures_count_together_within_the_window_and_no_longer(gap: float, state: str) -> None:
    rest = '[breaker]\nmin_samples = 3\nwindow = "10s"\nspeed_window = "1s"'
    world = Caller(fleet_of([source("a")], ONE, rest=rest))
    for _ in range(3):
        failed(world)
        world.pass_time(gap)
    assert world.breaker("a") == state


def test_a_reload_that_leaves_the_breaker_alone_forgets_no_failure() -> None:
    fleet = fleet_of([source("a")], ONE, rest="[breaker]\nmin_samples = 3")
    world = Caller(fleet)
    failed(world)
    failed(world)
    world.do(world.dispatcher.adopt(fleet, world.now))
    failed(world)
    assert world.breaker("a") == "open"


def test_a_price_that_a_reload_changes_holds_at_once() -> None:
    world = Caller(fleet_of([source("a")]))
    world.finish(world.arrive(), input=10, output=0)
    world.do(world.dispatcher.adopt(fleet_of([source("a", input_price="3.00")]), world.now))
    world.finish(world.arrive(), input=10, output=0)
    assert [settled.cost for settled in world.settled.values()] == [10_000_000, 30_000_000]


def test_the_time_to_a_first_token_is_learned_from_streams() -> None:
    world = Caller(fleet_of([source("a")]))
    request = world.arrive()
    world.pass_time(2.0)
    world.content(request)
    told = world.dispatcher.snapshot(world.now)["sources"]["a"]["models"]["m"]  # type: ignore[index]
    assert told["ttft_p50"] == pytest.approx(2.0, rel=0.1)


def test_a_request_for_several_answers_is_expected_to_be_as_long_as_all_of_them() -> None:
    world = Caller(fleet_of([source("a")]), key(day=10**12))
    for _ in range(20):
        world.finish(world.arrive(), output=50)
    one, four = world.arrive(), world.arrive(choices=4)
    assert 4 * world.reserved[one].output_tokens == world.reserved[four].output_tokens


def test_a_source_without_a_stated_context_takes_any_length() -> None:
    unbounded = source("a", 9001).replace("context = 100000\n", "")
    short = source("b", 9002).replace("context = 100000", "context = 500")
    world = Caller(fleet_of([short, unbounded]))
    for _ in range(4):
        assert world.source_of(world.arrive(input_tokens=200_000)) == "a"


def test_a_source_that_misses_the_routes_slo_is_not_the_cheapest() -> None:
    slow = source("a", 9001, input_price="0.10", serves='expected_ttft = "5s"')
    good = source("b", 9002, serves='expected_ttft = "100ms"')
    route = 'model = "m"\nobjectives = ["cheapest"]\nslo = { ttft = "1s" }'
    world = Caller(fleet_of([slow, good], route))
    assert world.source_of(world.arrive()) == "b"


def test_the_class_of_a_tenant_holds_for_its_keys() -> None:
    world = Caller(fleet_of([source("a", slots=1)], tenant='class = "batch"'))
    world.arrive()
    world.arrive()
    assert world.dispatcher.snapshot(world.now)["waiting"] == {"interactive": 0, "batch": 1}


def test_a_recorded_reload_is_decided_the_same_by_a_fresh_dispatcher() -> None:
    text = "version = 1\n[models.m]\n{}[routes.r]\nmodel = 'm'\n[tenants.t]\n"
    one, two = ({"f": text.format(source("a", slots=slots))} for slots in (1, 2))
    dispatcher = Dispatcher(parse(one, "f"), opening(key()), 0.0)
    lines = [encode_header(one, "f", opening(key()), 0.0)]
    arrived = Arrived("q", "k", "r", "chat", True, 10, None, 0, 0, None, None)
    lines.append(encode_step(1.0, arrived, dispatcher.handle(arrived, 1.0)))
    lines.append(encode_adopted(2.0, two, "f", dispatcher.adopt(parse(two, "f"), 2.0)))
    assert verify(lines, parse) == (1, None)


def test_each_drill_counts_its_own_requests_from_none() -> None:
    world = Caller(fleet_of(TWO))
    for _ in range(2):
        world.tell(Drill("a", 1.0, 60.0))
        for count in range(3):
            assert world.dispatcher.snapshot(world.now)["drill"]["requests"] == count  # type: ignore[index]
            assert world.source_of(world.arrive()) == "b"
