"""Capacity in tokens at a promise: what chips make of a workload, by the engine model.

Rules
1. With a promised speed or TTFT, a replica has as many users at once as their means allow; without
   one its batch is full. Tensor parallelism is what makes the most tokens of the chips there are.
2. Chips that no whole replica can be made of are idle.
3. Constants of one's own come before the shared ones, and a pace that was seen not to hold is
   stale, with the wider interval of that.
4. What the engine model refuses is refused with its reasons; nothing is guessed.
"""

from dataclasses import dataclass, replace

from tollway.catalog import Chip, ModelShape, known_as
from tollway.catalog.own import Catalogue
from tollway.engine import EngineSettings, Layout, Question, Workload, deploy, predict, sustained
from tollway.engine.answer import Estimate
from tollway.engine.constants import BLOCK
from tollway.errors import TollwayError
from tollway.fleet.planning import Demand
from tollway.simulator.scores import Claim, Learned, digest_of
from tollway.units import Seconds, TokensPerSecond

TENSOR = (1, 2, 4, 8, 16)
"""Chips of one replica that are tried."""

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Load:
    """A request's mean lengths, and what is promised to it; None is nothing."""

    input_tokens: int
    output_tokens: int
    ttft: Seconds | None
    speed: TokensPerSecond | None
    precision: str | None


@dataclass(frozen=True, slots=True)
class Pace:
    """One replica of `chips` at a load that keeps the promise: `users` at once, and `tokens` an
    hour, in and out together, with its 80% interval. `origin` is how near it is to what was
    measured, or "stale"."""

    chips: int
    users: int
    tokens: Estimate
    origin: str
    warnings: tuple[str, ...]

    def of(self, chips: int) -> tuple[int, int, int]:
        """Whole tokens an hour of so many chips, and the ends of the interval (rule 2)."""
        replicas = chips // self.chips
        one = self.tokens
        return int(replicas * one.value), int(replicas * one.low), int(replicas * one.high)


def load_of(demand: Demand) -> Load:
    """What a workload asks of a replica."""
    return Load(
        demand.input_tokens, demand.output_tokens, demand.ttft, demand.speed, demand.precision
    )


class Speeds:
    """The engine model's answers, each asked once."""

    def __init__(self, catalogue: Catalogue, learned: Learned) -> None:
        self._catalogue = catalogue
        self._learned = learned
        self._known: dict[tuple[str, str, Load, int], Pace | TollwayError] = {}

    def chip(self, name: str) -> Chip:
        """The chip of that name.

        Raises:
            TollwayError: there is none.
        """
        own = name in self._catalogue.chips
        return self._catalogue.chip(name if own else known_as("chips", name) or name)

    def model(self, name: str) -> ModelShape:
        """The model of that name.

        Raises:
            TollwayError: there is none.
        """
        own = name in self._catalogue.models
        return self._catalogue.model(name if own else known_as("models", name) or name)

    def pace(self, chip: str, model: str, load: Load, chips: int) -> Pace:
        """The best replica of a model on at most so many chips.

        Raises:
            TollwayError: none of them keeps the promise; with every reason.
        """
        most = max((tp for tp in TENSOR if tp <= chips), default=0)
        key = (chip, model, load, most)
        if key not in self._known:
            try:
                self._known[key] = self._best(self.chip(chip), self.model(model), load, most)
            except TollwayError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, TollwayError):
            raise found
        return found

    def _best(self, chip: Chip, model: ModelShape, load: Load, most: int) -> Pace:
        found: list[Pace] = []
        reasons: dict[str, None] = {}
        for tp in TENSOR:
            if tp > most:
                break
            try:
                found.append(self._at(chip, model, load, tp))
            except TollwayError as error:
                reasons[str(error)] = None
        if not found:
            raise TollwayError(" ".join(reasons) or f"fewer than one {chip.name}.")
        return max(found, key=lambda one: (one.tokens.value / one.chips, -one.chips))

    def _at(self, chip: Chip, model: ModelShape, load: Load, tp: int) -> Pace:
        question = Question(
            model,
            chip,
            Workload(load.input_tokens, load.output_tokens),
            Layout(tp=tp),
            EngineSettings(precision=load.precision),
        )
        trio = (model.name, chip.name, question.settings.framework)
        fitted = self._learned.own.get(trio)
        seen = self._learned.seen.get(Claim(*trio, digest_of(fitted)))
        middle = replace(question, chip=chip.at(0.5)) if chip.ranges else question
        if load.ttft is None and load.speed is None:
            users = _seats(middle)
        else:
            tpot = float("inf") if load.speed is None else 1.0 / load.speed
            users = sustained(middle, tpot, load.ttft, fitted=fitted).concurrency
        if not users:
            raise TollwayError(_too_slow(model, chip, load, tp))
        busy = replace(question, workload=replace(question.workload, concurrency=users))
        answer = predict(busy, fitted=fitted, seen=seen)
        if answer.ttft is None and load.ttft is not None:
            raise TollwayError(f"{model.name} on {tp} x {chip.name}: {answer.refused[0]}")
        whole = (load.input_tokens + load.output_tokens) / load.output_tokens * HOUR
        out = answer.total_tokens
        tokens = Estimate(out.value * whole, out.low * whole, out.high * whole)
        return Pace(tp, users, tokens, answer.origin, answer.warnings)


def _seats(question: Question) -> int:
    """Users of a full batch (rule 1)."""
    made = deploy(question.model, question.chip, question.layout, question.settings)
    held = question.workload.input_tokens + question.workload.output_tokens / 2
    return max(1, min(made.sequences, int(made.blocks * BLOCK / held)))


def _too_slow(model: ModelShape, chip: Chip, load: Load, tp: int) -> str:
    promise = [
        f"a first token within {load.ttft:g} s" if load.ttft is not None else "",
        f"{load.speed:g} tokens a second" if load.speed is not None else "",
    ]
    said = " and ".join(filter(None, promise))
    return (
        f"{model.name} on {tp} x {chip.name} gives not even one user {said}, with "
        f"{load.input_tokens:,} tokens in and {load.output_tokens:,} out."
    )
