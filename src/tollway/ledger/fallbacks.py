"""Which fallbacks of a fleet have been tried lately.

Rules
1. A fallback is tested by a request that it completed on that route.
2. Traffic is known by its UTC day, which counts as its last moment; a drill by its moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tollway.fleet.objects import Fleet
from tollway.ledger.drills import LastUse

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One fallback of a route, and when it was last used there; UTC seconds. `source` None: the
    route has no fallback."""

    route: str
    source: str | None
    model: str | None
    traffic: float | None
    drill: float | None
    tested: bool


def standings(fleet: Fleet, uses: Iterable[LastUse], days: int, now: float) -> list[Standing]:
    """Every fallback of every route, untested ones first in each route."""
    last: Mapping[tuple[str, str, str], LastUse] = {
        (use.route, use.source, use.model): use for use in uses
    }
    found: list[Standing] = []
    for name, route in sorted(fleet.routes.items()):
        if not route.fallbacks:
            found.append(Standing(name, None, None, None, None, False))
        for pair in route.fallbacks:
            use = last.get((name, pair.source, pair.model))
            traffic, drill = (None, None) if use is None else (use.traffic, use.drill)
            # Rule 2.
            latest = max(0.0 if traffic is None else traffic + _DAY, drill or 0.0)
            tested = latest > now - days * _DAY
            found.append(Standing(name, pair.source, pair.model, traffic, drill, tested))
    return found
