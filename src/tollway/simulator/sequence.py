"""What a replica is asked, what it tells, and how its engine fills a step."""

from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from tollway.engine import Deployment
from tollway.engine.constants import BLOCK
from tollway.engine.fitted import Constants
from tollway.engine.replay import Mixing
from tollway.errors import TollwayError
from tollway.simulator.steps import StepTimes
from tollway.simulator.timing import step_times


class Phase(IntEnum):
    """Where a sequence is in its life."""

    WAITING = 0
    PREFILLING = 1
    DECODING = 2
    GONE = 3


class Kind(IntEnum):
    """What happened to a sequence: its first token, or its last."""

    FIRST = 0
    END = 1


@dataclass(slots=True, eq=False)
class Sequence:
    """One request inside a replica: tokens of `prompt` and `output`, and ids of its hashed blocks
    (equal ids mean equal tokens so far; ids that go on behind the prompt are those of its answer).

    `generated` tokens were out, `known` in the cache or about to be, when it began to decode or to
    wait; of these `left` are to be computed. `cached` tokens of its prompt were in the cache,
    `ready` come with it, computed by another engine (until they are lost).
    """

    name: int | str
    prompt: int
    output: int
    prefix: Many[int] = ()
    order: int = 0
    phase: Phase = Phase.WAITING
    generated: int = 0
    known: int = 0
    left: int = 0
    shared: int = 0
    began: int = 0
    ends: int = 0
    cached: int = 0
    ready: int = 0


class Happening(NamedTuple):
    """A first or last token at `at` picoseconds."""

    at: int
    kind: Kind
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """How an engine fills its steps: see `settings_of`. `sequences` run at once, `rows` are
    computed for each decode, `reserve` keeps blocks for a whole answer at admission, `caching`
    keeps hashed blocks of `hashed` tokens."""

    steps: StepTimes
    blocks: int
    sequences: int
    batch_tokens: int
    context: int
    mixing: Mixing = "mixed"
    rows: int = 1
    reserve: bool = False
    caching: bool = True
    hashed: int = BLOCK

    def __post_init__(self) -> None:
        if self.sequences * self.rows > self.batch_tokens:
            raise TollwayError(
                f"{self.sequences} sequences x {self.rows} rows are more than the "
                f"{self.batch_tokens} tokens of one step. Allow fewer sequences, or more tokens."
            )
        if self.hashed < BLOCK or self.hashed % BLOCK:
            raise TollwayError(
                f"a hashed block of {self.hashed} tokens is no multiple of the {BLOCK} tokens of a "
                f"KV block. Use {BLOCK}, or 512 for Mooncake's traces."
            )

    def longest_step(self) -> int:
        """Picoseconds that no step is longer than: every seat taken and every sequence as long as
        may be, which shared blocks allow, and a whole budget of prompt behind such contexts."""
        tokens = max(self.batch_tokens, self.context if self.mixing == "whole" else 0)
        chunks, keys = min(tokens, self.sequences), self.sequences * self.context
        prompt = chunks, tokens, 2 * tokens * self.context, chunks * self.context
        return self.steps.mixed(self.sequences, keys * self.steps.unit, prompt)

    def check(self, sequence: Sequence) -> None:
        """Whether it could ever be served.

        Raises:
            TollwayError: it is empty, or longer than the context or the whole cache.
        """
        prompt, output = sequence.prompt, sequence.output
        if prompt < 1 or output < 1:
            raise TollwayError("a sequence has at least one token of prompt and one of output.")
        # The last step may yield more than is asked for.
        held = prompt + output - 1 + (self.steps.gain - 1) // self.steps.unit
        if prompt + output > self.context or held > self.blocks * BLOCK:
            raise TollwayError(
                f"{prompt} tokens of prompt + {output} of output is more than the context of "
                f"{self.context} tokens. Shorten the prompt or the output."
            )


def settings_of(
    deployment: Deployment,
    accepted: float = 0.0,
    *,
    caching: bool = True,
    hashed: int = BLOCK,
    fitted: Constants | None = None,
) -> ReplicaSettings:
    """The settings of a deployment's engine; `accepted` drafts are kept a step, on average;
    `fitted` are constants of one's own."""
    rows = 1 + deployment.drafted
    seats = deployment.sequences * deployment.layout.attention_dp
    return ReplicaSettings(
        steps=step_times(deployment, accepted, fitted),
        blocks=deployment.blocks,
        sequences=min(seats, deployment.batch_tokens // rows),
        batch_tokens=deployment.batch_tokens,
        context=min(deployment.context, deployment.blocks * BLOCK),
        mixing=deployment.mixing,
        rows=rows,
        reserve=deployment.framework == "trtllm",
        caching=caching,
        hashed=hashed,
    )


@dataclass(slots=True)
class Counters:
    """Sums over a replica's life: `steps`, picoseconds `busy`, sequences `preempted`, prompt tokens
    found in the cache (`cached`) and computed (`prefilled`), most blocks in use (`peak`)."""

    steps: int = 0
    busy: int = 0
    preempted: int = 0
    cached: int = 0
    prefilled: int = 0
    peak: int = 0


@dataclass(slots=True)
class Leap:
    """Equal steps that run: from `start` to `end`, in which `decodes` (or not) and `chunks` of
    prompts are computed."""

    start: int
    end: int
    steps: int
    decodes: bool
    chunks: list[Sequence] = field(default_factory=list[Sequence])
