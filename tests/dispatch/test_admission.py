"""Limits and budgets: exact, honest about when to come back, and free of phantoms."""

from dispatch_fleets import Caller, fleet_of, key, opening, source

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import Arrived, ClockSet, KeysChanged, Reject, ReserveFailed
from tollway.dispatch.opening import Opening, Spent
from tollway.fleet.usage import Usage

DOLLAR = 10**12
ONE = [source("a", 9001)]


def test_requests_a_minute_are_refused_with_the_time_to_come_back() -> None:
    world = Caller(fleet_of(ONE), key(rpm=60))
    for _ in range(60):
        assert world.arrive() not in world.rejected
    refused = world.arrive()
    assert world.rejected[refused].status == 429
    assert world.rejected[refused].code == "requests_per_minute_limit"
    wait = world.rejected[refused].retry_after
    assert wait is not None
    world.pass_time(wait * 0.9)
    assert world.arrive() in world.rejected
    world.pass_time(wait * 0.1)
    assert world.arrive() not in world.rejected


def test_tokens_that_were_reserved_and_not_used_go_back_to_the_limit() -> None:
    world = Caller(fleet_of(ONE), key(tpm=1000))
    for _ in range(20):  # 200 tokens each are reserved, 20 used
        request = world.arrive(input_tokens=100)
        assert request not in world.rejected
        world.finish(request, input=10, output=10)
    assert world.arrive(input_tokens=900) in world.rejected


def test_a_request_above_the_whole_minute_is_told_that_waiting_is_no_use() -> None:
    world = Caller(fleet_of(ONE), key(tpm=1000))
    request = world.arrive(input_tokens=2000)
    assert world.rejected[request].retry_after is None
    assert "more than the 1000 a minute" in world.rejected[request].message


def test_concurrency_is_freed_by_every_kind_of_end() -> None:
    world = Caller(fleet_of(ONE), key(concurrency=1))
    ends = [world.finish, world.fail, world.cancel]
    for end in ends:
        request = world.arrive()
        assert world.arrive() in world.rejected
        end(request)
    assert world.arrive() not in world.rejected


def test_a_refusal_by_the_tenant_uses_nothing_of_the_key() -> None:
    fleet = fleet_of(ONE, tenant="limits = { requests_per_minute = 1 }")
    world = Caller(fleet, key("k", rpm=2), key("l", rpm=2))
    world.arrive(key="l")
    for _ in range(5):
        assert world.arrive(key="k") in world.rejected
    world.pass_time(61.0)
    assert world.arrive(key="k") not in world.rejected


def test_a_budget_refuses_with_402_and_the_seconds_to_the_next_day() -> None:
    world = Caller(fleet_of(ONE), key(day=DOLLAR // 1000))
    request = world.arrive(input_tokens=100)
    world.finish(request, input=1000, output=0)  # exactly the budget
    refused = world.arrive(input_tokens=1)
    assert world.rejected[refused].status == 402
    assert world.rejected[refused].code == "budget_day"
    wait = world.rejected[refused].retry_after
    assert wait is not None
    world.pass_time(wait - 1.0)
    assert world.arrive(input_tokens=1) in world.rejected
    world.pass_time(2.0)
    assert world.arrive(input_tokens=1) not in world.rejected


def test_worst_cases_do_not_fill_a_budget_with_money_that_is_never_spent() -> None:
    # $1 a day; each request may ask for $0.80 of output, and uses $0.00002.
    world = Caller(fleet_of(ONE), key(day=DOLLAR))
    for _ in range(200):
        request = world.arrive(input_tokens=10, max_output=400_000)
        assert request not in world.rejected
        world.finish(request, input=10, output=5)


def test_the_reservation_learns_from_what_this_key_and_model_produce() -> None:
    world = Caller(fleet_of(ONE), key())
    first = world.arrive()
    assert world.reserved[first].output_tokens == 100
    for _ in range(40):
        request = world.arrive()
        world.finish(request, output=2000)
    learned = world.arrive()
    assert 1800 <= world.reserved[learned].output_tokens <= 2200
    capped = world.arrive(max_output=50)
    assert world.reserved[capped].output_tokens == 50


def test_every_choice_asked_for_is_reserved() -> None:
    world = Caller(fleet_of(ONE), key())
    assert world.reserved[world.arrive(choices=8)].output_tokens == 800
    assert world.reserved[world.arrive(choices=8, max_output=240)].output_tokens == 240
    for _ in range(40):
        world.finish(world.arrive(choices=4), output=4 * 500)
    assert 450 <= world.reserved[world.arrive()].output_tokens <= 560


def test_an_answer_that_outgrows_budget_and_overdraft_is_ended() -> None:
    # Output costs $2 a million: 100 tokens are held, 1,000 fit the budget, 500 more the overdraft.
    world = Caller(fleet_of(ONE), key(day=2_000_000 * 1000, overdraft=2_000_000 * 500))
    request = world.arrive(input_tokens=0)
    world.content(request)
    tokens = 0
    while request not in world.aborted:
        tokens += 50
        assert tokens < 1700
        world.progress(request, tokens)
    assert 1300 <= tokens <= 1500
    world.fail(request, "too_long", usage=Usage(output=tokens))
    assert world.broken_off[request].code == "budget_exhausted"
    assert world.settled[request].cost == tokens * 2_000_000
    assert world.breaker("a") == "closed"


def test_an_overrun_is_booked_in_full() -> None:
    world = Caller(fleet_of(ONE), key(day=DOLLAR))
    request = world.arrive(input_tokens=10)
    world.finish(request, input=10, output=5000)
    assert world.settled[request].cost == 10 * 1_000_000 + 5000 * 2_000_000
    assert world.settled[request].cost > world.reserved[request].amount


def test_what_was_spent_before_the_start_counts() -> None:
    fleet = fleet_of(ONE, tenant='budget = { day = "1.00" }')
    start = Opening(
        (key("k"),),
        1_790_000_000.0,
        (Spent("k", "t", DOLLAR // 2, 0), Spent("old", "t", DOLLAR // 2, 0)),
    )
    dispatcher = Dispatcher(fleet, start, 0.0)
    (reject,) = dispatcher.handle(Arrived("q", "k", "r", "chat", True, 1, None, 0, 0), 0.0)
    assert isinstance(reject, Reject)
    assert reject.code == "budget_day"


def test_a_clock_that_is_set_back_forgives_nothing() -> None:
    world = Caller(fleet_of(ONE), key(day=DOLLAR // 1000))
    world.finish(world.arrive(), input=1000, output=0)
    world.tell(ClockSet(1_790_000_000.0 - 2 * 86_400))
    assert world.arrive() in world.rejected


def test_a_ledger_that_cannot_reserve_refuses_with_503_and_releases_everything() -> None:
    world = Caller(fleet_of(ONE), key(concurrency=1, day=DOLLAR))
    world.hold_reservations = True
    request = world.arrive()
    world.tell(ReserveFailed(request, "disk full"))
    assert world.rejected[request].status == 503
    assert request not in world.settled
    world.hold_reservations = False
    assert world.arrive() not in world.rejected


def test_a_revoked_key_is_refused_and_its_running_request_settles() -> None:
    world = Caller(fleet_of(ONE), key())
    running = world.arrive()
    world.tell(KeysChanged(()))
    refused = world.arrive()
    assert world.rejected[refused].status == 401
    world.finish(running)
    assert world.settled[running].outcome == "completed"


def test_a_route_that_a_key_may_not_use_looks_like_one_that_does_not_exist() -> None:
    fleet = fleet_of(ONE, tenant='routes = ["r"]')
    world = Caller(fleet, key())
    hidden, absent = world.arrive(route="m"), world.arrive(route="nowhere")
    assert world.rejected[hidden].status == world.rejected[absent].status == 404
    assert world.rejected[hidden].code == world.rejected[absent].code == "model_not_found"


def test_a_prompt_longer_than_every_context_is_refused_with_both_numbers() -> None:
    world = Caller(fleet_of(ONE), key())
    request = world.arrive(input_tokens=100_001)
    assert world.rejected[request].status == 400
    assert "100001" in world.rejected[request].message
    assert "100000" in world.rejected[request].message


def test_prepaid_tokens_cost_nothing_until_they_are_used_up() -> None:
    fleet = fleet_of(
        [source("a", 9001, serves="prepaid = 1000"), source("b", 9002)],
        'model = "m"\nobjectives = ["commitment-first", "cheapest"]',
    )
    world = Caller(fleet, key())
    requests = [world.arrive(input_tokens=150, draw=draw) for draw in range(6)]
    for request in requests:
        world.finish(request, input=150, output=100)
    # 250 tokens each: four are covered, and the rest of the minute is paid for as usual.
    assert [world.source_of(request) for request in requests[:4]] == ["a"] * 4
    assert [world.settled[request].cost for request in requests[:4]] == [0] * 4
    assert all(world.settled[request].cost > 0 for request in requests[4:])
    assert opening().spent == ()


def test_a_tier_that_no_source_prices_is_refused_and_a_priced_one_is_billed_by_its_price() -> None:
    priced = source("a", 9001).replace(
        "prices = [{",
        'prices = [{ since = 2020-01-01, tier = "flex", input = "0.1", output = "0.2" }, {',
    )
    world = Caller(fleet_of([priced, source("b", 9002)]), key())
    refused = world.arrive(tier="priority")
    assert world.rejected[refused].code == "service_tier_not_offered"
    flex = world.arrive(tier="flex")
    assert world.source_of(flex) == "a"
    world.finish(flex, input=100, output=10)
    assert world.settled[flex].cost == 100 * 100_000 + 10 * 200_000


def test_a_client_is_told_what_is_left_of_the_tighter_limit() -> None:
    fleet = fleet_of(
        [source("a", 9001)],
        tenant="limits = { requests_per_minute = 10, tokens_per_minute = 100000 }",
    )
    world = Caller(fleet, key(rpm=60, tpm=60000))
    first = world.sent[world.arrive(input_tokens=100, max_output=500)].room
    assert first is not None
    assert first[0] == (10, 9, 6.0)
    assert first[1] is not None
    assert first[1][:2] == (60000, 59800)
    last = [world.arrive(input_tokens=100) for _ in range(9)][-1]
    told = world.sent[last].room
    assert told is not None
    assert told[0] == (10, 0, 60.0)
    refused = world.rejected[world.arrive(input_tokens=100)]
    assert refused.status == 429
    assert refused.room is not None
    assert refused.room[0] == (10, 0, 60.0)
    world.pass_time(30.0)
    again = world.sent[world.arrive(input_tokens=100)].room
    assert again is not None
    assert again[0] == (10, 4, 36.0)


def test_nothing_is_said_of_limits_where_there_are_none() -> None:
    world = Caller(fleet_of([source("a", 9001)]), key())
    assert world.sent[world.arrive()].room is None
