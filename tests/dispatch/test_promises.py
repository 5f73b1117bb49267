"""Whatever happens in whatever order: one outcome each, no slot leaked, nobody forgotten."""

from collections import Counter

from dispatch_fleets import Caller, Recording, fleet_of, key, source
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tollway.dispatch.messages import (
    Abort,
    ClockSet,
    Content,
    Drained,
    Drill,
    DrillOver,
    EndWithError,
    Failed,
    FailureKind,
    Finished,
    Progressed,
    Reject,
    Relay,
    Reserve,
    Reserved,
    ReserveFailed,
    Send,
    Settle,
    Undrained,
    Woke,
)
from tollway.dispatch.recording import encode_header, verify
from tollway.fleet.parse import parse
from tollway.fleet.usage import Usage

SLOTS = {"a": 2, "b": 1, "c": 1}
REST = """
[queue]
interactive = { length = 4, wait = "7s" }
batch = { length = 6, wait = "20s" }
[timeouts]
first_content = "9s"
[retry]
ratio = 0.2
min_per_second = 1.0
[breaker]
min_samples = 3
open_for = "5s"
min_speed = 5.0
speed_window = "3s"
ttft_deadline = "6s"
"""
FLEET = fleet_of(
    [
        source("a", 9001, slots=2, serves="prepaid = 3000"),
        source("b", 9002, slots=1, input_price="0.5").replace("context = 100000", "context = 500"),
        source("c", 9003, slots=1, output_price="9.00"),
    ],
    'model = "m"\ncandidates = ["a", "b"]\nfallbacks = ["c"]\ndeadline = "15s"\n'
    'objectives = ["commitment-first", { name = "cheapest", tolerance = 0.2 }, "prefix-affinity"]',
    'budget = { day = "0.05", overdraft = "0.01" }',
    REST,
)
KEYS = (key("k", concurrency=8), key("l", rpm=30, tpm=20_000, day=10**10))
KINDS: tuple[FailureKind, ...] = ("refused", "cut", "stall", "late", "error_event", "malformed")

seconds = st.floats(0.0, 8.0)


class Promises(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = Caller(FLEET, *KEYS)
        self.world.hold_reservations = True
        self.reserving: list[str] = []
        self.flying: dict[str, bool] = {}  # request in flight -> content seen
        self.outcomes: Counter[str] = Counter()
        self.settles: Counter[str] = Counter()
        self.held = 0
        self.drained: set[str] = set()
        self.arrived: set[str] = set()
        self.seen = 0

    # --- what a gateway would keep ---------------------------------------------------------------

    def absorb(self) -> None:
        for action in self.world.log[self.seen :]:
            match action:
                case Reserve():
                    self.reserving.append(action.request)
                case Send():
                    assert action.request not in self.flying
                    assert action.source not in self.drained
                    self.flying[action.request] = False
                case Reject() | Relay() | EndWithError():
                    self.outcomes[action.request] += 1
                case Settle():
                    self.settles[action.request] += 1
                    if action.outcome in ("completed", "cancelled"):
                        self.outcomes[action.request] += 1
                case Abort():
                    assert action.request in self.flying
                case _:
                    pass
        self.seen = len(self.world.log)

    def pick(self, choice: int) -> str:
        return sorted(self.flying)[choice % len(self.flying)]

    # --- events ----------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(["k", "l"]),
        tokens=st.sampled_from([10, 400, 600, 5000]),
        batch=st.booleans(),
        stream=st.booleans(),
        draw=st.integers(0, 2**64 - 1),
        slow_ledger=st.booleans(),
    )
    def arrive(
        self, name: str, tokens: int, batch: bool, stream: bool, draw: int, slow_ledger: bool
    ) -> None:
        self.world.hold_reservations = slow_ledger
        request = self.world.arrive(
            key=name, input_tokens=tokens, batch=batch, stream=stream, draw=draw, prefix=draw % 3
        )
        self.arrived.add(request)
        self.absorb()
        if not slow_ledger and request in self.reserving:
            self.reserving.remove(request)

    @rule(count=st.integers(2, 6), batch=st.booleans())
    def a_crowd_arrives(self, count: int, batch: bool) -> None:
        for _ in range(count):
            self.arrive("k", 10, batch, True, 0, False)

    @precondition(lambda self: self.reserving)
    @rule(choice=st.integers(0, 99), ok=st.integers(0, 9))
    def ledger_answers(self, choice: int, ok: int) -> None:
        request = self.reserving.pop(choice % len(self.reserving))
        self.world.tell(Reserved(request) if ok else ReserveFailed(request, "disk full"))
        self.absorb()

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 99))
    def content(self, choice: int) -> None:
        request = self.pick(choice)
        self.world.tell(Content(request, self.world.sent[request].attempt))
        self.flying[request] = True
        self.absorb()

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 99), tokens=st.integers(0, 3000))
    def progress(self, choice: int, tokens: int) -> None:
        request = self.pick(choice)
        self.world.tell(Progressed(request, self.world.sent[request].attempt, tokens))
        self.absorb()

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 99), output=st.integers(0, 800))
    def finish(self, choice: int, output: int) -> None:
        request = self.pick(choice)
        del self.flying[request]
        usage = Usage(input=50, output=output)
        self.world.tell(Finished(request, self.world.sent[request].attempt, usage))
        self.absorb()

    @precondition(lambda self: self.flying)
    @rule(
        choice=st.integers(0, 99),
        kind=st.sampled_from(KINDS),
        status=st.sampled_from([None, 400, 429, 500, 503]),
        rest=st.sampled_from([None, 2.0, 50.0]),
    )
    def fail(self, choice: int, kind: FailureKind, status: int | None, rest: float | None) -> None:
        request = self.pick(choice)
        attempt = self.world.sent[request].attempt
        del self.flying[request]
        kind = "status" if status is not None else kind
        self.world.tell(Failed(request, attempt, kind, Usage(output=3), status, rest))
        self.absorb()

    @precondition(lambda self: self.arrived)
    @rule(choice=st.integers(0, 999))
    def client_leaves(self, choice: int) -> None:
        request = sorted(self.arrived)[choice % len(self.arrived)]
        if request in self.flying or not self.settles[request]:
            self.flying.pop(request, None)
            self.world.cancel(request)
            self.absorb()

    @rule(seconds=seconds)
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.absorb()

    # One who has waited as long as one may, and comes back after a failure, is due at once.
    @precondition(lambda self: self.world.wake is None or self.world.wake > self.world.now)
    @rule()
    def wakes_early(self) -> None:
        before = len(self.world.log)
        self.world.tell(Woke())
        assert not any(
            isinstance(action, Send | Settle | Reject) for action in self.world.log[before:]
        )
        self.absorb()

    @rule(offset=st.integers(-90_000, 90_000))
    def clock_steps(self, offset: int) -> None:
        self.world.tell(ClockSet(1_790_000_000.0 + offset))
        self.absorb()

    @rule(
        name=st.sampled_from(["a", "b", "c"]),
        share=st.sampled_from([0.3, 1.0]),
        length=st.floats(0.1, 20.0),
        over=st.booleans(),
    )
    def drill(self, name: str, share: float, length: float, over: bool) -> None:
        self.world.tell(DrillOver() if over else Drill(name, share, length))
        self.absorb()

    @rule(name=st.sampled_from(["a", "b", "c"]), back=st.booleans())
    def drain(self, name: str, back: bool) -> None:
        if back:
            self.drained.discard(name)
            self.world.tell(Undrained(name))
        else:
            self.world.tell(Drained(name, "", "", 0.0))
            self.drained.add(name)
        self.absorb()

    @rule(more=st.booleans())
    def reload(self, more: bool) -> None:
        self.world.do(self.world.dispatcher.adopt(FLEET, self.world.now))
        self.absorb()

    # --- promises --------------------------------------------------------------------------------

    @invariant()
    def every_request_gets_at_most_one_outcome(self) -> None:
        assert all(count == 1 for count in self.outcomes.values())
        assert all(count == 1 for count in self.settles.values())

    @invariant()
    def no_slot_is_leaked_or_overbooked(self) -> None:
        used = Counter(self.world.sent[request].source for request in self.flying)
        for name, slots in SLOTS.items():
            assert self.world.outstanding(name) == used[name]
            assert used[name] <= slots

    @invariant()
    def no_slot_is_idle_while_someone_waits(self) -> None:
        dispatcher = self.world.dispatcher
        for waiting in dispatcher._placing.lanes.everyone():
            assert not any(pair.available(self.world.now) for pair in waiting.untried())

    @invariant()
    def nobody_waits_for_drained_sources_alone(self) -> None:
        for waiting in self.world.dispatcher._placing.lanes.everyone():
            assert any(pair.source.name not in self.drained for pair in waiting.untried())

    @invariant()
    def held_money_is_that_of_running_requests(self) -> None:
        running = list(self.world.dispatcher._requests.values())
        accounts = self.world.dispatcher._books.accounts
        assert accounts.tenants["t"].held == sum(request.held for request in running)
        for name in ("k", "l"):
            own = [request for request in running if request.arrived.key == name]
            assert accounts.keys[name].held == sum(request.held for request in own)
            assert accounts.keys[name].running == len(own)

    def teardown(self) -> None:
        """Everyone is answered in the end, and nothing is left of anyone."""
        world = self.world
        while self.reserving:
            world.tell(Reserved(self.reserving.pop()))
            self.absorb()
        for _ in range(400):
            for request in list(self.flying):
                self.flying.pop(request)
                world.tell(Finished(request, world.sent[request].attempt, Usage(input=5, output=5)))
                self.absorb()
            if not world.dispatcher._requests:
                break
            world.pass_time(5.0)
            self.absorb()
        assert not world.dispatcher._requests
        assert world.dispatcher._placing.lanes.waiting == {False: 0, True: 0}
        assert all(world.outstanding(name) == 0 for name in SLOTS)
        for account in (
            *world.dispatcher._books.accounts.tenants.values(),
            *world.dispatcher._books.accounts.keys.values(),
        ):
            assert account.held == 0
            assert account.running == 0
        for deadlines in ("whole", "step", "ttft"):
            assert len(getattr(world.dispatcher._times, deadlines)) == 0
        assert set(self.outcomes) == self.arrived


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_a_recorded_run_is_decided_the_same_by_a_fresh_dispatcher() -> None:
    text = (
        "version = 1\n[models.m]\nreserve_output = 100\n"
        + "".join([source("a", 9001, slots=1), source("b", 9002, slots=1)])
        + '[routes.r]\nmodel = "m"\n[tenants.t]\n'
    )
    documents = {"fleet.toml": text}
    world = Caller(parse(documents, "fleet.toml"), key())
    start = world.dispatcher  # the opening that Caller uses
    assert start is not None
    from dispatch_fleets import opening

    lines = [encode_header(documents, "fleet.toml", opening(key()), 0.0)]
    world.dispatcher = Recording(world.dispatcher, lines)  # type: ignore[assignment]
    for step in range(30):
        request = world.arrive(draw=step * 7919)
        world.pass_time(0.5)
        if request in world.sent and step % 3 == 0:
            world.fail(request)
        if request in world.sent and request not in world.settled:
            world.finish(request)
    steps, divergence = verify(lines, parse)
    assert divergence is None
    assert steps == len(lines) - 1 > 90
    tampered = [line.replace(b'"source":"a"', b'"source":"b"', 1) for line in lines]
    _, divergence = verify(tampered, parse)
    assert divergence is not None
