"""Every answer that one command line asks for: a chip, several chips, or a sweep over users.

Rules
1. One deployment that cannot be is refused. Beside others it stays among them, with its reason.
2. Of several chips, an assumption holds for those of which that fact is not known.
3. A calibration is of one model on one chip under one engine, and enters no other answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tollway.catalog import Chip
from tollway.catalog.chips import RENTS
from tollway.catalog.own import Catalogue
from tollway.cli.calibrated import Calibrated
from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions
from tollway.cli.predict_question import ask, chip_of, counted, model_of, with_prefill
from tollway.engine.asking import Asked, assumed, knows
from tollway.errors import TollwayError
from tollway.simulator.answer import Answer, answered
from tollway.simulator.scores import Claim, Stale

SWEEP = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Users of a sweep where none are named."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one command line asks for. `chips` are names, with a count where they are compared;
    `users` is empty where nothing is swept."""

    deployment: DeploymentOptions
    load: LoadOptions
    prefill: PrefillOptions
    chips: tuple[str, ...]
    users: tuple[int, ...]
    prices: tuple[str, ...]
    assumptions: tuple[str, ...]
    calibrated: Calibrated | None
    stale: Mapping[Claim, Stale]

    @property
    def alone(self) -> bool:
        """Whether one chip is asked about rather than compared."""
        return len(self.chips) == 1


def answers(wanted: Wanted, known: Catalogue) -> list[Answer]:
    """By chip in the order of the command line, and by users.

    Raises:
        TollwayError: an option makes no sense, or nothing could be answered.
    """
    found: list[Answer] = []
    for name in wanted.chips:
        asked = _asked(wanted, known, name)
        found += [_answer(_at(asked, users), wanted) for users in wanted.users or (None,)]
    if all(one.prediction is None for one in found):
        raise TollwayError("\n".join(dict.fromkeys(str(one.refused) for one in found)))
    return found


def _asked(wanted: Wanted, known: Catalogue, text: str) -> Asked:
    said = wanted.deployment
    if not wanted.alone:
        tp, text = counted(text, said.tp)
        said = replace(said, tp=tp)
    chip = chip_of(known, text)
    alone = wanted.alone and wanted.prefill.prefill_chip is None
    assumptions = [
        one for one in wanted.assumptions if alone or not knows(chip, one.partition("=")[0])
    ]
    asked = ask(known, assumed(chip, assumptions), said, wanted.load, model_of(known, said.model))
    price, why = price_of(chip, wanted.prices)
    paired = with_prefill(asked.question, known, wanted.prefill, wanted.assumptions)
    question = replace(paired.question, chip_hour_usd=price)
    return Asked(question, (*asked.notes, *paired.notes, *why))


def price_of(chip: Chip, said: Sequence[str]) -> tuple[float | None, tuple[str, ...]]:
    """Dollars an hour of one chip, as `--price` says, and a sentence where it says nothing of it.

    Raises:
        TollwayError: a price is none.
    """
    found: float | None = None
    notes: tuple[str, ...] = ()
    for text in said:
        name, _, value = text.rpartition("=")
        if name and name != chip.name:
            continue
        if value in RENTS:
            found = chip.rents.get(value)
            if found is None:
                notes = (f"the catalogue has no {value} price of {chip.name}.",)
            continue
        try:
            found = float(value)
        except ValueError:
            found = -1.0
        if not 0 < found < float("inf"):
            raise TollwayError(
                f"--price {text} is not a price. Write USD an hour of one chip (2.50 or h200=2.50),"
                f" or {', '.join(RENTS)} for the catalogue's."
            )
    return found, () if found is not None else notes


def _at(asked: Asked, users: int | None) -> Asked:
    if users is None:
        return asked
    load = replace(asked.question.workload, concurrency=users)
    return Asked(replace(asked.question, workload=load), asked.notes)


def _answer(asked: Asked, wanted: Wanted) -> Answer:
    question, own = asked.question, wanted.calibrated
    constants, notes = None, asked.notes
    if own is not None and own.is_of(question):
        constants, notes = own.constants, (*notes, *own.differences(question))
    elif own is not None and wanted.alone:
        raise TollwayError(own.mismatch(question))
    return answered(Asked(question, notes), wanted.stale, constants)


def users_of(sweep: str | None) -> tuple[int, ...]:
    """The users to sweep over; none where nothing is swept.

    Raises:
        TollwayError: it is no sweep.
    """
    if sweep is None:
        return ()
    what, _, values = sweep.partition("=")
    if what != "concurrency":
        raise TollwayError(f"--sweep {sweep} cannot be. Sweep concurrency, or concurrency=1,8,64.")
    if not values:
        return SWEEP
    words = values.split(",")
    if not all(word.isascii() and word.isdigit() and int(word) for word in words):
        raise TollwayError(f"--sweep {sweep}: users are whole numbers from 1, as in 1,8,64.")
    return tuple(sorted({int(word) for word in words}))


def curves(found: Sequence[Answer]) -> Mapping[str, list[Answer]]:
    """Answers by their chips, in the order in which they came."""
    groups: dict[str, list[Answer]] = {}
    for one in found:
        groups.setdefault(one.chips, []).append(one)
    return groups
