"""The replay of a load: exact where theory is, and nobody is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.engine.replay import Load, Policy, Replay, Schedule, digest, lengths

ROOM = 10**9


def _policy(mixing: str = "mixed", **changes: object) -> Policy:
    told = {"batch_tokens": 8192, "sequences": 1024, "kv_tokens": ROOM, **changes}
    return Policy(mixing=mixing, **told)  # type: ignore[arg-type]


def _means(schedule: Schedule) -> tuple[float, float]:
    """Mean steps before the first token, and steps a token after it."""
    count = schedule.requests
    late = sum(span.late * span.steps for span in schedule.spans) / count
    pace = sum(span.pace * span.steps for span in schedule.spans) / count
    return late, pace


policies = st.builds(
    _policy,
    st.sampled_from(["mixed", "whole", "apart"]),
    batch_tokens=st.integers(16, 4000),
    sequences=st.integers(1, 40),
    kv_tokens=st.integers(900, 6000),
    reserve=st.booleans(),
    hold_steps=st.integers(0, 20),
    stride=st.sampled_from([1.0, 1.7, 3.0]),
)
loads = st.builds(
    Load,
    prompt=st.integers(1, 400),
    output=st.integers(1, 400),
    spread=st.sampled_from([0.0, 0.1, 0.9]),
    requests=st.integers(1, 60),
    users=st.integers(1, 20),
)


@pytest.mark.parametrize("mixing", ["mixed", "whole", "apart"])
def test_a_single_user_waits_for_one_prefill_and_gets_a_token_a_step(mixing: str) -> None:
    schedule = Replay(_policy(mixing), Load(1000, 100, 0.0, 10, 1)).run()
    assert _means(schedule) == (1.0, pytest.approx(1.0))
    assert sum(span.steps for span in schedule.spans) == 10 * (1 + 99)


def test_a_long_prompt_takes_as_many_steps_as_it_has_chunks() -> None:
    late, _ = _means(Replay(_policy(), Load(20_000, 50, 0.0, 5, 1)).run())
    assert late == 3


def test_only_engines_that_prefill_apart_make_others_wait_for_a_prompt() -> None:
    load = Load(4000, 50, 0.1, 80, 8)
    _, mixed = _means(Replay(_policy("mixed"), load).run())
    _, apart = _means(Replay(_policy("apart"), load).run())
    assert mixed == pytest.approx(1.0)
    assert apart > 1.05


def test_accepted_drafts_shorten_the_stream() -> None:
    _, pace = _means(Replay(_policy(stride=2.0), Load(100, 1001, 0.0, 4, 1)).run())
    assert pace == pytest.approx(0.5)


def test_newcomers_wait_as_long_as_they_are_held() -> None:
    load = Load(100, 400, 0.2, 400, 8)
    at_once, _ = _means(Replay(_policy(), load).run())
    held, _ = _means(Replay(_policy(hold_steps=20), load).run())
    assert 10 < held - at_once < 21


@given(policies, loads)
def test_everyone_is_answered_and_no_seat_is_taken_twice(policy: Policy, load: Load) -> None:
    schedule = Replay(policy, load).run()
    assert schedule.requests == load.requests
    assert schedule.output_tokens == sum(output for _, output in lengths(load))
    assert all(span.decodes <= policy.sequences for span in schedule.spans)


@given(loads)
def test_littles_law_holds(load: Load) -> None:
    """Users = rate x time in the system: until the last users have nothing more to ask, each is
    either waiting for a first token or streaming."""
    schedule = Replay(_policy(), load).run()
    users = min(load.users, load.requests)
    steps = sum(span.steps for span in schedule.spans)
    inside = sum((span.late + span.decodes) * span.steps for span in schedule.spans)
    spent = sum(1 + output - 1 for _, output in lengths(load))  # at least: one step a token
    assert inside >= spent
    assert inside <= users * steps


def test_a_small_cache_sends_the_last_comer_away_and_serves_everyone() -> None:
    schedule = Replay(_policy(kv_tokens=8000), Load(1000, 1000, 0.1, 40, 8)).run()
    assert schedule.preempted > 0
    assert schedule.requests == 40


def test_an_engine_that_reserves_room_never_sends_anybody_away() -> None:
    schedule = Replay(_policy(kv_tokens=8000, reserve=True), Load(1000, 1000, 0.1, 40, 8)).run()
    assert schedule.preempted == 0


@given(policies, loads)
def test_merging_spans_keeps_every_sum(policy: Policy, load: Load) -> None:
    schedule = Replay(policy, load).run()
    merged = digest(schedule)
    for name in ("late", "pace", "decodes", "context", "prompt_tokens", "prompt_pairs"):
        whole = sum(getattr(span, name) * span.steps for span in schedule.spans)
        assert sum(getattr(span, name) * span.steps for span in merged) == pytest.approx(whole)


def test_requests_that_arrive_by_the_clock_find_an_idle_engine_when_they_are_rare() -> None:
    load = Load(100, 10, 0.0, 5, 1, arrivals=tuple(100.0 * at for at in range(5)))
    schedule = Replay(_policy(), load, clock=lambda span: 1.0).run()
    assert _means(schedule) == (1.0, pytest.approx(1.0))
    assert max(span.decodes for span in schedule.spans) == 1


def test_leaps_change_nothing_but_the_time_it_takes() -> None:
    """A schedule that is replayed one step at a time, by holding nobody but looking each step."""
    load = Load(300, 80, 0.3, 60, 6)
    leaping = Replay(_policy(), load).run()
    assert len(leaping.spans) < sum(span.steps for span in leaping.spans) / 4
    tokens = sum(span.decodes * span.steps for span in leaping.spans) + leaping.requests
    assert tokens == leaping.output_tokens
