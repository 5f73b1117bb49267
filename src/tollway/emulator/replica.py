"""One replica of an engine in real time: it sleeps through each step and hands out tokens.

Rules
1. The simulator's own replica decides what happens when; here its virtual time is tied to the
   clock. A step ends when that says so, and not when the process woke: being late once does not
   slow the stream down.
2. A lag above a second is forgotten: a stopped process must not emit a burst when it goes on.
3. A stream that nobody listens to any more leaves the engine at once, and its KV blocks are free at
   the end of the step that runs.
"""

import asyncio
from dataclasses import dataclass

from tollway.engine import Deployment
from tollway.simulator.replica import Replica as Core
from tollway.simulator.sequence import Phase, Sequence, settings_of
from tollway.simulator.steps import SECOND

_FORGOTTEN_LAG = 1.0


@dataclass(slots=True)
class Clock:
    """How many emulated seconds pass in one real second."""

    factor: float = 1.0


class Stream:
    """The tokens of one sequence, as they become ready."""

    __slots__ = ("_lost", "_ready", "_taken", "_waiter", "sequence")

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self._ready = 0
        self._taken = 0
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether all tokens have been taken, or nobody listens."""
        return self._lost or self._taken >= self.sequence.output

    def reach(self, tokens: int) -> None:
        """So many tokens are ready in all."""
        if tokens > self._ready:
            self._ready = tokens
            self._wake()

    def lose(self) -> None:
        """Nobody listens any more."""
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def more(self) -> int:
        """How many tokens became ready since the last call; waits for one. 0 once it has ended."""
        while not self.ended and self._ready == self._taken:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._lost:
            return 0
        fresh = self._ready - self._taken
        self._taken = self._ready
        return fresh


class _Virtual:
    """Virtual picoseconds beside the event loop's seconds, from the first look on."""

    __slots__ = ("_clock", "_factor", "_real", "_virtual")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._factor = clock.factor
        self._real: float | None = None
        self._virtual = 0

    def now(self, due: int | None) -> int:
        """What time it is; `due` is when this should have been asked at the latest (rule 2)."""
        real = asyncio.get_running_loop().time()
        if self._real is None:
            self._real = real
        passed = self._virtual + round((real - self._real) * self._factor * SECOND)
        if due is not None:
            passed = min(passed, due + round(_FORGOTTEN_LAG * self._factor * SECOND))
        self._real, self._virtual = real, max(passed, self._virtual)
        self._factor = self._clock.factor
        return self._virtual

    def until(self, at: int) -> float:
        """Real seconds from the last look until then."""
        return (at - self._virtual) / SECOND / self._factor


class Replica:
    """One engine with its own weights and KV memory."""

    def __init__(self, deployment: Deployment, clock: Clock) -> None:
        self.core = Core(settings_of(deployment))
        self._time = _Virtual(clock)
        self._due: int | None = None
        self._streams: dict[int | str, Stream] = {}
        self._work = asyncio.Event()

    @property
    def load(self) -> int:
        """Sequences that run or wait here, and that somebody listens to."""
        return len(self._streams)

    @property
    def step_seconds(self) -> float:
        """Emulated seconds of a step, on average so far."""
        counters = self.core.counters
        return counters.busy / SECOND / max(1, counters.steps)

    def start(self, sequence: Sequence) -> Stream:
        """Queue a sequence; its name is unique among those in flight.

        Raises:
            TollwayError: it is longer than this engine can hold.
        """
        self.core.arrive(self._reach(), sequence)
        stream = Stream(sequence)
        self._streams[sequence.name] = stream
        self._work.set()
        return stream

    def drop(self, stream: Stream) -> None:
        """Stop a stream; harmless when it has ended."""
        if self._streams.pop(stream.sequence.name, None) is not None:
            self.core.cancel(self._reach(), stream.sequence)
        stream.lose()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            step = self.core.running_step(self._reach())
            if step is None:
                self._due = None
                self._work.clear()
                await self._work.wait()
                continue
            self._due = step[1]
            await asyncio.sleep(self._time.until(self._due))

    def _reach(self) -> int:
        """Let happen what is due by now, and hand out its tokens; the time it is."""
        now = self._time.now(self._due)
        self.core.advance(now)
        streams = list(self._streams.values())
        told = self.core.emitted_by(now, [stream.sequence for stream in streams])
        for stream, tokens in zip(streams, told, strict=True):
            stream.reach(tokens)
            if stream.sequence.phase is Phase.GONE:
                del self._streams[stream.sequence.name]
        return now


class Pool:
    """The replicas that serve one model under `name`."""

    def __init__(self, name: str, deployment: Deployment, replicas: int, clock: Clock) -> None:
        self.name = name
        self.deployment = deployment
        self.replicas = tuple(Replica(deployment, clock) for _ in range(replicas))
        self.served = 0
        self._made = 0

    def start(self, prompt: int, output: int) -> tuple[Replica, Stream]:
        """Queue a sequence on the least loaded replica, the first of several.

        Raises:
            TollwayError: it is longer than an engine can hold.
        """
        replica = min(self.replicas, key=lambda one: one.load)
        self._made += 1
        return replica, replica.start(Sequence(self._made, prompt, output))
