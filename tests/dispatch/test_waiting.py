"""Who waits, for how long, and who goes first."""

from dispatch_fleets import Caller, fleet_of, key, source

QUEUE = """[queue]
interactive = { length = 3, wait = "10s" }
batch = { length = 100, wait = "60s" }
"""


def narrow() -> Caller:
    return Caller(fleet_of([source("a", 9001, slots=1)], rest=QUEUE), key())


def test_waiters_of_a_class_go_in_the_order_of_their_arrival() -> None:
    world = narrow()
    running = world.arrive()
    waiting = [world.arrive() for _ in range(3)]
    for request in waiting:
        assert request not in world.sent
        world.finish(running)
        assert request in world.sent
        running = request


def test_interactive_goes_before_batch() -> None:
    world = narrow()
    running = world.arrive()
    batch, interactive = world.arrive(batch=True), world.arrive()
    world.finish(running)
    assert interactive in world.sent
    assert batch not in world.sent
    world.finish(interactive)
    assert batch in world.sent


def test_a_full_queue_refuses_at_once() -> None:
    world = narrow()
    for _ in range(4):
        world.arrive()
    refused = world.arrive()
    assert world.rejected[refused].code == "queue_full"
    assert world.rejected[refused].status == 429
    assert world.arrive(batch=True) not in world.rejected


def test_waiting_ends_at_the_classes_deadline_and_settles_nothing_owed() -> None:
    world = narrow()
    world.arrive()
    waiting = world.arrive()
    world.pass_time(10.0)
    assert world.rejected[waiting].code == "queue_timeout"
    assert world.settled[waiting].outcome == "refused"
    assert world.settled[waiting].cost == 0


def test_a_waiter_who_left_is_not_served() -> None:
    world = narrow()
    running = world.arrive()
    gone, next_one = world.arrive(), world.arrive()
    world.cancel(gone)
    world.finish(running)
    assert gone not in world.sent
    assert next_one in world.sent


def test_a_full_candidate_spills_over_to_an_idle_fallback() -> None:
    fleet = fleet_of(
        [source("a", 9001, slots=1), source("b", 9002, slots=1)],
        'model = "m"\ncandidates = ["a"]\nfallbacks = ["b"]',
    )
    world = Caller(fleet, key())
    assert [world.source_of(world.arrive()) for _ in range(2)] == ["a", "b"]
    third = world.arrive()
    assert third not in world.sent
    world.finish("q2")
    assert world.source_of(third) == "b"


def test_a_long_prompt_that_waits_is_not_in_the_way_of_a_short_one() -> None:
    small = source("small", 9001, slots=1).replace("context = 100000", "context = 1000")
    fleet = fleet_of([small, source("large", 9002, slots=1)])
    world = Caller(fleet, key())
    both = [world.arrive(input_tokens=100, draw=draw) for draw in (0, 1)]
    assert {world.source_of(request) for request in both} == {"small", "large"}
    long_one = world.arrive(input_tokens=50_000)
    short_one = world.arrive(input_tokens=100)
    world.finish(next(request for request in both if world.source_of(request) == "small"))
    assert long_one not in world.sent
    assert world.source_of(short_one) == "small"


def test_a_reload_places_those_who_wait_under_the_new_fleet() -> None:
    world = narrow()
    world.arrive()
    waiting = world.arrive()
    world.do(
        world.dispatcher.adopt(
            fleet_of([source("a", 9001, slots=1), source("b", 9002)], rest=QUEUE), world.now
        )
    )
    assert world.source_of(waiting) == "b"


def test_a_reload_leaves_running_requests_where_they_are() -> None:
    world = narrow()
    running = world.arrive()
    world.do(world.dispatcher.adopt(fleet_of([source("b", 9002)], rest=QUEUE), world.now))
    world.content(running)
    world.finish(running)
    assert world.settled[running].outcome == "completed"
    assert world.settled[running].source == "a"
    assert world.source_of(world.arrive()) == "b"
