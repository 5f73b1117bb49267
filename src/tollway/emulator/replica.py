"""One replica of an engine in real time: it sleeps through each step and hands out tokens.

Rules
1. A step ends when the engine room says so, counted from the end of the step before it and not from
   when the process woke: being late once does not slow the stream down.
2. A lag above a second is forgotten: a stopped process must not emit a burst when it goes on.
3. A stream that nobody listens to any more leaves the engine at once, with its KV blocks.
"""

import asyncio
from dataclasses import dataclass

from tollway.engine import Batching, Deployment, Sequence, StepTimer

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

    def push(self) -> None:
        """One more token is ready."""
        self._ready += 1
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


class Replica:
    """One engine with its own weights and KV memory."""

    def __init__(self, deployment: Deployment, clock: Clock) -> None:
        self.batching = Batching(deployment)
        self.steps = 0
        self.step_seconds = 0.0
        self.preemptions = 0
        self._clock = clock
        self._timer = StepTimer(deployment)
        self._streams: dict[str, Stream] = {}
        self._work = asyncio.Event()

    @property
    def load(self) -> int:
        """Sequences that run or wait here."""
        return len(self.batching.running) + len(self.batching.waiting)

    def start(self, sequence: Sequence) -> Stream:
        """Queue a sequence; its name is unique among those in flight.

        Raises:
            TollwayError: it is longer than this engine can hold.
        """
        self.batching.add(sequence)
        stream = Stream(sequence)
        self._streams[sequence.name] = stream
        self._work.set()
        return stream

    def drop(self, stream: Stream) -> None:
        """Stop a stream and free its blocks; harmless when it has ended."""
        self._streams.pop(stream.sequence.name, None)
        self.batching.cancel(stream.sequence)
        stream.lose()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self.batching.idle:
                self._work.clear()
                await self._work.wait()
                due = loop.time()
            plan = self.batching.plan_step()
            self.step_seconds = self._timer.of(plan.batch()).total
            due = max(due, loop.time() - _FORGOTTEN_LAG) + self.step_seconds / self._clock.factor
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.steps += 1
            self.preemptions += len(plan.preempted)
            for sequence in self.batching.advance(plan):
                self._streams[sequence.name].push()
                if sequence.gone:
                    del self._streams[sequence.name]


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
        return replica, replica.start(Sequence(str(self._made), prompt, output))
