"""Whether routes can be served: candidates, fallbacks, objectives, demands; and tenants' routes."""

from collections.abc import Iterator, Sequence

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.objects import Candidate
from tollway.fleet.quantities import shown
from tollway.fleet.schema import DemandTable, ObjectiveTable, RouteTable, ServingTable

OBJECTIVES = (
    "cheapest",
    "fastest",
    "least-outstanding",
    "weighted",
    "prefix-affinity",
    "commitment-first",
)


def candidate(written: str, model: str) -> Candidate:
    """What `source` or `source:model` means on a route that serves `model`."""
    source, colon, other = written.partition(":")
    return Candidate(source, other if colon else model)


def candidates_of(declared: Declared, route: RouteTable) -> list[Candidate]:
    """The route's candidates, as written or by default."""
    if route.candidates is None:
        return [Candidate(source, route.model) for source in declared.serving(route.model)]
    return [candidate(written, route.model) for written in route.candidates]


def check_routes(declared: Declared) -> Iterator[Finding]:
    """Every fault of routes and of the routes of tenants."""
    for alias, placed in declared.routes.items():
        document, route, path = placed.document, placed.table, ("routes", alias)
        if route.model not in declared.names["models"]:
            fault = unknown(route.model, declared.names["models"], "")
            mend = fault.mend or "Declare it in [models]."
            yield Finding(document, (*path, "model"), fault.problem, mend)
        yield from _candidates(declared, document, path, route)
        yield from _objectives(declared, document, path, route)
        yield from _demand(declared, document, path, route)
        if route.slo.ttft is not None and route.slo.ttft > route.deadline:
            problem = f"is {route.slo.ttft:g}s, later than the route's deadline"
            mend = f"Promise at most {route.deadline:g}s, or give the route a later deadline."
            yield Finding(document, (*path, "slo", "ttft"), problem, mend)
    yield from _tenants(declared)


def _candidates(
    declared: Declared, document: str, path: Path, route: RouteTable
) -> Iterator[Finding]:
    if route.candidates == []:
        mend = "Name sources, or leave `candidates` away: every source that serves the model."
        yield Finding(document, (*path, "candidates"), "is empty", mend)
    seen: dict[Candidate, str] = {}
    written = [("candidates", i, word) for i, word in enumerate(route.candidates or [])]
    written += [("fallbacks", i, word) for i, word in enumerate(route.fallbacks)]
    for section, index, word in written:
        at: Path = (*path, section, index)
        choice = candidate(word, route.model)
        yield from _choice(declared, document, at, word, choice)
        if choice in seen:
            problem = f"is {shown(word)}, which {seen[choice]} names already"
            yield Finding(document, at, problem, "Name it once.")
        seen.setdefault(choice, f"{section}[{index}]")
    if route.candidates is None:
        default = candidates_of(declared, route)
        for index, word in enumerate(route.fallbacks):
            if candidate(word, route.model) in default:
                problem = f"is {shown(word)}, which is a candidate already"
                mend = "Write `candidates` without it, or take it out of `fallbacks`."
                yield Finding(document, (*path, "fallbacks", index), problem, mend)


def _choice(
    declared: Declared, document: str, at: Path, word: str, choice: Candidate
) -> Iterator[Finding]:
    if choice.source not in declared.names["sources"]:
        fault = unknown(choice.source, declared.names["sources"], "")
        problem = fault.problem.replace("is ", "names source ", 1)
        yield Finding(document, at, problem, fault.mend or "Declare it in [sources].")
    elif choice.source not in declared.unsure:
        serves = declared.sources[choice.source].table.serves
        if choice.model not in serves and (choice.model in declared.names["models"] or ":" in word):
            words = ", ".join(sorted(serves))
            problem = f"is {shown(word)}, and {choice.source} doesn't serve {shown(choice.model)}"
            mend = (
                f'It serves {words}; "{choice.source}:MODEL" names another model than the route\'s.'
            )
            yield Finding(document, at, problem, mend)


def _objectives(
    declared: Declared, document: str, path: Path, route: RouteTable
) -> Iterator[Finding]:
    if not route.objectives:
        mend = 'Name one, as in ["least-outstanding"].'
        yield Finding(document, (*path, "objectives"), "is empty", mend)
    seen: set[str] = set()
    for index, written in enumerate(route.objectives):
        at: Path = (*path, "objectives", index)
        name, named = written, at
        if isinstance(written, ObjectiveTable):
            name, named = written.name, (*at, "name")
            yield from _weights(declared, document, at, route, written)
        elif written == "weighted":
            mend = '{ name = "weighted", weights = { SOURCE = 1.0 } }'
            yield Finding(document, at, "has no weights", f"Write {mend}.")
        if name not in OBJECTIVES:
            fault = unknown(str(name), OBJECTIVES, "")
            yield Finding(document, named, fault.problem, fault.mend)
        elif name in seen:
            yield Finding(document, named, f"is {shown(name)} again", "Name it once.")
        seen.add(str(name))


def _weights(
    declared: Declared, document: str, at: Path, route: RouteTable, objective: ObjectiveTable
) -> Iterator[Finding]:
    path: Path = (*at, "weights")
    if objective.name != "weighted":
        if objective.weights:
            yield Finding(document, path, "are for `weighted` only", "Take them out.")
        return
    if not any(objective.weights.values()):
        mend = "Give a candidate's source a weight above 0: weights = { SOURCE = 1.0 }."
        yield Finding(document, path, "give no candidate any weight", mend)
    usable = {choice.source for choice in candidates_of(declared, route)}
    for source in objective.weights:
        if source not in declared.names["sources"]:
            fault = unknown(source, declared.names["sources"], "")
            yield Finding(document, (*path, source), fault.problem, fault.mend)
        elif source not in usable and usable and usable <= declared.names["sources"]:
            known = ", ".join(sorted(usable))
            problem = f"is no candidate of this route; candidates: {known}"
            yield Finding(document, (*path, source), problem, "Take the weight out.")


def _demand(declared: Declared, document: str, path: Path, route: RouteTable) -> Iterator[Finding]:
    unread = declared.unsure | declared.vague
    shortfalls: list[str] = []
    for choice in candidates_of(declared, route):
        placed = declared.sources.get(choice.source)
        if placed is None or choice.source in unread or choice.model not in placed.table.serves:
            return  # said already, and it might have met the demand
        why = shortfall(placed.table.serves[choice.model], route.require)
        if not why:
            return
        shortfalls.append(f"{choice.source} {why}")
    if shortfalls:
        mend = "Demand less, or let a serving state what it really serves."
        problem = f"is met by no candidate: {'; '.join(shortfalls)}"
        yield Finding(document, (*path, "require"), problem, mend)


def shortfall(serving: ServingTable, demand: DemandTable) -> str:
    """Why a serving doesn't qualify, in words; empty where it does."""
    reasons: list[str] = []
    if demand.precision and serving.precision not in demand.precision:
        wanted = " or ".join(demand.precision)
        reasons.append(
            "states no precision"
            if serving.precision is None
            else f"serves {serving.precision}, not {wanted}"
        )
    if demand.context is not None:
        if serving.context is None:
            reasons.append("states no context")
        elif serving.context < demand.context:
            reasons.append(f"serves {serving.context} tokens, not {demand.context}")
    return " and ".join(reasons)


def route_names(declared: Declared) -> Sequence[str]:
    """Everything that clients may ask for."""
    aliases = [alias for placed in declared.models.values() for alias in placed.table.aliases]
    return sorted({*declared.names["routes"], *declared.names["models"], *aliases})


def _tenants(declared: Declared) -> Iterator[Finding]:
    known = route_names(declared)
    for name, placed in declared.tenants.items():
        routes = placed.table.routes
        if routes == []:
            mend = "Name routes, or leave `routes` away: all."
            yield Finding(placed.document, ("tenants", name, "routes"), "is empty", mend)
        for index, route in enumerate(routes or []):
            if route not in known:
                fault = unknown(route, known, "")
                path: Path = ("tenants", name, "routes", index)
                yield Finding(placed.document, path, fault.problem, fault.mend)
