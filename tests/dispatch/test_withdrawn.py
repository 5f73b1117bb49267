"""A source whose model is not what was locked is asked no more, until a person says otherwise."""

from dispatch_fleets import Caller, Recording, fleet_of, opening, source

from tollway.dispatch.messages import BreakerMoved, Restored, Withdrawn
from tollway.dispatch.recording import encode_header, verify
from tollway.fleet.parse import parse

ROUTE = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'


def caller(route: str = ROUTE) -> Caller:
    return Caller(fleet_of([source("a", 9001), source("b", 9002)], route))


def test_the_fallback_serves_while_a_source_is_withdrawn_however_long() -> None:
    world = caller()
    assert world.source_of(world.arrive()) == "a"
    world.tell(Withdrawn("a", "m", "drift"))
    assert world.breaker("a") == "open"
    for _ in range(3):
        assert world.source_of(world.arrive()) == "b"
        world.pass_time(100_000.0)
    world.tell(Restored("a", "m"))
    assert world.breaker("a") == "closed"
    assert world.source_of(world.arrive()) == "a"


def test_an_answer_that_was_under_way_brings_no_withdrawn_source_back() -> None:
    world = caller()
    request = world.arrive()
    world.tell(Withdrawn("a", "m", "drift"))
    world.finish(request)
    assert world.breaker("a") == "open"


def test_told_twice_nothing_happens_the_second_time() -> None:
    world = caller()
    dispatcher = world.dispatcher
    first = dispatcher.handle(Withdrawn("a", "m", "drift"), world.now)
    assert first == [BreakerMoved("a", "m", "open", "drift")]
    assert dispatcher.handle(Withdrawn("a", "m", "drift"), world.now) == []
    assert len(dispatcher.handle(Restored("a", "m"), world.now)) == 1
    assert dispatcher.handle(Restored("a", "m"), world.now) == []
    assert dispatcher.handle(Withdrawn("nobody", "m", "drift"), world.now) == []
    assert dispatcher.handle(Restored("a", "none"), world.now) == []


def test_who_has_no_other_source_is_told_when_to_ask_again() -> None:
    world = caller('model = "m"\ncandidates = ["a"]')
    world.tell(Withdrawn("a", "m", "drift"))
    request = world.arrive()
    rejected = world.rejected[request]
    assert rejected.status == 503
    assert rejected.retry_after == 60.0


def test_a_recorded_withdrawal_is_decided_the_same_by_a_fresh_dispatcher() -> None:
    text = (
        "version = 1\n[models.m]\n"
        + "".join([source("a", 9001), source("b", 9002)])
        + f"[routes.r]\n{ROUTE}\n[tenants.t]\n"
    )
    world = Caller(parse({"f": text}, "f"))
    lines = [encode_header({"f": text}, "f", opening(), 0.0)]
    world.dispatcher = Recording(world.dispatcher, lines)  # type: ignore[assignment]
    for event in (Withdrawn("a", "m", "drift"), Restored("a", "m")):
        world.finish(world.arrive())
        world.tell(event)
    world.finish(world.arrive())
    assert verify(lines, parse)[1] is None
    without = [line for line in lines if b'"Withdrawn"' not in line]
    assert verify(without, parse)[1] is not None


def test_a_reload_keeps_a_source_withdrawn_and_another_address_is_another_source() -> None:
    world = caller()
    world.tell(Withdrawn("a", "m", "drift"))
    for port, serving in ((9001, "b"), (9003, "a")):
        fleet = fleet_of([source("a", port), source("b", 9002)], ROUTE)
        world.do(world.dispatcher.adopt(fleet, world.now))
        assert world.source_of(world.arrive()) == serving
