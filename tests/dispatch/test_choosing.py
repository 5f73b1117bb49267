"""What dispatch learns of sources, and how it chooses by it."""

from collections import Counter

from dispatch_fleets import Caller, fleet_of, key, source

FASTEST = 'model = "m"\nobjectives = ["fastest"]'


def serve(world: Caller, seconds: dict[str, float], draw: int) -> str:
    """One stream from arrival to end; gives its source."""
    request = world.arrive(draw=draw)
    chosen = world.source_of(request)
    world.pass_time(seconds[chosen] / 2)
    world.content(request)
    world.pass_time(seconds[chosen] / 2)
    world.finish(request, output=20)
    return chosen


def test_the_faster_source_is_found_and_used() -> None:
    world = Caller(fleet_of([source("a", 9001), source("b", 9002)], FASTEST), key())
    seconds = {"a": 2.0, "b": 0.2}
    used = Counter(serve(world, seconds, draw) for draw in range(40))
    assert used["b"] > 30
    assert used["a"] >= 1


def test_a_source_that_was_slow_once_is_tried_again() -> None:
    world = Caller(fleet_of([source("a", 9001), source("b", 9002)], FASTEST), key())
    slow_a = {"a": 20.0, "b": 1.0}
    for draw in range(20):
        serve(world, slow_a, draw)
    quick_a = {"a": 0.1, "b": 1.0}
    used = Counter(serve(world, quick_a, draw) for draw in range(150))
    assert used["a"] > 50


def test_a_burst_is_shared_by_sources_of_about_the_same_speed() -> None:
    world = Caller(
        fleet_of([source("a", 9001, slots=50), source("b", 9002, slots=50)], FASTEST), key()
    )
    for draw in range(6):
        serve(world, {"a": 1.0, "b": 1.2}, draw)
    burst = Counter(world.source_of(world.arrive(draw=draw * 7919)) for draw in range(60))
    assert burst["a"] > burst["b"] > 15


def test_one_prefix_keeps_its_source() -> None:
    fleet = fleet_of(
        [source(name, 9001 + at) for at, name in enumerate("abcd")],
        'model = "m"\nobjectives = ["prefix-affinity"]',
    )
    world = Caller(fleet, key())
    homes: dict[int, set[str]] = {}
    for step in range(80):
        request = world.arrive(prefix=step % 8 * 0x9E3779B97F4A7C15 % 2**64, draw=step)
        homes.setdefault(step % 8, set()).add(world.source_of(request))
        world.finish(request)
    assert all(len(sources) == 1 for sources in homes.values())
    assert len({next(iter(sources)) for sources in homes.values()}) > 1


def test_a_plain_answer_may_take_longer_than_a_first_token() -> None:
    fleet = fleet_of(
        [source("a", 9001), source("b", 9002)],
        'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]\ndeadline = "20s"',
        rest='[timeouts]\nfirst_content = "5s"\ntotal = "300s"',
    )
    world = Caller(fleet, key())
    request = world.arrive(stream=False)
    world.pass_time(200.0)
    assert request not in world.aborted
    world.finish(request)
    assert world.settled[request].outcome == "completed"
    late = world.arrive(stream=False)
    world.pass_time(30.0)
    world.fail(late, status=500)  # the route's deadline is over: nobody else is asked
    assert world.rejected[late].status == 502
    quick = world.arrive(stream=False)
    world.pass_time(2.0)
    world.fail(quick, status=500)
    assert world.source_of(quick) == "b"


def test_one_good_probe_brings_an_overloaded_source_back_within_seconds() -> None:
    world = Caller(fleet_of([source("a", 9001), source("b", 9002)], FASTEST), key())
    for draw in range(120):  # two minutes of overload, seen by many
        serve(world, {"a": 0.5, "b": 0.5}, draw)
    for draw in range(30):
        serve(world, {"a": 5.0, "b": 1.0}, draw)
    recovered = {"a": 0.1, "b": 1.0}
    for draw in range(30):  # about half a minute of `b`, until `a` is tried again
        serve(world, recovered, draw)
    assert Counter(serve(world, recovered, draw) for draw in range(40))["a"] > 30


def test_a_source_that_keeps_asking_for_rest_does_not_hold_a_client_beyond_the_queues_wait() -> (
    None
):
    fleet = fleet_of(
        [source("a", 9001)], rest='[queue]\ninteractive = { length = 9, wait = "10s" }'
    )
    world = Caller(fleet, key())
    request = world.arrive()
    while request not in world.rejected:
        world.fail(request, status=429, retry_after=4.0)
        world.pass_time(4.1)
    assert world.now < 15.0
    assert world.rejected[request].status == 429


def test_only_sources_that_speak_what_a_request_can_be_put_in_are_asked() -> None:
    both = fleet_of(
        [source("a", 9001), source("b", 9002, extra='dialects = ["gemini", "anthropic"]')]
    )
    world = Caller(both, key())
    for draw in range(4):
        assert world.source_of(world.arrive(draw=draw, spoken=("anthropic",))) == "b"
        assert world.source_of(world.arrive(draw=draw, spoken=("openai", "responses"))) == "a"
    refused = world.rejected[world.arrive(spoken=("responses",))]
    assert (refused.status, refused.code) == (400, "dialect_not_carried")
    assert "responses" in refused.message


def test_a_fallback_is_asked_in_a_dialect_that_it_speaks_or_not_at_all() -> None:
    fleet = fleet_of(
        [source("a", 9001), source("b", 9002, extra='dialects = ["gemini"]')],
        'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]',
    )
    world = Caller(fleet, key())
    kept = world.arrive(spoken=("openai",))
    world.fail(kept)
    assert kept in world.rejected
    moved = world.arrive(spoken=("openai", "gemini"))
    world.fail(moved)
    assert world.source_of(moved) == "b"


def test_only_sources_that_the_guard_allows_are_asked_also_in_a_fallback() -> None:
    fleet = fleet_of(
        [source("a", 9001), source("b", 9002), source("c", 9003)],
        'model = "m"\ncandidates = ["a", "b"]\nfallbacks = ["c"]',
    )
    world = Caller(fleet, key())
    for draw in range(4):
        assert world.source_of(world.arrive(draw=draw, allowed=("b",))) == "b"
    kept = world.arrive(allowed=("a", "b"))
    world.fail(kept)
    world.fail(kept)
    assert kept in world.rejected
    moved = world.arrive(allowed=("a", "c"))
    world.fail(moved)
    assert world.source_of(moved) == "c"
    refused = world.rejected[world.arrive(allowed=("elsewhere",))]
    assert (refused.status, refused.code) == (403, "guard_blocked")
