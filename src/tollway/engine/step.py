"""How long one step of a mixed batch takes on a deployment.

Rules
1. Every term is physical and monotone: more sequences, more context, less bandwidth or fewer FLOP/s
   never make a step shorter.
2. The emulator and the predictor ask here: there is one model of a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tollway.engine.deployment import Deployment
from tollway.engine.fitted import Constants, StepTime, constants
from tollway.engine.fitted import step_time as formula
from tollway.engine.replay import Span
from tollway.engine.work import Rig


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a prompt: `tokens` computed now, after `past` that are in the cache already."""

    tokens: int
    past: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step computes. `decodes` holds the context length of each sequence that decodes one
    token, itself included."""

    decodes: Sequence[int] = ()
    chunks: Sequence[Chunk] = ()


class StepTimer:
    """Step times of one deployment. What does not depend on the batch is computed once."""

    def __init__(self, deployment: Deployment, fitted: Constants | None = None) -> None:
        self.deployment = deployment
        self._rig = Rig(deployment)
        self._constants = fitted or constants()

    def of(self, batch: Batch) -> StepTime:
        """The time of one step; an empty batch takes none."""
        if not batch.decodes and not batch.chunks:
            return StepTime(*(0.0,) * 9)
        return self.of_span(
            Span(
                steps=1,
                decodes=len(batch.decodes),
                context=sum(batch.decodes),
                chunks=len(batch.chunks),
                prompt_tokens=sum(chunk.tokens for chunk in batch.chunks),
                prompt_pairs=sum(
                    chunk.tokens * (chunk.past + (chunk.tokens + 1) / 2) for chunk in batch.chunks
                ),
                prompt_seen=sum(chunk.past + chunk.tokens for chunk in batch.chunks),
                late=0,
                pace=0.0,
            )
        )

    def of_span(self, span: Span) -> StepTime:
        """The time of one step of a span."""
        return formula(self._constants, self._rig.of(span))


def step_time(deployment: Deployment, batch: Batch) -> StepTime:
    """The time of one step of `batch` on `deployment`."""
    return StepTimer(deployment).of(batch)


def decode_step(deployment: Deployment, sequences: int, context: int) -> StepTime:
    """One token for each of `sequences` sequences that are `context` tokens long."""
    return step_time(deployment, Batch(decodes=(context,) * sequences))


def prefill_chunk(deployment: Deployment, tokens: int, past: int = 0) -> StepTime:
    """`tokens` of one prompt, after `past` that are in the cache already."""
    return step_time(deployment, Batch(chunks=(Chunk(tokens, past),)))
