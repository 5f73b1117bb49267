"""A question and what is answered to it, by the engine model and by what one's own sources taught.

Rules
1. What a source of the user's own has shown to be stale is called so, and not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tollway.catalog import Chip
from tollway.engine.answer import Prediction
from tollway.engine.asking import Asked
from tollway.engine.deployment import precisions
from tollway.engine.fitted import Constants
from tollway.engine.predict import predict
from tollway.engine.question import Question
from tollway.errors import TollwayError
from tollway.simulator.scores import Claim, Stale, Trio, digest_of
from tollway.simulator.scores_told import stale_words


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and its prediction; `refused` says why there is none. `warnings` are what was
    guessed, by the engine model and before it."""

    question: Question
    prediction: Prediction | None
    refused: str | None
    warnings: tuple[str, ...]

    @property
    def chips(self) -> str:
        """`8 x h200`, or `4 x b200 + 8 x h200` where chips of their own prefill."""
        asked = self.question
        decode = f"{asked.layout.chips * asked.decode_replicas} x {asked.chip.name}"
        pool = asked.prefill
        if pool is None:
            return decode
        return f"{pool.layout.chips * pool.replicas} x {pool.chip.name} + {decode}"

    @property
    def precisions(self) -> tuple[str, str]:
        """Of weights and of the KV cache. Only of a question that was answered."""
        return precisions(self.question.model, self.question.settings)


def named(question: Question) -> Trio:
    """Model, chip and engine."""
    return question.model.name, question.chip.name, question.settings.framework


def answered(asked: Asked, stale: Mapping[Claim, Stale], fitted: Constants | None = None) -> Answer:
    """The answer, or why there is none. `fitted` are constants of one's own."""
    question, notes = asked.question, asked.notes
    try:
        _check_memory(question.chip)
        found = stale.get(Claim(*named(question), digest_of(fitted)))
        prediction = predict(question, fitted=fitted, seen=found and found.seen)
    except TollwayError as error:
        return Answer(question, None, str(error), ())
    if found is not None:
        notes = (*notes, stale_words(found))
    if prediction.ttft is None:
        notes = (*notes, "TPOT and tokens/s are then the best that the chip's memory allows.")
    return Answer(question, prediction, None, (*notes, *prediction.warnings))


def _check_memory(chip: Chip) -> None:
    if chip.memory[0].bandwidth is None and "memory[0].gb_s" not in chip.ranges:
        raise TollwayError(
            f"the memory bandwidth of {chip.name} is not published, and decode is reading memory. "
            "Assume one in GB/s: --assume bandwidth=LO..HI."
        )
