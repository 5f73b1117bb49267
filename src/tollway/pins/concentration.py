"""What a fleet leans on: single points of failure, and shares of vendors.

Rules
1. A loss is played by taking a thing out and asking which routes still have a candidate or a
   fallback that meets what they require. A route that had none before is not blamed on the loss.
2. A thing is what the fleet file or the lock says it is: a source without a vendor shares none.
3. The Herfindahl-Hirschman index is the sum of the squares of the shares, 0 to 1: 1 is a single
   vendor, 1/n is n equal ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tollway.fleet.demands import meets
from tollway.fleet.objects import Candidate, Fleet, Route
from tollway.pins.component import ModelApi, NpmPackage, PypiPackage
from tollway.pins.lock import Lock

KINDS = (
    "vendor", "source", "region", "model", "model family", "chip", "runtime", "credential",
    "tool server", "package index",
)  # fmt: skip
"""What may be lost, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What losing the `name` of kind `what` leaves without anything that serves it: `routes` by
    alias, `others` in words (tools, packages)."""

    what: str
    name: str
    routes: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Astray:
    """A fallback of the lock that is none: of which component, what it names, and why."""

    component: str
    fallback: str
    why: str


@dataclass(frozen=True, slots=True)
class Concentration:
    """Shares by vendor, the largest first. `of` says of what: spend, requests or candidates."""

    of: str
    shares: tuple[tuple[str, float], ...]

    @property
    def index(self) -> float:
        """Rule 3."""
        return sum(share * share for _, share in self.shares)


def servings(fleet: Fleet, route: Route) -> tuple[Candidate, ...]:
    """What may serve a route: candidates and fallbacks that meet what it requires."""
    return tuple(
        it
        for it in (*route.candidates, *route.fallbacks)
        if meets(fleet.sources[it.source].serves[it.model], route.demand)
    )


def losses(fleet: Fleet, lock: Lock | None = None) -> tuple[Loss, ...]:
    """Every single loss that leaves something without anything that serves it."""
    found: dict[tuple[str, str], list[str]] = {}
    for route in fleet.routes.values():
        needs = [set(_leans(fleet, lock, it)) for it in servings(fleet, route)]
        for thing in needs[0].intersection(*needs[1:]) if needs else ():
            found.setdefault(thing, []).append(route.alias)
    order = sorted(found, key=lambda it: (KINDS.index(it[0]), it[1]))
    routes = [Loss(what, name, tuple(sorted(found[what, name]))) for what, name in order]
    return (*routes, *_tools_lost(fleet), *_indexes_lost(lock))


def _tools_lost(fleet: Fleet) -> Iterator[Loss]:
    if fleet.tools is None:
        return
    servers = fleet.tools.servers
    offers = Counter(tool for server in servers.values() for tool in server.tools)
    for name, server in sorted(servers.items()):
        alone = tuple(f"tool {name}/{tool}" for tool in server.tools if offers[tool] == 1)
        if alone:
            yield Loss("tool server", name, (), alone)


def _indexes_lost(lock: Lock | None) -> Iterator[Loss]:
    """A package is asked for at the index that the lock names, and at no other."""
    counts = Counter(
        (it.index, it.kind)
        for it in (lock.component if lock else ())
        if isinstance(it, PypiPackage | NpmPackage) and it.index
    )
    for (index, kind), count in sorted(counts.items()):
        yield Loss("package index", index, (), (f"{count} of {kind}",))


def _leans(fleet: Fleet, lock: Lock | None, on: Candidate) -> Iterator[tuple[str, str]]:
    """What a serving needs, as (kind, name) (rule 2)."""
    source = fleet.sources[on.source]
    yield "source", source.name
    yield "model", on.model
    yield "model family", family(on.model)
    if source.vendor:
        yield "vendor", source.vendor
    if source.region:
        yield "region", source.region
    if source.silicon is not None:
        yield "chip", source.silicon.chip
    if source.credential is not None:
        yield "credential", f"{source.credential.scheme}:{source.credential.name}"
    if lock is not None and source.kind != "api":
        engines = [it.name for it in lock.component if it.kind == "runtime"]
        if len(engines) == 1:
            yield "runtime", engines[0]


def family(model: str) -> str:
    """The letters that a model's name begins with: `llama` of `llama-3.3-70b`."""
    short = model.rpartition("/")[2]
    cut = next((at for at, letter in enumerate(short) if not letter.isalpha()), len(short))
    return short[:cut].lower() or short.lower()


def astray(lock: Lock) -> tuple[Astray, ...]:
    """Fallbacks of the lock that name nothing, or that fall with what they replace."""
    found: list[Astray] = []
    for component in lock.component:
        named = component.fallback
        kind = named.partition(":")[0]
        if not named or kind not in _KINDS_OF_LOCK or " " in kind:
            continue
        other = lock.find(named)
        me = f"{component.kind}:{component.name}"
        if other is None:
            found.append(Astray(me, named, "is not in the lock"))
        elif other is component:
            found.append(Astray(me, named, "is itself"))
        elif isinstance(component, ModelApi) and isinstance(other, ModelApi):
            if component.vendor and component.vendor == other.vendor:
                found.append(Astray(me, named, f"is of the same vendor, {other.vendor}"))
            elif component.source == other.source:
                found.append(Astray(me, named, f"is at the same source, {other.source}"))
    return tuple(found)


_KINDS_OF_LOCK = frozenset(
    ("model-api", "weights", "pypi", "npm", "prompt", "mcp", "runtime", "image")
)


def by_vendor(fleet: Fleet, used: Mapping[str, int], of: str) -> Concentration:
    """Shares of what was used, by source, as shares by vendor."""
    sums: Counter[str] = Counter()
    for name, amount in used.items():
        source = fleet.sources.get(name)
        sums[(source.vendor if source else None) or f"source {name}"] += amount
    return _shares(of, sums)


def of_candidates(fleet: Fleet) -> Concentration:
    """Where nobody says what was used: each route counts as one, and its servings alike."""
    sums: Counter[str] = Counter()
    for route in fleet.routes.values():
        served = servings(fleet, route)
        for it in served:
            vendor = fleet.sources[it.source].vendor or f"source {it.source}"
            sums[vendor] += _WHOLE // len(served)
    return _shares("candidates", sums)


_WHOLE = 1_000_000_007_000
"""Units of a route: so many that a division by its servings loses nothing to see."""


def _shares(of: str, sums: Counter[str]) -> Concentration:
    total = sum(sums.values())
    if total <= 0:
        return Concentration(of, ())
    rows = [(name, amount / total) for name, amount in sums.items() if amount > 0]
    return Concentration(of, tuple(sorted(rows, key=lambda it: (-it[1], it[0]))))
