"""Bounds of one run, as KEY=VALUE."""

from collections.abc import Sequence

from tollway.errors import Fault, FaultsFound, unknown
from tollway.fleet.quantities import MalformedError, duration, size

_SIZES = frozenset(("memory", "disk", "output", "kept"))
_DURATIONS = frozenset(("time", "grace"))


def limit_of(said: str, names: Sequence[str]) -> tuple[str, float]:
    """The bound that KEY=VALUE names, and its value, in the units of `sandbox.order.Limits`.

    Raises:
        FaultsFound: there is no such bound, or the value is none.
    """
    name, _, value = said.partition("=")
    if name not in names:
        raise FaultsFound([unknown(name, names, "--limit")])
    try:
        if name in _SIZES:
            return name, size(value)
        if name in _DURATIONS:
            return name, duration(value)
        if name == "cpus":
            return name, _positive(float(value), value)
        return name, int(_positive(int(value), value))
    except MalformedError as error:
        fault = Fault("--limit", f"{name} {error.problem}", error.mend)
        raise FaultsFound([fault]) from None
    except ValueError:
        fault = Fault("--limit", f'{name} is "{value[:40]}"', f"Write a number: {name}=2.")
        raise FaultsFound([fault]) from None


def _positive(number: float, said: str) -> float:
    if not 0 < number < 1e9:
        raise ValueError(said)
    return number
