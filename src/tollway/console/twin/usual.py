"""What is taken where the address says nothing: the fleet's model and chips, the ledger's workload.

Rules
1. A workload says where it is from, and of how many requests it is made.
"""

from dataclasses import dataclass

from tollway.catalog import chip as packaged_chip
from tollway.catalog import chip_names, known_as, model
from tollway.console.desk import Desk
from tollway.console.hand import SetUp
from tollway.console.rendering import moment
from tollway.console.twin.query import price_of
from tollway.engine import EngineSettings, Layout, deploy
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet, Slo
from tollway.ledger.sqlite import SqliteLedger
from tollway.ledger.timings import Lately
from tollway.units import Seconds

MOST_REQUESTS = 2000
PATIENCE = Seconds(2.0)
DEFAULT = 1024
_MODEL = "llama-3.3-70b"
_CHIPS = ("h200", "b200")
_TPS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Workload:
    """Mean tokens in and out, the share of prompts found in the prefix cache, users at once and
    requests a second where they are known. `words` say where it is from (rule 1)."""

    input: int
    output: int
    prefix: float
    users: int | None
    rate: float | None
    words: str


async def workload_of(desk: Desk, name: str) -> Workload:
    """The workload of a model: the ledger's, else the fleet's, else that of `tollway predict`."""
    own = own_names(desk.fleet, name)
    if own and not desk.books.path.is_file():
        return _declared(desk, own, "There is no ledger yet (`tollway up` makes one)")
    why = f"The ledger has no whole answer of {name} among its last {MOST_REQUESTS:,} requests"
    for mine in own:

        def ask(ledger: SqliteLedger, of: str = mine) -> Lately | None:
            return ledger.lately(of, MOST_REQUESTS)

        try:
            found = await desk.books.read(ask, PATIENCE)
        except TollwayError as error:
            why = f"The ledger was not read ({str(error).rstrip('.')})"
            break
        if found is not None:
            return _recorded(found)
    if not own:
        why = f"{name} is not in the fleet file"
    return _declared(desk, own, why)


def _declared(desk: Desk, own: list[str], why: str) -> Workload:
    for declared in desk.fleet.workloads.values():
        if set(own) & set(declared.models):
            words = f"{why}; this is the workload {declared.name} of the fleet file."
            tokens = declared.input_tokens, declared.output_tokens
            return Workload(*tokens, 0.0, None, None, words)
    words = f"{why}; {DEFAULT:,} tokens in and out is what `tollway predict` takes."
    return Workload(DEFAULT, DEFAULT, 0.0, None, None, words)


def _recorded(found: Lately) -> Workload:
    count = found.requests
    users = found.users
    rate = found.rate
    cached = found.cached_input / found.input
    came = "" if rate is None else f", {rate:.3g} a second, {users or 0:.3g} at once"
    return Workload(
        input=max(1, round(found.input / count)),
        output=max(1, round(found.output / count)),
        prefix=min(0.99, round(cached, 2)),
        users=None if users is None else max(1, round(users)),
        rate=rate,
        words=(
            f"Made of the ledger's last {count:,} whole answers, from {moment(found.since)} to "
            f"{moment(found.until)}: means of their tokens{came}."
        ),
    )


def own_names(fleet: Fleet, name: str) -> list[str]:
    """What the fleet calls a model of the catalogue."""
    return [own for own in fleet.models if known_as("models", own) == name or own == name]


def model_of(fleet: Fleet) -> str:
    """The model that is shown first: the first of the fleet's that the catalogue knows, those on
    chips before the others."""
    sources = sorted(fleet.sources.values(), key=lambda one: one.silicon is None)
    served = [name for source in sources for name in source.serves]
    known = (known_as("models", name) for name in (*served, *fleet.models))
    return next((name for name in known if name is not None), _MODEL)


def set_ups_of(fleet: Fleet, name: str, most: int) -> tuple[dict[int, SetUp], str]:
    """The fleet's own chips of this model, else some of the catalogue's that hold it, and words."""
    found: dict[SetUp, str] = {}
    for source in fleet.sources.values():
        silicon = source.silicon
        for own in own_names(fleet, name):
            serving = source.serves.get(own)
            if silicon is None or serving is None or known_as("chips", silicon.chip) is None:
                continue
            chip = known_as("chips", silicon.chip) or silicon.chip
            made = _set_up(name, chip, silicon.tp, serving.precision)
            found.setdefault(made, source.name)
    if found:
        some = dict(list(found.items())[:most])
        words = f"As the fleet has it: {', '.join(some.values())}."
        return dict(enumerate(some, 1)), words
    fitting = [one for one in (_fitting(name, chip) for chip in _CHIPS) if one is not None]
    return dict(enumerate(fitting, 1)), "Nothing of the fleet runs it on chips; these can hold it."


def _set_up(name: str, chip: str, tp: int, precision: str | None) -> SetUp:
    return SetUp(model=name, chip=chip, tp=tp, precision=precision, price=price_of(chip, ""))


def _fitting(name: str, chip: str) -> SetUp | None:
    for tp in _TPS:
        try:
            deploy(model(name), packaged_chip(chip), Layout(tp), EngineSettings())
        except TollwayError:
            continue
        return _set_up(name, chip, tp, None)
    return None


def promise_of(fleet: Fleet, name: str) -> tuple[Slo | None, str]:
    """What the fleet promises of a model, and which route does."""
    for route in fleet.routes.values():
        promised = route.slo.ttft is not None or route.slo.speed is not None
        if promised and route.model in own_names(fleet, name):
            return route.slo, f"As the route {route.alias} promises."
    return None, "No route of the fleet promises a speed for this model."


def every_chip() -> list[tuple[str, str]]:
    """Chips to choose from: name and label."""
    return [(name, packaged_chip(name).label) for name in chip_names()]
