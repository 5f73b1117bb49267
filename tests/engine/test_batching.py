"""Continuous batching: nobody overtakes, no block is lost, everybody gets what was asked for."""

from dataclasses import replace

import pytest
from engine_silicon import llama8, llama70
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from tollway.engine import Batching, Deployment, Plan, Sequence
from tollway.errors import TollwayError


def small(blocks: int = 24, budget: int = 64, sequences: int = 6) -> Deployment:
    return replace(
        llama8(), blocks=blocks, batch_tokens=budget, sequences=sequences, context=blocks * 16
    )


def run_out(engine: Batching, limit: int = 100_000) -> list[Sequence]:
    """Step until idle; who finished, in order."""
    finished: list[Sequence] = []
    for _ in range(limit):
        if engine.idle:
            return finished
        finished += [one for one in engine.advance(engine.plan_step()) if one.gone]
    raise AssertionError("the engine does not come to an end")


def test_200_users_with_long_contexts_exceed_kv_capacity_and_queue() -> None:
    one = llama70(tp=2, chip_name="h100")
    engine = Batching(one)
    users = [Sequence(str(user), prompt=20_000, output=5_000) for user in range(200)]
    for user in users:
        engine.add(user)
    assert one.blocks * 16 < 200 * 20_000
    admitted = -1
    while len(engine.running) > admitted or not engine.running[-1].generated:
        admitted = len(engine.running)
        engine.advance(engine.plan_step())
    assert 0 < len(engine.running) < 40
    assert len(engine.waiting) == 200 - len(engine.running)
    assert engine.running == users[: len(engine.running)]


def test_a_prompt_longer_than_the_budget_is_computed_in_chunks() -> None:
    engine = Batching(small(budget=64))
    engine.add(Sequence("a", prompt=150, output=2))
    sizes: list[int] = []
    emitted: list[list[str]] = []
    for _ in range(3):
        plan = engine.plan_step()
        sizes += [tokens for _, tokens in plan.chunks]
        emitted.append([one.name for one in engine.advance(plan)])
    assert sizes == [64, 64, 22]
    assert emitted == [[], [], ["a"]]


def test_decodes_go_before_prompts() -> None:
    engine = Batching(small(budget=64))
    engine.add(Sequence("old", prompt=10, output=50))
    engine.advance(engine.plan_step())
    engine.add(Sequence("new", prompt=100, output=1))
    plan = engine.plan_step()
    assert [one.name for one in plan.decodes] == ["old"]
    assert [(one.name, tokens) for one, tokens in plan.chunks] == [("new", 63)]


def test_the_newest_gives_way_when_blocks_run_out_and_all_finish_in_order() -> None:
    engine = Batching(small(blocks=10, sequences=4))
    for name in "abcd":
        engine.add(Sequence(name, prompt=30, output=60))
    preempted: list[str] = []
    finished: list[str] = []
    while not engine.idle:
        plan = engine.plan_step()
        preempted += [one.name for one in plan.preempted]
        finished += [one.name for one in engine.advance(plan) if one.gone]
    assert preempted
    assert "a" not in preempted
    assert finished == ["a", "b", "c", "d"]
    assert engine.blocks.free == engine.blocks.total


def test_a_preempted_sequence_keeps_what_it_has_generated() -> None:
    engine = Batching(small(blocks=6, sequences=2))
    tokens = {"a": 0, "b": 0}
    engine.add(Sequence("a", prompt=30, output=40))
    engine.add(Sequence("b", prompt=30, output=40))
    while not engine.idle:
        for one in engine.advance(engine.plan_step()):
            tokens[one.name] += 1
    assert tokens == {"a": 40, "b": 40}


def test_cancelling_frees_the_blocks_at_once() -> None:
    engine = Batching(small())
    kept, left = Sequence("kept", 40, 40), Sequence("left", 40, 40)
    engine.add(kept)
    engine.add(left)
    plan = engine.plan_step()
    before = engine.blocks.free
    engine.cancel(left)
    assert engine.blocks.free == before + 3
    assert engine.advance(plan) == [kept]
    engine.cancel(left)
    assert engine.blocks.free == before + 3


def test_a_sequence_that_could_never_fit_is_refused_on_arrival() -> None:
    engine = Batching(small(blocks=4))
    with pytest.raises(TollwayError, match="60 tokens of prompt \\+ 5 of output"):
        engine.add(Sequence("long", prompt=60, output=5))
    engine.add(Sequence("fits", prompt=60, output=4))
    assert [one.name for one in run_out(engine)] == ["fits"]


@pytest.mark.parametrize(("prompt", "output"), [(0, 1), (1, 0)])
def test_an_empty_sequence_is_refused(prompt: int, output: int) -> None:
    with pytest.raises(TollwayError, match="at least one token"):
        Batching(small()).add(Sequence("none", prompt, output))


def test_an_idle_engine_plans_nothing() -> None:
    assert Batching(small()).plan_step() == Plan((), (), ())


def test_a_late_short_request_does_not_overtake_a_long_one_that_waits() -> None:
    engine = Batching(small(blocks=20, budget=1000))
    engine.add(Sequence("runs", prompt=160, output=40))
    engine.advance(engine.plan_step())
    engine.add(Sequence("long", prompt=200, output=10))
    engine.add(Sequence("short", prompt=1, output=1))
    engine.advance(engine.plan_step())
    assert [one.name for one in engine.waiting] == ["long", "short"]


class Engine(RuleBasedStateMachine):
    """Any interleaving of arrivals, departures and steps."""

    alive = Bundle("alive")

    def __init__(self) -> None:
        super().__init__()
        self.engine = Batching(small(blocks=16, budget=48, sequences=4))
        self.made: list[Sequence] = []
        self.plan: Plan | None = None
        self.emitted: dict[str, int] = {}
        self.cancelled: set[str] = set()

    @rule(target=alive, prompt=st.integers(1, 200), output=st.integers(1, 56))
    def arrive(self, prompt: int, output: int) -> Sequence:
        one = Sequence(str(len(self.made)), prompt, output)
        self.made.append(one)
        self.engine.add(one)
        return one

    @rule(one=consumes(alive))
    def leave(self, one: Sequence) -> None:
        if not one.gone:
            self.cancelled.add(one.name)
        self.engine.cancel(one)

    @precondition(lambda self: self.plan is None)
    @rule()
    def plan_step(self) -> None:
        self.plan = self.engine.plan_step()
        work = [*self.plan.decodes, *(one for one, _ in self.plan.chunks)]
        assert len(set(map(id, work))) == len(work)
        tokens = len(self.plan.decodes) + sum(count for _, count in self.plan.chunks)
        assert tokens <= 48
        assert bool(work) == (not self.engine.idle)
        for one, count in (*((one, 1) for one in self.plan.decodes), *self.plan.chunks):
            assert len(one.blocks) * 16 >= one.computed + count

    @precondition(lambda self: self.plan is not None)
    @rule()
    def advance(self) -> None:
        assert self.plan is not None
        for one in self.engine.advance(self.plan):
            self.emitted[one.name] = self.emitted.get(one.name, 0) + 1
        self.plan = None

    @invariant()
    def every_block_has_one_owner_or_is_free(self) -> None:
        owned = [block for one in self.made for block in one.blocks]
        assert len(set(owned)) == len(owned)
        assert len(owned) + self.engine.blocks.free == self.engine.blocks.total
        assert not any(one.blocks for one in self.made if one.gone)
        assert not any(one.blocks for one in self.engine.waiting)

    @invariant()
    def nobody_overtakes(self) -> None:
        order = [int(one.name) for one in (*self.engine.running, *self.engine.waiting)]
        assert order == sorted(order)

    def teardown(self) -> None:
        if self.plan is not None:
            self.advance()
        for _ in range(20_000):
            if self.engine.idle:
                break
            self.plan = self.engine.plan_step()
            self.advance()
        assert self.engine.idle, "somebody starves"
        for one in self.made:
            if one.name not in self.cancelled:
                assert self.emitted[one.name] == one.output


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
