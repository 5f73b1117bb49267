"""The address of the page is its state: what is asked, as it was typed and as it is meant.

Rules
1. What is wrong stands at its field with its mend, and what was typed stays as it was.
2. What is not said is taken from the fleet and its ledger, and the page says from where.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tollway.catalog import chip as packaged_chip
from tollway.catalog import chip_names, engine_names, known_as, model_names
from tollway.catalog.chips import RENTS
from tollway.console.hand import Load, SetUp
from tollway.errors import TollwayError, unknown

MOST_SET_UPS = 4
_DIGITS = 12
MOST_USERS = 4096
MOST_RATE = 10_000.0
MOST_TOKENS = 10_000_000
PRECISIONS = ("bf16", "fp16", "fp8", "fp4", "int8", "int4")
COUNTS = {
    "tp": ("Chips of one replica (tp)", 1024),
    "pp": ("Pipeline stages (pp)", 64),
    "ep": ("Expert parallelism (ep)", 1024),
    "dp": ("Attention groups (dp)", 64),
    "tiers": ("Memory tiers it may fill", 8),
}
"""Whole numbers of a set-up: what they are called, and the most."""
WORDS = ("chip", "precision", "engine", "price", "assume")


@dataclass(slots=True)
class Query:
    """What a page's address says. `typed` is every field as it was typed, `faults` the words at a
    field. What was not understood is None or left out."""

    typed: dict[str, str] = field(default_factory=dict[str, str])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    model: str | None = None
    input: int | None = None
    output: int | None = None
    prefix: float | None = None
    by: str = "users"
    at: float | None = None
    ttft: float | None = None
    speed: float | None = None
    set_ups: dict[int, SetUp] = field(default_factory=dict[int, SetUp])

    def load(self) -> Load:
        """The load that was asked about."""
        if self.by == "rate":
            return Load(rate=self.at or 1.0)
        return Load(users=round(self.at or 1))


def read(typed: Mapping[str, str], usual: str) -> Query:
    """The query of an address. `usual` is the model where none is named."""
    query = Query(typed={key: value.strip()[:200] for key, value in typed.items()})
    query.model = _model(query, usual)
    query.by = "rate" if query.typed.get("by") == "rate" else "users"
    for name in ("in", "out"):
        _count(query, name, MOST_TOKENS)
    query.input, query.output = _whole(query, "in"), _whole(query, "out")
    query.prefix = _number(query, "prefix", 0.0, 0.99, "a share from 0 to 0.99, as 0.3")
    if query.by == "rate":
        query.at = _number(query, "at", 0.001, MOST_RATE, f"requests a second, up to {MOST_RATE:g}")
    elif _count(query, "at", MOST_USERS):
        query.at = _whole(query, "at")
    query.ttft = _number(query, "ttft", 0.001, 3600.0, "seconds, as 2")
    query.speed = _number(query, "speed", 0.001, 1e6, "tokens a second, as 20")
    for at in range(1, MOST_SET_UPS + 1):
        found = _set_up(query, at)
        if found is not None:
            query.set_ups[at] = found
    return query


def _model(query: Query, usual: str) -> str | None:
    said = query.typed.get("model", "")
    if not said:
        return usual
    found = known_as("models", said)
    if found is not None:
        return found
    fault = unknown(said, model_names(), "")
    mend = fault.mend or "Name one of the list; `tollway predict` also takes a config.json."
    query.faults["model"] = f"{fault.problem.strip()}. {mend}"
    return None


def _set_up(query: Query, at: int) -> SetUp | None:
    """Set-up `at` where it names a chip, and everything of it is understood."""
    before = len(query.faults)
    said = query.typed.get(f"chip{at}", "")
    if not said:
        return None
    chip = known_as("chips", said)
    if chip is None:
        fault = unknown(said, chip_names(), "")
        query.faults[f"chip{at}"] = f"{fault.problem.strip()}. {fault.mend}".strip()
    counts: dict[str, int] = {}
    for name, (_, most) in COUNTS.items():
        if _count(query, f"{name}{at}", most):
            counts[name] = _whole(query, f"{name}{at}") or 1
    precision = query.typed.get(f"precision{at}") or None
    if precision is not None and precision not in PRECISIONS:
        query.faults[f"precision{at}"] = f'is "{precision}". Known: {", ".join(PRECISIONS)}.'
    engine = query.typed.get(f"engine{at}") or "vllm"
    if engine.partition("@")[0] not in engine_names():
        fault = unknown(engine.partition("@")[0], engine_names(), "")
        query.faults[f"engine{at}"] = f"{fault.problem.strip()}. {fault.mend}".strip()
    price = None if chip is None else _price(query, at, chip)
    if len(query.faults) > before or query.model is None or chip is None:
        return None
    return SetUp(
        model=query.model,
        chip=chip,
        precision=precision,
        engine=engine,
        price=price,
        assume=tuple((query.typed.get(f"assume{at}") or "").replace(",", " ").split()),
        prefill=None,
        **counts,
    )


def price_of(chip: str, said: str) -> float | None:
    """Dollars an hour of one chip: a number, a kind of lessor, or, where nothing is said, the first
    kind that the catalogue has a price of. None where there is none.

    Raises:
        TollwayError: it is no price.
    """
    rents = packaged_chip(chip).rents
    if not said:
        return next((rents[kind] for kind in usual_rents(chip)), None)
    if said in RENTS:
        return rents.get(said)
    try:
        found = float(said)
    except ValueError:
        found = -1.0
    if not 0 < found < 1e6:
        raise TollwayError(f'is "{said}". Write USD an hour of one chip (2.50), or {_rents()}.')
    return found


def usual_rents(chip: str) -> list[str]:
    """The kinds of lessor that the catalogue has a price of, the usual one first."""
    rents = packaged_chip(chip).rents
    return [kind for kind in ("neocloud", "rental", "hyperscaler") if kind in rents]


def _rents() -> str:
    return f"{', '.join(RENTS[:-1])} or {RENTS[-1]}"


def _price(query: Query, at: int, chip: str) -> float | None:
    said = query.typed.get(f"price{at}", "")
    try:
        found = price_of(chip, said)
    except TollwayError as error:
        query.faults[f"price{at}"] = str(error)
        return None
    if found is None and said:
        query.faults[f"price{at}"] = f"The catalogue has no {said} price of {chip}. Write USD."
    return found


def _count(query: Query, name: str, most: int) -> bool:
    """Whether a whole number was typed; what is none is a fault."""
    said = query.typed.get(name, "")
    if not said:
        return False
    if len(said) <= _DIGITS and said.isascii() and said.isdigit() and 1 <= int(said) <= most:
        return True
    query.faults[name] = f'is "{said}". Write a whole number from 1 to {most:,}.'
    if name == "at" and said.isdigit():
        query.faults[name] += " `tollway predict --concurrency` has no such limit."
    return False


def _whole(query: Query, name: str) -> int | None:
    said = query.typed.get(name, "")
    return int(said) if said and name not in query.faults else None


def _number(query: Query, name: str, least: float, most: float, words: str) -> float | None:
    said = query.typed.get(name, "")
    if not said:
        return None
    try:
        found = float(said)
    except ValueError:
        found = -1.0
    if not least <= found <= most and not (name == "prefix" and found == 0.0):
        query.faults[name] = f'is "{said}". Write {words}.'
        return None
    return found
