"""What the page is asked to show: the address, and the usual where it says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from tollway.console.desk import Desk
from tollway.console.hand import Job, Load, SetUp
from tollway.console.twin.query import COUNTS, MOST_SET_UPS, Query, read
from tollway.console.twin.usual import (
    Workload,
    model_of,
    promise_of,
    set_ups_of,
    workload_of,
)

USERS = 16
"""Users at once where nobody knows how many there are."""


@dataclass(frozen=True, slots=True)
class State:
    """What is shown. `fields` are the form's, as they were typed or as they are taken; `numbers`
    are those of the set-ups that have fields. `workload`, `promise` and `chosen` say where what was
    not typed is from."""

    fields: Mapping[str, str]
    faults: Mapping[str, str]
    model: str
    workload: Workload
    input: int
    output: int
    prefix: float
    by: str
    at: float
    ttft: float | None
    speed: float | None
    set_ups: Mapping[int, SetUp]
    numbers: tuple[int, ...]
    chosen: str
    promise: str
    ledger: str

    def load(self) -> Load:
        """The load that was asked about."""
        return Load(rate=self.at) if self.by == "rate" else Load(users=round(self.at))

    def job(self, set_up: SetUp, loads: tuple[Load, ...]) -> Job:
        """What is asked of one set-up."""
        return Job(set_up, self.input, self.output, loads, self.ledger)


async def state_of(desk: Desk, typed: Mapping[str, str]) -> State:
    """The state that an address stands for."""
    first = model_of(desk.fleet)
    query = read(typed, first)
    model = query.model or first
    usual = await workload_of(desk, model)
    prefix = usual.prefix if query.prefix is None else query.prefix
    named = any(query.typed.get(f"chip{at}") for at in range(1, MOST_SET_UPS + 1))
    chosen = ""
    set_ups = dict(query.set_ups)
    if not named:
        set_ups, chosen = set_ups_of(desk.fleet, model, MOST_SET_UPS)
    slo, promise = promise_of(desk.fleet, model)
    ttft, speed = query.ttft, query.speed
    if "ttft" in query.typed or "speed" in query.typed:
        promise = ""
    elif slo is not None:
        ttft, speed = slo.ttft, slo.speed
    at = query.at or _usual_at(usual, query.by)
    fields = _fields(query, set_ups, model)
    taken = {
        "in": str(query.input or usual.input),
        "out": str(query.output or usual.output),
        "prefix": f"{prefix:g}",
        "at": f"{at:g}",
        "ttft": "" if ttft is None else f"{ttft:g}",
        "speed": "" if speed is None else f"{speed:g}",
    }
    prefixed = {at: _with_prefix(one, prefix) for at, one in set_ups.items()}
    return State(
        fields={**taken, **fields},
        faults=query.faults,
        model=model,
        workload=usual,
        input=query.input or usual.input,
        output=query.output or usual.output,
        prefix=prefix,
        by=query.by,
        at=at,
        ttft=ttft,
        speed=speed,
        set_ups=prefixed,
        numbers=_numbers(query, set_ups),
        chosen=chosen,
        promise=promise,
        ledger=str(desk.books.path),
    )


def _usual_at(usual: Workload, by: str) -> float:
    if by == "rate":
        return float(f"{usual.rate or 1.0:.3g}")
    return float(usual.users or USERS)


def _with_prefix(one: SetUp, prefix: float) -> SetUp:
    from msgspec.structs import replace

    return replace(one, prefix=prefix)


def _fields(query: Query, set_ups: Mapping[int, SetUp], model: str) -> dict[str, str]:
    fields = {"model": model, "by": query.by}
    for at, one in set_ups.items():
        fields[f"chip{at}"] = one.chip
        fields[f"precision{at}"] = one.precision or ""
        fields |= {f"{name}{at}": str(getattr(one, name)) for name in COUNTS}
        fields[f"engine{at}"] = one.engine
    return {**fields, **{key: value for key, value in query.typed.items() if value}}


def _numbers(query: Query, set_ups: Mapping[int, SetUp]) -> tuple[int, ...]:
    """Those that are understood, those that are not, and one more where it is asked for."""
    some = {at for at in range(1, MOST_SET_UPS + 1) if query.typed.get(f"chip{at}")}
    some |= set(set_ups)
    if query.typed.get("add") and len(some) < MOST_SET_UPS:
        some.add(min(set(range(1, MOST_SET_UPS + 1)) - some))
    return tuple(sorted(some or {1}))
