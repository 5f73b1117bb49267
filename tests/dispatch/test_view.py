"""What an operator sees: what runs, what ended lately, and one request's life."""

from typing import Any

from dispatch_fleets import Caller, fleet_of, opening, source

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import Drained
from tollway.dispatch.view import LISTED

UTC = 1_790_000_000.0
ROUTE = 'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]'


def caller(remember: int = 10, slots: int | None = None) -> Caller:
    fleet = fleet_of([source("a", 9001, slots=slots), source("b", 9002, slots=slots)], ROUTE)
    world = Caller(fleet)
    world.dispatcher = Dispatcher(fleet, opening(), 0.0, remember)
    return world


def live(world: Caller, after: int = 0) -> Any:
    return world.dispatcher.live(after, world.now)


def test_the_tokens_of_live_streams_are_those_that_were_last_told() -> None:
    world = caller()
    first, second = world.arrive(), world.arrive()
    for request, tokens in ((first, 30), (second, 12)):
        world.content(request)
        world.progress(request, tokens)
    assert live(world)["sources"]["a"]["flowing"] == 42
    assert live(world)["sources"]["b"]["flowing"] == 0
    world.finish(first)
    assert live(world)["sources"]["a"]["flowing"] == 12


def test_each_live_request_has_its_phase_and_where_it_is() -> None:
    world = caller(slots=1)
    streaming = world.arrive()
    world.content(streaming)
    world.progress(streaming, 7)
    world.pass_time(2.0)
    sent, queued = world.arrive(), world.arrive()
    found = {one["id"]: one for one in live(world)["requests"]}
    assert found[streaming]["phase"] == "streaming"
    assert (found[streaming]["since"], found[streaming]["tokens"]) == (2.0, 7)
    assert (found[sent]["phase"], found[sent]["source"]) == ("sent", "b")
    assert (found[queued]["phase"], found[queued]["source"]) == ("queued", None)
    assert live(world)["waiting"] == {"interactive": 1, "batch": 0}


def test_the_newest_live_requests_are_named_and_all_are_counted() -> None:
    world = caller()
    for _ in range(LISTED + 5):
        world.arrive()
    seen = live(world)
    assert seen["live"] == LISTED + 5
    assert len(seen["requests"]) == LISTED
    assert seen["requests"][0]["id"] == f"q{LISTED + 5}"


def test_flows_count_all_by_route_and_source_also_what_is_not_listed() -> None:
    world = caller(remember=3, slots=LISTED)
    for _ in range(5):
        world.finish(world.arrive())
    for _ in range(LISTED + 7):
        world.content(world.arrive())
    seen = live(world)
    nothing = {"queued": 0, "sent": 0, "streaming": 0, "ended": 0}
    assert seen["flows"] == [
        {"route": "r", "source": "a", **nothing, "streaming": LISTED, "ended": 5},
        {"route": "r", "source": "b", **nothing, "streaming": 7},
    ]
    assert sum(one["ended"] for one in seen["flows"]) == seen["seq"]
    assert len(seen["requests"]) == LISTED < seen["live"]


def test_a_request_that_waits_flows_to_no_source_yet() -> None:
    world = caller(slots=1)
    for _ in range(4):
        world.arrive()
    counts = {
        one["source"]: (one["queued"], one["sent"], one["streaming"])
        for one in live(world)["flows"]
    }
    assert counts == {None: (2, 0, 0), "a": (0, 1, 0), "b": (0, 1, 0)}


def test_what_ended_is_told_once_to_who_says_what_was_seen() -> None:
    world = caller(remember=3)
    for _ in range(5):
        world.finish(world.arrive())
    seen = live(world)
    assert seen["seq"] == 5
    assert [one["n"] for one in seen["ended"]] == [3, 4, 5]
    assert [one["id"] for one in live(world, 4)["ended"]] == ["q5"]
    assert live(world, 5)["ended"] == []
    assert [one["n"] for one in live(world, 99)["ended"]] == [3, 4, 5]  # it restarted
    last = seen["ended"][-1]
    assert last["outcome"] == "completed"
    assert last["cost"] == world.settled["q5"].cost > 0


def test_why_a_breaker_opened_last_is_known_after_it_has_closed() -> None:
    world = Caller(fleet_of([source("a", 9001)], rest="[breaker]\nmin_samples = 1"))
    world.pass_time(10.0)
    world.fail(world.arrive())
    pair = live(world)["sources"]["a"]["models"]["m"]
    assert pair["breaker"] == "open"
    assert pair["opened"] == {"at": UTC + 10.0, "why": "status 500; 1 of 1 failed in 5 s"}
    world.pass_time(3600.0)
    request = world.arrive()
    world.content(request)
    world.finish(request)
    pair = live(world)["sources"]["a"]["models"]["m"]
    assert (pair["breaker"], pair["why"]) == ("closed", "")
    assert pair["opened"]["at"] == UTC + 10.0


def test_a_drain_is_shown_with_who_when_and_why() -> None:
    world = caller()
    assert live(world)["sources"]["a"]["drained"] is None
    world.tell(Drained("a", "new driver", "kim", UTC))
    shown = {"since": UTC, "why": "new driver", "by": "kim"}
    assert live(world)["sources"]["a"]["drained"] == shown
    snapshot: Any = world.dispatcher.snapshot(world.now)
    assert snapshot["sources"]["a"]["drained"] == shown


def test_a_request_that_fell_back_has_every_attempt_on_its_line() -> None:
    world = caller()
    request = world.arrive()
    world.pass_time(1.0)
    world.fail(request, status=503)
    world.pass_time(0.5)
    world.content(request)
    running: Any = world.dispatcher.request(request, world.now)
    assert (running["phase"], running["ended"]) == ("streaming", None)
    world.pass_time(2.0)
    world.finish(request, output=40)
    seen: Any = world.dispatcher.request(request, world.now)
    assert seen["phase"] == "ended"
    assert (seen["arrived"], seen["sent"], seen["ended"]) == (UTC, UTC, UTC + 3.5)
    first, second = seen["attempts"]
    assert (first["source"], first["end"], first["status"]) == ("a", "status", 503)
    assert (first["sent"], first["first"], first["ended"]) == (UTC, None, UTC + 1.0)
    assert (second["source"], second["end"], second["tokens"]) == ("b", "completed", 40)
    assert (second["sent"], second["first"], second["ended"]) == (UTC + 1.0, UTC + 1.5, UTC + 3.5)
    assert seen["cost"] == world.settled[request].cost


def test_a_request_that_waited_says_until_when() -> None:
    world = caller(slots=1)
    holding = [world.arrive(), world.arrive()]
    request = world.arrive()
    world.pass_time(3.0)
    seen: Any = world.dispatcher.request(request, world.now)
    assert (seen["phase"], seen["waited"], seen["sent"]) == ("queued", True, None)
    world.finish(holding[0])
    seen = world.dispatcher.request(request, world.now)
    assert (seen["waited"], seen["sent"]) == (True, UTC + 3.0)


def test_a_request_that_nobody_knows_any_more_is_not_made_up() -> None:
    world = caller(remember=1)
    first, second = world.arrive(), world.arrive()
    world.finish(first)
    world.finish(second)
    assert world.dispatcher.request(first, world.now) is None
    assert world.dispatcher.request("nobody", world.now) is None
    assert world.dispatcher.request(second, world.now) is not None
