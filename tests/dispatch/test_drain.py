"""A drained source begins nothing new, whatever else happens, until it is put back."""

from dispatch_fleets import Caller, Recording, fleet_of, opening, source

from tollway.dispatch.messages import Cancelled, Drained, Undrained
from tollway.dispatch.recording import encode_header, verify
from tollway.fleet.parse import parse
from tollway.fleet.usage import Usage

PRIMARY = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'
A = Drained("a", "new driver", "kim", 1_790_000_000.0)
B = Drained("b", "", "kim", 1_790_000_000.0)


def caller(route: str = PRIMARY, slots: int | None = None, rest: str = "") -> Caller:
    sources = [source("a", 9001, slots=slots), source("b", 9002, slots=slots)]
    return Caller(fleet_of(sources, route, rest=rest))


def test_no_new_attempt_goes_to_a_drained_source_and_what_is_in_flight_ends_there() -> None:
    world = caller()
    running = world.arrive()
    world.tell(A)
    assert world.source_of(world.arrive()) == "b"
    assert world.outstanding("a") == 1
    world.content(running)
    world.finish(running)
    assert world.settled[running].outcome == "completed"
    assert world.settled[running].source == "a"
    assert world.outstanding("a") == 0


def test_a_drained_source_is_no_fallback_either() -> None:
    world = caller()
    world.tell(B)
    request = world.arrive()
    world.fail(request)
    assert world.settled[request].outcome == "failed"
    assert world.settled[request].attempts == 1
    assert "drained by an operator" in world.rejected[request].message


def test_an_undrained_source_is_asked_at_once() -> None:
    world = caller()
    world.tell(A)
    assert world.source_of(world.arrive()) == "b"
    world.tell(Undrained("a"))
    assert world.source_of(world.arrive()) == "a"


def test_who_waits_is_served_by_the_source_that_is_put_back() -> None:
    world = caller('model = "m"\ncandidates = ["a", "b"]', slots=1)
    world.tell(A)
    world.arrive()
    waiting = world.arrive()
    assert waiting not in world.sent
    world.tell(Undrained("a"))
    assert world.source_of(waiting) == "a"


def test_who_waited_for_a_drained_source_waits_for_the_others_and_keeps_its_place() -> None:
    world = caller('model = "m"\ncandidates = ["a", "b"]', slots=1)
    first, second = world.arrive(), world.arrive()
    waiting, later = world.arrive(), world.arrive()
    drained = world.source_of(first)
    world.tell(Drained(drained, "", "kim", 0.0))
    world.finish(first)
    assert waiting not in world.sent
    world.finish(second)
    assert world.source_of(waiting) != drained
    assert later not in world.sent


def test_who_could_only_wait_for_a_drained_source_is_told_so_at_once() -> None:
    world = caller('model = "m"\ncandidates = ["a"]', slots=1)
    running, waiting = world.arrive(), world.arrive()
    world.tell(A)
    rejected = world.rejected[waiting]
    assert (rejected.status, rejected.code) == (503, "no_healthy_source")
    assert rejected.message.endswith("can be asked now: a (drained by an operator).")
    assert rejected.retry_after == 60.0
    assert world.settled[waiting].outcome == "refused"
    world.finish(running)
    late = world.arrive()
    assert world.rejected[late].status == 503


def test_a_source_that_rests_and_is_drained_is_not_waited_for() -> None:
    world = caller('model = "m"\ncandidates = ["a"]')
    first = world.arrive()
    world.fail(first, status=429, retry_after=2.0)
    assert first not in world.rejected
    world.tell(A)
    assert world.rejected[first].status == 503


def test_a_drain_outlives_a_reload_also_to_another_address() -> None:
    world = caller()
    world.tell(A)
    for port in (9001, 9003):
        fleet = fleet_of([source("a", port), source("b", 9002)], PRIMARY)
        world.do(world.dispatcher.adopt(fleet, world.now))
        assert world.source_of(world.arrive()) == "b"


def test_a_drained_source_that_is_declared_anew_later_is_not_drained_any_more() -> None:
    world = caller()
    world.tell(A)
    without = fleet_of([source("b", 9002)], 'model = "m"')
    world.do(world.dispatcher.adopt(without, world.now))
    both = fleet_of([source("a", 9001), source("b", 9002)], PRIMARY)
    world.do(world.dispatcher.adopt(both, world.now))
    assert world.source_of(world.arrive()) == "a"


def test_a_breaker_that_opened_goes_on_healing_behind_a_drain() -> None:
    world = caller(rest="[breaker]\nmin_samples = 2\nopen_for = '5s'")
    for _ in range(2):
        world.fail(world.arrive())
    assert world.breaker("a") == "open"
    world.tell(A)
    world.pass_time(30.0)
    assert world.breaker("a") == "half_open"
    assert world.source_of(world.arrive()) == "b"
    world.tell(Undrained("a"))
    assert world.source_of(world.arrive()) == "a"


def test_told_twice_or_of_nobody_nothing_happens() -> None:
    world = caller()
    for event in (A, A, Drained("nobody", "", "", 0.0), Undrained("b"), Undrained("nobody")):
        assert world.dispatcher.handle(event, world.now) == []
    assert world.source_of(world.arrive()) == "b"


def test_a_recorded_drain_is_decided_the_same_by_a_fresh_dispatcher() -> None:
    text = (
        "version = 1\n[models.m]\n"
        + "".join([source("a", 9001, slots=1), source("b", 9002, slots=1)])
        + f"[routes.r]\n{PRIMARY}\n[tenants.t]\n"
    )
    world = Caller(parse({"f": text}, "f"))
    lines = [encode_header({"f": text}, "f", opening(), 0.0)]
    world.dispatcher = Recording(world.dispatcher, lines)  # type: ignore[assignment]
    for event in (A, Undrained("a"), B):
        requests = [world.arrive() for _ in range(3)]
        world.tell(event)
        for request in requests:
            if request not in world.settled:
                world.tell(Cancelled(request, Usage()))
    assert verify(lines, parse)[1] is None
    without = [line for line in lines if b'"Drained"' not in line]
    assert verify(without, parse)[1] is not None
