"""Continuous batching without a clock: who prefills, who decodes, who waits for KV blocks.

Rules
1. First come, first served: running and waiting sequences together are in the order of arrival, and
   nobody is admitted before someone who came earlier.
2. Decodes go before prompts; a prompt takes what is left of the step's token budget, in chunks. At
   most one prompt is half computed, and it came last of those that run: so the order of arrival
   alone puts decodes first.
3. A KV block has one owner or is free.
4. When blocks run out, the sequence that came last gives up its own and is computed again later, so
   that the one that came first always moves.
5. A sequence that could never fit is refused when it arrives, so that nobody waits for ever.
"""

from collections import deque
from dataclasses import dataclass, field

from tollway.engine.constants import BLOCK
from tollway.engine.deployment import Deployment
from tollway.engine.step import Batch, Chunk
from tollway.errors import TollwayError

SPARE_SHARE = 100
"""One block in so many stays free at admission: vLLM's block manager keeps 1% back."""


@dataclass(slots=True, eq=False)
class Sequence:
    """One request inside an engine: `prompt` tokens in, `output` tokens to generate.

    `computed` tokens are in the cache, `generated` have been emitted. A preempted sequence keeps
    what it has generated and computes all of it again.
    """

    name: str
    prompt: int
    output: int
    computed: int = 0
    generated: int = 0
    blocks: list[int] = field(default_factory=list[int])
    gone: bool = False

    @property
    def known(self) -> int:
        """Tokens whose values are known: the prompt and what was generated."""
        return self.prompt + self.generated

    @property
    def decoding(self) -> bool:
        """Whether all that is left to compute is the token generated last."""
        return self.generated > 0 and self.computed == self.known - 1


class Blocks:
    """The KV blocks of one replica. Ids are made when first needed: 200,000 of them would take
    milliseconds to list."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._fresh = 0
        self._returned: list[int] = []

    @property
    def free(self) -> int:
        """Blocks that nobody owns."""
        return self.total - self._fresh + len(self._returned)

    def take(self, count: int, owner: list[int]) -> bool:
        """Move `count` free blocks to `owner`; False, and nothing moves, if there are too few."""
        if count > self.free:
            return False
        for _ in range(count):
            if self._returned:
                owner.append(self._returned.pop())
            else:
                owner.append(self._fresh)
                self._fresh += 1
        return True

    def give_back(self, owner: list[int]) -> None:
        """Free all of an owner's blocks."""
        self._returned.extend(owner)
        owner.clear()


@dataclass(frozen=True, slots=True)
class Plan:
    """What one step computes: `decodes` one token each, `chunks` that many tokens of a prompt.
    `preempted` gave up their blocks to make room for it."""

    decodes: tuple[Sequence, ...]
    chunks: tuple[tuple[Sequence, int], ...]
    preempted: tuple[Sequence, ...]

    def batch(self) -> Batch:
        """The same step as the roofline sees it."""
        return Batch(
            decodes=[sequence.known for sequence in self.decodes],
            chunks=[Chunk(tokens, sequence.computed) for sequence, tokens in self.chunks],
        )


class Batching:
    """The scheduler of one replica: `add`, then `plan_step` and `advance` in turn."""

    def __init__(self, deployment: Deployment) -> None:
        self.blocks = Blocks(deployment.blocks)
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self._context = min(deployment.context, deployment.blocks * BLOCK)
        self._budget = deployment.batch_tokens
        self._most = deployment.sequences
        self._spare = deployment.blocks // SPARE_SHARE

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compute."""
        return not self.running and not self.waiting

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence.

        Raises:
            TollwayError: it is empty, or longer than the context or the whole KV memory.
        """
        if sequence.prompt < 1 or sequence.output < 1:
            raise TollwayError("a sequence has at least one token of prompt and one of output.")
        if sequence.prompt + sequence.output > self._context:
            raise TollwayError(
                f"{sequence.prompt} tokens of prompt + {sequence.output} of output is more than "
                f"the context of {self._context} tokens. Shorten the prompt or the output."
            )
        self.waiting.append(sequence)

    def cancel(self, sequence: Sequence) -> None:
        """Forget a sequence at once and free its blocks; harmless when it has ended already."""
        if sequence.gone:
            return
        sequence.gone = True
        self.blocks.give_back(sequence.blocks)
        if sequence in self.running:
            self.running.remove(sequence)
        else:
            self.waiting.remove(sequence)

    def plan_step(self) -> Plan:
        """Decide the next step and move blocks accordingly. An idle engine plans nothing."""
        preempted: list[Sequence] = []
        work: list[tuple[Sequence, int]] = []
        left = self._budget
        while left and len(work) < len(self.running):
            sequence = self.running[len(work)]
            tokens = min(sequence.known - sequence.computed, left)
            if not self._hold(sequence, sequence.computed + tokens, preempted):
                break
            work.append((sequence, tokens))
            left -= tokens
        while left and not preempted and self._admit():
            sequence = self.running[-1]
            tokens = min(sequence.known, left)
            work.append((sequence, tokens))
            left -= tokens
        return Plan(
            decodes=tuple(sequence for sequence, _ in work if sequence.decoding),
            chunks=tuple(pair for pair in work if not pair[0].decoding),
            preempted=tuple(preempted),
        )

    def advance(self, plan: Plan) -> list[Sequence]:
        """The step is over: who emitted a token. A sequence whose `generated` has reached its
        `output` has left and freed its blocks; one that was cancelled meanwhile emits nothing."""
        emitted: list[Sequence] = []
        steps = [(sequence, 1) for sequence in plan.decodes]
        for sequence, tokens in (*steps, *plan.chunks):
            if sequence.gone:
                continue
            sequence.computed += tokens
            if sequence.computed < sequence.known:
                continue
            sequence.generated += 1
            emitted.append(sequence)
            if sequence.generated >= sequence.output:
                self.cancel(sequence)
        return emitted

    def _admit(self) -> bool:
        """Let the first in the queue run, if there is a place and room for all that it knows."""
        if not self.waiting or len(self.running) >= self._most:
            return False
        sequence = self.waiting[0]
        needed = _blocks_for(sequence.known)
        # Those who run will need blocks too: admitting up to the last one would only preempt.
        spare = self._spare if self.running else 0
        if needed + spare > self.blocks.free:
            return False
        self.blocks.take(needed, sequence.blocks)
        self.waiting.popleft()
        self.running.append(sequence)
        return True

    def _hold(self, sequence: Sequence, tokens: int, preempted: list[Sequence]) -> bool:
        """Make `sequence` own blocks for `tokens` tokens, at the cost of those who came last; False
        if it came last itself and lost its own."""
        missing = _blocks_for(tokens) - len(sequence.blocks)
        if missing <= 0:
            return True
        while not self.blocks.take(missing, sequence.blocks):
            victim = self.running.pop()
            self.blocks.give_back(victim.blocks)
            victim.computed = 0
            self.waiting.appendleft(victim)
            preempted.append(victim)
            if victim is sequence:
                return False
        return True


def _blocks_for(tokens: int) -> int:
    return -(-tokens // BLOCK)
