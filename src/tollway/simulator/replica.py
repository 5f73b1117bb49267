"""One engine in virtual time: continuous batching that leaps over steps in which nobody moves.

Rules
1. First come, first served: those who run came before those who wait, and nobody is admitted before
   someone who came earlier.
2. Decodes go first. `mixed` engines give what is left of a step's tokens to prompts, in chunks;
   `whole` ones do not split a prompt; `apart` ones do not decode in a step with a prompt.
3. When blocks run out the sequence that came last gives up its own and is computed again; the step
   that sends somebody away admits nobody.
4. A step is decided when the one before it ends, before anybody hears of that end, and never
   changes: who comes at that moment or later is looked at when it ends, who leaves is gone then.
5. What happens at the end of one step is told in the order of arrival.
6. A run of steps in which only contexts grow is one leap, which a newcomer cuts at the end of the
   running step: every time is what step by step gives.
7. Blocks of a prompt that are hashed count as cached when they are handed out, since nobody else is
   admitted before they are computed; blocks without a hash are used up before cached ones.
"""

from collections import deque
from collections.abc import Sequence as Many
from heapq import heappop, heappush

from tollway.engine.constants import BLOCK
from tollway.simulator.prefix import Prefixes
from tollway.simulator.sequence import (
    Counters,
    Happening,
    Kind,
    Leap,
    Phase,
    ReplicaSettings,
    Sequence,
)


class Replica:
    """One engine with its own weights and cache. Whoever drives it calls `advance` at every
    `next_at`, and everything else at times that never go back."""

    def __init__(self, settings: ReplicaSettings) -> None:
        self.settings = settings
        self.counters = Counters()
        steps = settings.steps
        self._gain, self._unit = steps.gain, steps.unit
        self._cycle = BLOCK * steps.unit
        self._per_hash = settings.hashed // BLOCK
        self._prefixes = Prefixes()
        self._waiting: deque[Sequence] = deque()
        self._queued = 0
        self._seated = 0
        self._partial: Sequence | None = None
        self._leaving: list[Sequence] = []
        self._leap: Leap | None = None
        self._arrived = 0
        self._beat = 0
        self._decodes = 0
        self._context = 0
        self._own = 0
        self._promised = 0
        self._residues = [0] * self._cycle
        self._ends: list[tuple[int, int, Sequence]] = []
        self._order: list[Sequence] = []

    # --- from outside -----------------------------------------------------------------------------

    @property
    def load(self) -> int:
        """Sequences that run or wait here."""
        return self._seated + self._queued

    @property
    def running(self) -> int:
        """Sequences that run."""
        return self._seated

    @property
    def used(self) -> int:
        """Blocks that somebody holds."""
        return self._own + (len(self._prefixes) - self._prefixes.idle) * self._per_hash

    def next_at(self) -> int | None:
        """When the running leap ends, which is no later than the next happening; None when idle."""
        return None if self._leap is None else self._leap.end

    def running_step(self, now: int) -> tuple[int, int] | None:
        """When the step that runs at `now` began and when it ends; None where none does."""
        leap = self._leap
        if leap is None or leap.end <= now:
            return None
        if leap.steps == 1:
            return leap.start, leap.end
        steps, times = self._steps_until(now - leap.start, leap.steps), self.settings.steps
        began = times.run(steps - 1, self._decodes, self._context) if steps > 1 else 0
        ended = times.run(steps, self._decodes, self._context)
        return leap.start + began, leap.start + ended

    def arrive(self, now: int, sequence: Sequence) -> None:
        """Queue a sequence.

        Raises:
            TollwayError: it is empty, or longer than the context or the whole cache.
        """
        self.settings.check(sequence)
        sequence.order = self._arrived
        sequence.known = sequence.left = sequence.prompt
        self._arrived += 1
        self._waiting.append(sequence)
        self._queued += 1
        if self._leap is None:
            self._plan(now)
        elif self._queued == 1 and self._seated < self.settings.sequences:
            self._cut(now)

    def cancel(self, now: int, sequence: Sequence) -> None:
        """Forget a sequence; harmless when it has ended. What it holds is free at the end of the
        running step."""
        if sequence.phase is Phase.GONE or sequence in self._leaving:
            return
        if sequence.phase is Phase.WAITING:
            sequence.phase = Phase.GONE
            self._queued -= 1
        else:
            self._leaving.append(sequence)
        self._cut(now)

    def advance(self, now: int) -> list[Happening]:
        """Everything that happened up to and at `now`, in order."""
        told: list[Happening] = []
        while self._leap is not None and self._leap.end <= now:
            at = self._leap.end
            self._commit(self._leap, told)
            self._plan(at)
        return told

    def emitted(self, now: int, sequence: Sequence) -> int:
        """Output tokens that are out by `now`."""
        return self.emitted_by(now, (sequence,))[0]

    def emitted_by(self, now: int, sequences: Many[Sequence]) -> list[int]:
        """Of each of these."""
        leap, beat = self._leap, self._beat
        if leap is not None and leap.decodes and not leap.chunks:
            after = now - leap.start
            beat += self._steps_until(after, leap.steps) - 1 if now < leap.end else leap.steps
        return [
            min(one.output, self._generated(one, beat))
            if one.phase is Phase.DECODING
            else one.generated
            for one in sequences
        ]

    # --- the end of a step ------------------------------------------------------------------------

    def _commit(self, leap: Leap, told: list[Happening]) -> None:
        self.counters.steps += leap.steps
        self.counters.busy += leap.end - leap.start
        if leap.decodes:
            units = leap.steps * self._gain
            self._own += self._growth(units)
            self._promised = 0
            self._beat += leap.steps
            self._context += self._decodes * units
            self._fit()
        self.counters.peak = max(self.counters.peak, self.used)
        for sequence in self._leaving:
            self._leave(sequence)
        self._leaving.clear()
        ends = self._ends
        while ends and ends[0][0] <= self._beat:
            end, _, sequence = heappop(ends)
            if sequence.phase is Phase.DECODING and sequence.ends == end:
                self._leave(sequence)
                told.append(Happening(leap.end, Kind.END, sequence))
        for sequence in leap.chunks:
            if sequence.phase is Phase.PREFILLING and not sequence.left:
                self._emit(leap.end, sequence, told)

    def _emit(self, at: int, sequence: Sequence, told: list[Happening]) -> None:
        """A prompt is computed: a token is out."""
        sequence.generated += 1
        if sequence.generated == 1:
            told.append(Happening(at, Kind.FIRST, sequence))
        owed = sequence.output - sequence.generated
        sequence.phase = Phase.DECODING
        sequence.began = self._beat
        sequence.ends = self._beat - (-owed * self._unit // self._gain)
        self._decodes += 1
        self._context += (sequence.known + 1) * self._unit
        self._residues[self._residue(sequence)] += 1
        if not owed:
            self._leave(sequence)
            told.append(Happening(at, Kind.END, sequence))
            return
        heappush(self._ends, (sequence.ends, sequence.order, sequence))
        self._order.append(sequence)
        if len(self._order) > 2 * self._decodes + 64:
            self._order = [one for one in self._order if one.phase is Phase.DECODING]

    def _leave(self, sequence: Sequence) -> None:
        """A sequence is answered, or nobody wants it any more."""
        if sequence.phase is Phase.DECODING:
            generated = self._generated(sequence, self._beat)
            self._drop(sequence)
            sequence.generated = min(generated, sequence.output)
        else:
            self._drop(sequence)
        sequence.phase = Phase.GONE

    def _drop(self, sequence: Sequence) -> None:
        """A sequence stops running, and what it holds is free."""
        held = sequence.known - sequence.left
        if sequence.phase is Phase.DECODING:
            grown = (self._beat - sequence.began) * self._gain
            self._decodes -= 1
            self._context -= (sequence.known + 1) * self._unit + grown
            self._residues[self._residue(sequence)] -= 1
            held = sequence.known + grown // self._unit
        else:
            self._partial = None if self._partial is sequence else self._partial
        self._seated -= 1
        self._own -= self._blocks(sequence, held) - sequence.shared * self._per_hash
        if not self.settings.caching or not sequence.prefix:
            return
        computed = min(held // self.settings.hashed, len(sequence.prefix))
        if computed < sequence.shared:
            self._prefixes.forget(sequence.prefix, computed, sequence.shared)
            sequence.shared = computed
        self._prefixes.let_go(sequence.prefix, sequence.shared, computed)
        sequence.shared = 0

    def _blocks(self, sequence: Sequence, held: int) -> int:
        """Blocks of a sequence that runs, shared ones included."""
        if self.settings.reserve:
            return -(-(sequence.prompt + sequence.output) // BLOCK)
        return -(-max(held, sequence.known) // BLOCK)

    # --- the next step ----------------------------------------------------------------------------

    def _plan(self, at: int) -> None:
        """Decide the next step, and how often it repeats."""
        settings = self.settings
        sent_away = self._make_room()
        chunks: list[Sequence] = []
        prompt = [0, 0, 0, 0]
        self._promised = self._growth(self._gain)
        self._fit()
        if not sent_away:
            self._fill(chunks, prompt)
        decodes = self._decodes > 0
        if chunks:
            decodes = decodes and settings.mixing != "apart"
            count = self._decodes if decodes else 0
            context = self._context if decodes else 0
            end = at + settings.steps.mixed(count, context, prompt)
            self._leap = Leap(at, end, 1, decodes, chunks)
        elif decodes:
            count = 1 if sent_away else self._undisturbed()
            end = at + settings.steps.run(count, self._decodes, self._context)
            self._leap = Leap(at, end, count, decodes)
        else:
            self._leap = None

    def _make_room(self) -> bool:
        """Rule 3: whether somebody was sent away so that the next step has its blocks."""
        if self._growth(self._gain) <= self._free():
            return False
        order = self._order
        while self._growth(self._gain) > self._free():
            victim = self._partial
            if victim is None:
                victim = order.pop()
                if victim.phase is not Phase.DECODING:
                    continue
            self._leave(victim)
            victim.phase = Phase.WAITING
            victim.known = victim.left = victim.prompt + victim.generated
            victim.ready = 0
            self._waiting.appendleft(victim)
            self._queued += 1
            self.counters.preempted += 1
        return True

    def _fill(self, chunks: list[Sequence], prompt: list[int]) -> None:
        """Give the tokens of the step that decodes leave to prompts."""
        settings = self.settings
        room = settings.batch_tokens
        if settings.mixing != "apart":
            room -= self._decodes * settings.rows
        while room > 0:
            sequence = self._partial or self._admit(room, alone=not chunks)
            if sequence is None:
                return
            tokens = sequence.left if settings.mixing == "whole" else min(room, sequence.left)
            past = sequence.known - sequence.left
            sequence.left -= tokens
            room -= tokens
            self._partial = sequence if sequence.left else None
            chunks.append(sequence)
            prompt[0] += 1
            prompt[1] += tokens
            prompt[2] += tokens * (2 * past + tokens + 1)
            prompt[3] += past + tokens
            self.counters.prefilled += tokens

    def _admit(self, room: int, *, alone: bool) -> Sequence | None:
        """Let the first who waits run, if there is a seat and room for all that is known of it."""
        settings, waiting = self.settings, self._waiting
        while waiting and waiting[0].phase is Phase.GONE:
            waiting.popleft()
        if not waiting or self._seated >= settings.sequences:
            return None
        sequence = waiting[0]
        hits, whole, unheld = 0, 0, 0
        if settings.caching and sequence.prefix:
            whole = min(len(sequence.prefix), sequence.known // settings.hashed)
            found = self._prefixes.match(sequence.prefix, whole)
            # The last token is always computed: its successor comes of it.
            hits = min(found, (sequence.known - 1) // settings.hashed)
            whole = whole if hits == found else hits
            unheld = self._prefixes.unheld(sequence.prefix, hits) * self._per_hash
        left = sequence.known - max(hits * settings.hashed, min(sequence.ready, sequence.known - 1))
        if settings.mixing == "whole" and not alone and left > room:
            return None
        needs = self._blocks(sequence, 0) - hits * self._per_hash
        if needs + unheld + self._promised > self._free():
            return None
        waiting.popleft()
        self._queued -= 1
        self._seated += 1
        sequence.phase = Phase.PREFILLING
        sequence.left = left
        sequence.shared = whole
        if whole:
            self._prefixes.hold(sequence.prefix, hits, whole)
        self._own += needs - (whole - hits) * self._per_hash
        self.counters.cached += hits * settings.hashed
        if not sequence.generated:
            sequence.cached = hits * settings.hashed
        self._fit()
        return sequence

    def _undisturbed(self) -> int:
        """How many decode steps pass before somebody ends or blocks run out."""
        ends = self._ends
        while ends[0][2].phase is not Phase.DECODING or ends[0][2].ends != ends[0][0]:
            heappop(ends)
        steps = ends[0][0] - self._beat
        free = self._free()
        # Everybody takes one block a cycle.
        if self._decodes * (steps * self._gain // self._cycle + 1) <= free:
            return steps
        low, high = 1, steps
        while low < high:
            middle = (low + high + 1) // 2
            if self._growth(middle * self._gain) <= free:
                low = middle
            else:
                high = middle - 1
        return low

    def _cut(self, now: int) -> None:
        """End the running leap with the step that runs at `now`."""
        leap = self._leap
        if leap is None or leap.steps == 1 or leap.end <= now:
            return
        leap.steps = self._steps_until(now - leap.start, leap.steps)
        leap.end = leap.start + self.settings.steps.run(leap.steps, self._decodes, self._context)

    def _steps_until(self, after: int, most: int) -> int:
        return self.settings.steps.steps_until(after, most, self._decodes, self._context)

    # --- blocks -----------------------------------------------------------------------------------

    def _free(self) -> int:
        return self.settings.blocks - self.used

    def _fit(self) -> None:
        """Evict cached blocks where they are in the way of blocks that somebody needs."""
        prefixes, room = self._prefixes, self.settings.blocks - self._own - self._promised
        while len(prefixes) * self._per_hash > room:
            prefixes.evict()

    def _residue(self, sequence: Sequence) -> int:
        """Sequences of one residue cross into a new block at the same beats."""
        return ((sequence.known - 1) * self._unit - sequence.began * self._gain) % self._cycle

    def _growth(self, units: int) -> int:
        """Blocks that decodes take while each grows by `units` of context."""
        if self.settings.reserve:
            return 0
        whole, rest = divmod(units, self._cycle)
        place = self._beat * self._gain
        crossing = sum(self._residues[(-place - step) % self._cycle] for step in range(1, rest + 1))
        return self._decodes * whole + crossing

    def _generated(self, sequence: Sequence, beat: int) -> int:
        return sequence.generated + (beat - sequence.began) * self._gain // self._unit
