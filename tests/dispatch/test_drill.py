"""A drill: a source is taken away from a share of live requests."""

from dispatch_fleets import Caller, Recording, fleet_of, opening, source

from tollway.dispatch.messages import Arrived, Drill, DrillOver, Settle
from tollway.dispatch.recording import encode_header, verify
from tollway.fleet.parse import parse
from tollway.policy import drill

ROUTE = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'


def caller(route: str = ROUTE, slots: int | None = None) -> Caller:
    return Caller(fleet_of([source("a", 9001, slots=slots), source("b", 9002)], route))


def draws(count: int) -> list[int]:
    """Spread over 64 bits as random ones are (a Weyl sequence)."""
    return [at * 0xD1342543DE82EF95 % 2**64 for at in range(count)]


def test_the_share_of_requests_is_taken_whatever_the_other_bits_decide() -> None:
    for share in (0.01, 0.25, 0.9):
        taken = sum(drill.takes(draw, share) for draw in draws(20_000))
        assert abs(taken / 20_000 - share) < 0.01
    even = [draw for draw in draws(40_000) if draw % 2 == 0]
    low = [draw for draw in draws(40_000) if draw & 0xFFFFFFFF < 2**31]
    for some in (even, low):
        assert abs(sum(drill.takes(draw, 0.25) for draw in some) / len(some) - 0.25) < 0.015


def test_nobody_is_taken_at_a_share_of_nothing_and_everybody_at_the_whole() -> None:
    ends = [0, 1, 2**63, 2**64 - 1, *draws(1000)]
    assert not any(drill.takes(draw, 0.0) for draw in ends)
    assert all(drill.takes(draw, 1.0) for draw in ends)


def test_a_drilled_request_does_without_the_source_and_its_row_says_so() -> None:
    world = caller()
    world.tell(Drill("a", 0.5, 60.0))
    sent = {draw: world.arrive(draw=draw) for draw in draws(200)}
    for draw, request in sent.items():
        lost = drill.takes(draw, 0.5)
        assert world.sent[request].source == ("b" if lost else "a")
        assert world.sent[request].attempt == 1
        world.finish(request)
        assert world.settled[request].drilled == ("a" if lost else None)
    assert 70 < sum(one.drilled == "a" for one in world.settled.values()) < 130


def test_a_drill_is_no_sample_for_the_breaker_and_draws_no_retry() -> None:
    world = caller()
    retries = world.dispatcher._placing._retries
    world.tell(Drill("a", 1.0, 60.0))
    for draw in draws(50):
        world.finish(world.arrive(draw=draw))
    assert world.breaker("a") == "closed"
    assert world.dispatcher._placing._retries >= retries
    assert world.dispatcher._placing.sources.by_name["a"].pairs["m"].breaker.long.samples == 0


def test_a_drill_ends_by_itself_or_when_it_is_told_to() -> None:
    world = caller()
    world.tell(Drill("a", 1.0, 10.0))
    assert world.source_of(world.arrive()) == "b"
    world.pass_time(9.9)
    assert world.source_of(world.arrive()) == "b"
    world.pass_time(0.1)
    assert world.source_of(world.arrive()) == "a"
    assert world.dispatcher.snapshot(world.now)["drill"] is None
    world.tell(Drill("a", 1.0, 10.0))
    assert world.source_of(world.arrive()) == "b"
    world.tell(DrillOver())
    assert world.source_of(world.arrive()) == "a"


def test_a_drilled_request_whose_fallback_fails_is_not_saved_by_the_lost_source() -> None:
    world = caller()
    world.tell(Drill("a", 1.0, 60.0))
    request = world.arrive()
    world.fail(request)
    settled = world.settled[request]
    assert (settled.outcome, settled.drilled, settled.attempts) == ("failed", "a", 1)


def test_a_route_without_a_fallback_refuses_drilled_requests_and_books_them() -> None:
    world = caller('model = "m"\ncandidates = ["a"]')
    world.tell(Drill("a", 1.0, 60.0))
    request = world.arrive()
    assert world.rejected[request].status == 503
    settled: Settle = world.settled[request]
    assert (settled.outcome, settled.code, settled.drilled) == (
        "refused",
        "no_healthy_source",
        "a",
    )


def test_a_request_that_could_not_have_used_the_source_is_not_drilled() -> None:
    world = caller('model = "m"\ncandidates = ["b"]')
    world.tell(Drill("a", 1.0, 60.0))
    request = world.arrive()
    world.finish(request)
    assert world.settled[request].drilled is None


def test_a_drilled_request_that_waits_is_not_given_the_lost_source_by_a_reload() -> None:
    world = Caller(
        fleet := fleet_of([source("a", 9001), source("b", 9002, slots=1)], ROUTE),
    )
    world.tell(Drill("a", 1.0, 60.0))
    first, second = world.arrive(), world.arrive()
    assert second not in world.sent
    world.do(world.dispatcher.adopt(fleet, world.now))
    assert second not in world.sent
    world.finish(first)
    assert world.source_of(second) == "b"


def test_a_prompt_that_fits_no_context_is_told_so_also_in_a_drill() -> None:
    world = caller()
    world.tell(Drill("a", 1.0, 60.0))
    request = world.arrive(input_tokens=200_000)
    assert world.rejected[request].status == 400


def test_a_request_for_one_source_goes_there_or_nowhere() -> None:
    world = caller()
    world.tell(Drill("a", 1.0, 60.0))  # which it takes no part in
    for source_of in ("a", "b"):
        arrived = Arrived(
            f"only-{source_of}", "k", "r", "chat", False, 10, None, 0, 7, only=f"{source_of}:m"
        )
        world.tell(arrived)
        assert world.source_of(arrived.request) == source_of
        world.fail(arrived.request)
        assert world.rejected[arrived.request].status == 502  # and not at another one
        assert world.settled[arrived.request].drilled is None
    world.tell(Arrived("nobody", "k", "r", "chat", False, 10, None, 0, 7, only="a:other"))
    assert world.rejected["nobody"].code == "no_such_source"
    assert "nobody" not in world.reserved


def test_a_recorded_drill_is_decided_the_same_by_a_fresh_dispatcher() -> None:
    text = (
        "version = 1\n[models.m]\n"
        + "".join([source("a", 9001), source("b", 9002)])
        + f"[routes.r]\n{ROUTE}\n[tenants.t]\n"
    )
    world = Caller(parse({"f": text}, "f"))
    lines = [encode_header({"f": text}, "f", opening(), 0.0)]
    world.dispatcher = Recording(world.dispatcher, lines)  # type: ignore[assignment]
    world.tell(Drill("a", 0.3, 20.0))
    for draw in draws(100):
        world.finish(world.arrive(draw=draw))
        world.pass_time(0.3)
    steps, divergence = verify(lines, parse)
    assert divergence is None
    assert steps > 300
    without = [line for line in lines if b'"Drill"' not in line]
    assert verify(without, parse)[1] is not None
