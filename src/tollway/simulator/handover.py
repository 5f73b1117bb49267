"""Engines that only prefill, and hand each prompt's cache to engines that only decode.

Rules
1. A prompt goes to the prefill engine with the fewest, its cache to the decode engine with the
   fewest; of several the first.
2. The first token is out when the prompt is computed. The cache then takes `transfer` a token of it
   over a link of its own, and the decode engine computes but the token that comes next.
3. A cache that the decode engine has to give up is computed anew there.
4. At one instant: prefill engines by their number, then caches that arrive, then decode engines.
"""

from heapq import heappop, heappush

from tollway.simulator.replica import Replica
from tollway.simulator.sequence import Counters, Happening, Kind, Phase, ReplicaSettings, Sequence
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import Prefill


class _Journey:
    """A sequence, and where it is: at one engine as `inner`, or between two (`engine` None)."""

    __slots__ = ("engine", "inner", "outer")

    def __init__(self, outer: Sequence, engine: Replica, inner: Sequence) -> None:
        self.outer = outer
        self.engine: Replica | None = engine
        self.inner = inner


class Handover:
    """A disaggregated pool; the same ways in as a `Replica`."""

    def __init__(self, prefill: Prefill, decode: ReplicaSettings, replicas: int) -> None:
        self._prefills = [Replica(prefill.settings) for _ in range(prefill.replicas)]
        self._decodes = [Replica(decode) for _ in range(replicas)]
        self._transfer = round(prefill.transfer * SECOND)
        self._moving: list[tuple[int, int, _Journey]] = []
        self._journeys: dict[Sequence, _Journey] = {}
        self._inside: dict[Sequence, _Journey] = {}
        self._arrived = 0

    @property
    def load(self) -> int:
        """Sequences that run, wait or are on their way."""
        return len(self._journeys)

    @property
    def counters(self) -> Counters:
        """Sums over decode engines; prompt tokens are those of the engines that prefill."""
        prompts = [one.counters for one in self._prefills]
        own = [one.counters for one in self._decodes]
        return Counters(
            steps=sum(one.steps for one in own),
            busy=sum(one.busy for one in own),
            preempted=sum(one.preempted for one in own),
            cached=sum(one.cached for one in prompts),
            prefilled=sum(one.prefilled for one in prompts),
            peak=max(one.peak for one in own),
        )

    def next_at(self) -> int | None:
        """When something may have happened; None when nothing is under way."""
        times = [one.next_at() for one in (*self._prefills, *self._decodes)]
        moving = [self._moving[0][0]] if self._moving else []
        return min([*moving, *[at for at in times if at is not None]], default=None)

    def arrive(self, now: int, sequence: Sequence) -> None:
        """Queue a sequence.

        Raises:
            TollwayError: it is longer than an engine can hold.
        """
        self._decodes[0].settings.check(sequence)
        engine = _idlest(self._prefills)
        inner = Sequence(sequence.name, sequence.prompt, 1, sequence.prefix)
        engine.arrive(now, inner)
        sequence.phase = Phase.PREFILLING
        self._follow(_Journey(sequence, engine, inner))

    def cancel(self, now: int, sequence: Sequence) -> None:
        """Forget a sequence; harmless when it has ended."""
        journey = self._journeys.pop(sequence, None)
        if journey is None:
            return
        self._inside.pop(journey.inner, None)
        if journey.engine is not None:
            journey.engine.cancel(now, journey.inner)
        sequence.phase = Phase.GONE

    def advance(self, now: int) -> list[Happening]:
        """Everything that happened up to and at `now`, in order."""
        told: list[Happening] = []
        while (at := self.next_at()) is not None and at <= now:
            for engine in self._prefills:
                for _, kind, inner in engine.advance(at):
                    if kind is Kind.END:
                        self._computed(at, inner, told)
            while self._moving and self._moving[0][0] <= at:
                self._hand_over(at, heappop(self._moving)[2])
            for engine in self._decodes:
                for _, kind, inner in engine.advance(at):
                    if kind is Kind.END:
                        self._end(at, inner, told)
        return told

    def emitted(self, now: int, sequence: Sequence) -> int:
        """Output tokens that are out by `now`."""
        journey = self._journeys.get(sequence)
        if journey is None:
            return sequence.output
        if journey.engine in self._decodes:
            return 1 + journey.engine.emitted(now, journey.inner)
        return 1 if journey.engine is None else 0

    def _follow(self, journey: _Journey) -> None:
        self._journeys[journey.outer] = journey
        self._inside[journey.inner] = journey

    def _computed(self, at: int, inner: Sequence, told: list[Happening]) -> None:
        """A prompt is computed: its first token is out, and its cache leaves."""
        journey = self._inside.pop(inner, None)
        if journey is None:
            return
        outer = journey.outer
        outer.cached = inner.cached
        told.append(Happening(at, Kind.FIRST, outer))
        journey.engine = None
        if outer.output == 1:
            self._over(at, outer, told)
            return
        self._arrived += 1
        heappush(self._moving, (at + self._transfer * outer.prompt, self._arrived, journey))

    def _hand_over(self, at: int, journey: _Journey) -> None:
        outer = journey.outer
        if outer not in self._journeys:
            return  # cancelled on the way
        engine = _idlest(self._decodes)
        inner = Sequence(outer.name, outer.prompt + 1, outer.output - 1, ready=outer.prompt)
        engine.arrive(at, inner)
        journey.engine, journey.inner = engine, inner
        self._inside[inner] = journey

    def _end(self, at: int, inner: Sequence, told: list[Happening]) -> None:
        journey = self._inside.pop(inner, None)
        if journey is not None:
            self._over(at, journey.outer, told)

    def _over(self, at: int, outer: Sequence, told: list[Happening]) -> None:
        del self._journeys[outer]
        outer.phase = Phase.GONE
        told.append(Happening(at, Kind.END, outer))


def _idlest(engines: list[Replica]) -> Replica:
    return min(engines, key=lambda one: one.load)
