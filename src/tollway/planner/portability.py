"""What software a chip's models run on, and how long it takes to bring one elsewhere.

Rules
1. A chip's software is its vendor's. What is not known is not said.
2. Months to port are those declared for the model; else a default, which is said to be one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tollway.fleet.contract_dates import add_months
from tollway.fleet.planning import Portability
from tollway.planner.program.instance import Line, Period

SOFTWARE: Mapping[str, str] = {
    "nvidia": "cuda",
    "amd": "rocm",
    "google": "xla",
    "aws": "neuron",
    "intel": "oneapi",
    "qualcomm": "cloud-ai",
}
"""A chip's vendor -> what runs on it."""

CUDA = "cuda"
DEFAULT_MONTHS = 6
"""A judgement, and said to be one: a quarter until a model runs, and one until it runs well."""


@dataclass(frozen=True, slots=True)
class Port:
    """Bringing a model to another software. `declared`: the months are the user's own."""

    model: str
    software: str
    months: int
    declared: bool


def software_of(vendor: str) -> str | None:
    """What runs on a vendor's chips; None: not known."""
    return SOFTWARE.get(vendor.lower())


def runs_on(model: str, software: str, said: Mapping[str, Portability]) -> bool:
    """Whether a model runs there already: everywhere, where nothing is declared of it."""
    one = said.get(model)
    return one is None or not one.runs_on or software in one.runs_on


def port_of(model: str, software: str, said: Mapping[str, Portability]) -> Port:
    """What it takes to bring a model to a software (rule 2)."""
    one = said.get(model)
    months = None if one is None else one.port_months.get(software)
    if months is None:
        return Port(model, software, DEFAULT_MONTHS, declared=False)
    return Port(model, software, months, declared=True)


def ported(
    lines: Sequence[Line],
    software: str | None,
    said: Mapping[str, Portability],
    periods: Sequence[Period],
) -> tuple[tuple[Line, ...], tuple[Port, ...]]:
    """Lines from the period on in which their model runs on a software, and what is to be ported
    for them from the plan's start on."""
    if software is None:
        return tuple(lines), ()
    found: list[Line] = []
    ports: dict[str, Port] = {}
    for line in lines:
        if runs_on(line.model, software, said):
            found.append(line)
            continue
        port = ports.setdefault(line.model, port_of(line.model, software, said))
        there = add_months(periods[0].first, port.months)
        first = next((at for at, one in enumerate(periods) if one.first >= there), None)
        if first is not None and (line.last is None or first <= line.last):
            found.append(replace(line, first=max(line.first, first)))
    return tuple(found), tuple(ports.values())
