"""Fallback until content, explicit errors after it, and never more load in an outage."""

from dispatch_fleets import Caller, fleet_of, key, source

from tollway.dispatch.messages import BreakerMoved
from tollway.fleet.usage import Usage

TWO = [source("a", 9001), source("b", 9002)]
ORDERED = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'


def caller(route: str = ORDERED, rest: str = "") -> Caller:
    return Caller(fleet_of(TWO, route, rest=rest), key())


def test_a_failure_before_content_is_tried_at_the_fallback() -> None:
    world = caller()
    request = world.arrive()
    assert world.source_of(request) == "a"
    world.fail(request, status=500)
    assert world.source_of(request) == "b"
    world.content(request)
    world.finish(request)
    settled = world.settled[request]
    assert settled.outcome == "completed"
    assert settled.attempts == 2
    assert [failed.source for failed in settled.failed] == ["a"]


def test_a_failure_after_content_ends_in_an_explicit_error() -> None:
    world = caller()
    request = world.arrive()
    world.content(request)
    world.fail(request, "cut", usage=Usage(input=100, output=3))
    assert world.broken_off[request].code == "upstream_cut"
    assert world.sent[request].attempt == 1
    assert world.settled[request].outcome == "failed"
    assert world.settled[request].cost == 100 * 1_000_000 + 3 * 2_000_000


def test_the_clients_own_fault_is_relayed_and_not_retried() -> None:
    world = caller()
    request = world.arrive()
    world.fail(request, status=400)
    assert request in world.relayed
    assert world.sent[request].attempt == 1
    assert world.settled[request].code == "upstream_status"
    assert world.breaker("a") == "closed"


def test_when_every_source_has_failed_the_client_is_told_so_once() -> None:
    world = caller()
    request = world.arrive()
    world.fail(request, status=500)
    world.fail(request, "refused")
    assert world.rejected[request].status == 502
    assert world.rejected[request].code == "upstream_refused"
    assert world.settled[request].outcome == "failed"
    assert world.settled[request].cost == 0


def test_a_429_rests_the_pair_for_as_long_as_it_asked() -> None:
    world = caller()
    first = world.arrive()
    world.fail(first, status=429, retry_after=5.0)
    assert world.source_of(first) == "b"
    second = world.arrive()
    assert world.source_of(second) == "b"
    world.pass_time(5.1)
    third = world.arrive()
    assert world.source_of(third) == "a"
    assert world.breaker("a") == "closed"


def test_a_short_rest_of_the_only_source_is_waited_out() -> None:
    world = caller('model = "m"\ncandidates = ["a"]')
    request = world.arrive()
    world.fail(request, status=429, retry_after=2.0)
    assert request not in world.rejected
    world.pass_time(1.9)
    assert world.sent[request].attempt == 1
    world.pass_time(0.2)
    assert world.sent[request].attempt == 2


def test_a_long_rest_of_the_only_source_is_told_to_the_client() -> None:
    world = caller('model = "m"\ncandidates = ["a"]')
    request = world.arrive()
    world.fail(request, status=429, retry_after=60.0)
    assert world.rejected[request].status == 429
    assert world.rejected[request].retry_after == 60.0


def test_no_content_in_time_is_aborted_and_tried_elsewhere() -> None:
    world = caller(rest='[timeouts]\nfirst_content = "3s"')
    request = world.arrive()
    world.pass_time(3.0)
    assert world.aborted[request].kind == "late"
    world.fail(request, "late")
    assert world.source_of(request) == "b"


def test_the_routes_deadline_ends_a_request_that_has_no_content() -> None:
    world = caller(ORDERED + '\ndeadline = "5s"', rest='[timeouts]\nfirst_content = "3s"')
    request = world.arrive()
    world.pass_time(3.0)
    world.fail(request, "late")
    world.pass_time(2.0)
    world.fail(request, "late")
    assert world.rejected[request].status == 504
    assert world.rejected[request].code == "deadline_exceeded"
    assert world.outstanding("a") == world.outstanding("b") == 0


def test_an_outage_never_multiplies_load() -> None:
    world = caller(
        rest="[retry]\nratio = 0.1\nmin_per_second = 0.1\n[breaker]\nmin_samples = 100000"
    )
    for _ in range(1000):
        request = world.arrive()
        world.fail(request, status=500)
        if world.source_of(request) == "b" and request not in world.settled:
            world.fail(request, status=500)
    attempts = sum(settled.attempts for settled in world.settled.values())
    assert 1000 < attempts < 1000 * 1.1 + 20
    assert {rejected.code for rejected in world.rejected.values()} == {
        "upstream_status",
        "retry_budget",
    }


def test_an_open_breaker_sends_new_requests_elsewhere_and_one_probe_closes_it() -> None:
    world = caller(rest='[breaker]\nmin_samples = 3\nopen_for = "10s"')
    for _ in range(3):
        request = world.arrive()
        assert world.source_of(request) == "a"
        world.fail(request, status=503)
        world.finish(request)
    assert world.breaker("a") == "open"
    assert world.source_of(world.arrive()) == "b"
    world.pass_time(10.0)
    assert world.breaker("a") == "half_open"
    probe, other = world.arrive(), world.arrive()
    assert (world.source_of(probe), world.source_of(other)) == ("a", "b")
    world.content(probe)
    world.finish(probe)
    assert world.breaker("a") == "closed"
    moves = [action.state for action in world.log if isinstance(action, BreakerMoved)]
    assert moves == ["open", "half_open", "closed"]


def test_a_failed_probe_opens_the_breaker_for_twice_as_long() -> None:
    world = caller(rest='[breaker]\nmin_samples = 1\nopen_for = "10s"')
    world.fail(world.arrive(), status=500)
    world.pass_time(10.0)
    probe = world.arrive()
    assert world.source_of(probe) == "a"
    world.fail(probe, status=500)
    world.pass_time(19.0)
    assert world.breaker("a") == "open"
    world.pass_time(1.1)
    assert world.breaker("a") == "half_open"


def test_a_success_from_before_the_outage_does_not_close_a_breaker() -> None:
    world = caller(rest='[breaker]\nmin_samples = 1\nopen_for = "10s"')
    old = world.arrive()
    world.content(old)
    world.fail(world.arrive(), status=500)
    world.pass_time(10.0)
    assert world.breaker("a") == "half_open"
    world.finish(old)
    assert world.breaker("a") == "half_open"


def test_streams_under_the_token_speed_floor_open_the_breaker_within_seconds() -> None:
    rest = '[breaker]\nmin_samples = 3\nmin_speed = 5.0\nspeed_window = "4s"\nwindow = "60s"'
    world = caller(rest=rest)
    for _ in range(200):  # a healthy minute before it
        request = world.arrive()
        world.content(request)
        world.finish(request, output=50)
        world.pass_time(0.2)
    live = [world.arrive() for _ in range(4)]
    for request in live:
        world.content(request)
    for second in range(1, 5):
        world.pass_time(1.0)
        for request in live:
            world.progress(request, second)  # alive, at one token a second
    assert world.breaker("a") == "open"
    assert world.source_of(world.arrive()) == "b"


def test_declared_thinking_time_is_not_held_against_a_silent_stream() -> None:
    rest = (
        '[breaker]\nmin_samples = 1\nmin_speed = 5.0\nspeed_window = "4s"\n'
        'ttft_deadline = "2s"\nthinking = "30s"'
    )
    world = caller(rest=rest)
    request = world.arrive()
    world.pass_time(20.0)
    world.content(request)
    for _ in range(5):
        world.pass_time(4.0)
        world.progress(request, 1)
    assert world.breaker("a") == "closed"
    for _ in range(10):
        world.pass_time(4.0)
        world.progress(request, 1)
    assert world.breaker("a") != "closed"


def test_a_hung_source_is_left_at_the_ttft_deadline_not_at_the_timeout() -> None:
    world = caller(rest='[breaker]\nmin_samples = 2\nttft_deadline = "2s"')
    world.arrive()
    world.arrive()
    world.pass_time(2.0)
    assert world.breaker("a") == "open"
    assert world.source_of(world.arrive()) == "b"


def test_a_substitution_is_said_in_words() -> None:
    fleet = fleet_of(
        [
            source("a", 9001, serves='precision = "fp8"'),
            source("b", 9002, serves='precision = "fp4"'),
        ],
        ORDERED,
    )
    world = Caller(fleet, key())
    request = world.arrive()
    assert world.sent[request].substituted is None
    world.fail(request)
    assert world.sent[request].substituted == "precision fp4 for fp8"
    world.finish(request)
    assert world.settled[request].substituted == "precision fp4 for fp8"
