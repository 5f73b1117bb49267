"""What a million tokens cost on a contract's chips, at the largest load that keeps an SLO."""

from dataclasses import dataclass, replace

from tollway.catalog import chip as chip_named
from tollway.catalog import known_as
from tollway.catalog import model as model_named
from tollway.cli.contract_cost_options import ServingOptions
from tollway.engine import EngineSettings, Layout, Question, Workload, predict, sustained
from tollway.engine.answer import Estimate, Prediction
from tollway.errors import Fault, FaultsFound
from tollway.fleet.quantities import MalformedError, duration
from tollway.planner.effective import Effective
from tollway.planner.stated import NotStatedError
from tollway.units import Seconds


@dataclass(frozen=True, slots=True)
class Priced:
    """A prediction at `users` at once on each replica. `assumed` says that the chip is not the
    contract's word."""

    question: Question
    users: int
    prediction: Prediction
    price: Estimate
    tpot: Seconds
    assumed: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was guessed."""
        chip = self.question.chip.name
        own = (f"that the chips are {chip} is your assumption, not the contract's.",)
        return (*(own if self.assumed else ()), *self.prediction.warnings)

    def words(self) -> str:
        """For people."""
        asked, price = self.question, self.price
        load = asked.workload
        return (
            f"{asked.model.name} on {asked.layout.chips} x {asked.chip.name}, "
            f"{load.input_tokens:,} tokens in and {load.output_tokens:,} out,\n"
            f"{self.users:,} users a replica within a TPOT of {self.tpot * 1000:g} ms: "
            f"${price.value:.2f} a million output tokens\n"
            f"({price.low:.2f} to {price.high:.2f}, 80%; {self.prediction.origin}), "
            "were every chip so busy all the time.\n"
        )

    def plain(self) -> dict[str, object]:
        """For JSON."""
        asked, price = self.question, self.price
        return {
            "model": asked.model.name,
            "chip": asked.chip.name,
            "chip_assumed": self.assumed,
            "chips_a_replica": asked.layout.chips,
            "users_a_replica": self.users,
            "input_tokens": asked.workload.input_tokens,
            "output_tokens": asked.workload.output_tokens,
            "tpot_bound_s": self.tpot,
            "usd_per_mtok": {"value": price.value, "low": price.low, "high": price.high},
            "origin": self.prediction.origin,
            "warnings": list(self.warnings),
        }


def price_tokens(chip_hour: Effective, serving: ServingOptions) -> Priced:
    """The price of tokens at the effective price of a chip-hour.

    Raises:
        NotStatedError: which chip it is about is neither stated nor assumed.
        TollwayError: the deployment cannot be, or keeps no such promise.
    """
    name = serving.chip or chip_hour.chip
    if name is None:
        raise NotStatedError("which chip is not stated; --chip CHIP assumes one")
    tpot, ttft = _time(serving.tpot, "--tpot"), None
    if serving.ttft is not None:
        ttft = _time(serving.ttft, "--ttft")
    question = Question(
        model=model_named(known_as("models", serving.model or "") or serving.model or ""),
        chip=chip_named(known_as("chips", name) or name),
        workload=Workload(serving.input, serving.output),
        layout=Layout(tp=serving.tp),
        settings=EngineSettings(precision=serving.precision),
        chip_hour_usd=float(chip_hour.usd_per_chip_hour),
    )
    users = sustained(question, tpot, ttft).concurrency
    if not users:
        mend = "Allow more time, or spread a replica over more chips with --tp."
        problem = f"is {serving.tpot}, which not even one user is served within"
        raise FaultsFound([Fault("--tpot", problem, mend)])
    load = replace(question.workload, concurrency=users)
    question = replace(question, workload=load)
    found = predict(question)
    if found.usd_per_mtok is None:
        raise NotStatedError("the engine model gives no price here")
    assumed = chip_hour.chip is None or serving.chip not in (None, chip_hour.chip)
    return Priced(question, users, found, found.usd_per_mtok, tpot, assumed)


def _time(text: str, option: str) -> Seconds:
    try:
        return duration(text)
    except MalformedError as error:
        raise FaultsFound([Fault(option, error.problem, error.mend)]) from None
