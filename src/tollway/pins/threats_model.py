"""The threat model of a fleet: each threat of each framework, held against each thing it may be to.

Rules
1. Every entry of every framework is in it: judged at a thing, or said not to apply or not to be
   judged, with the reason.
2. One check stands for the threats that the same control answers; each thing is judged apart.
3. Exit codes: 1 where anything is open, else 3 where anything is not judged, else 0. What a person
   accepted, in their own words, is neither; it is shown with these words.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tollway.catalog.threats import threats
from tollway.pins import threats_components as of_components
from tollway.pins import threats_routes as of_routes
from tollway.pins import threats_tools as of_tools
from tollway.pins.component import ModelApi
from tollway.pins.threats_judged import (
    STATUSES,
    Facts,
    Judged,
    Status,
    Thing,
    ThingKind,
    Verdict,
    inapplicable,
)
from tollway.pins.threats_outside import outside


@dataclass(frozen=True, slots=True)
class Check:
    """A question about things of some kinds, and the threats that its answer is about."""

    kinds: tuple[ThingKind, ...]
    threats: tuple[str, ...]
    ask: Callable[[Facts, str], Verdict]


CHECKS = (
    Check(("route",), ("LLM02", "AML.T0025", "AML.T0057"), of_routes.leaks_out),
    Check(("route",), ("LLM02", "AML.T0057"), of_routes.leaks_in),
    Check(("route",), ("LLM01", "AML.T0051", "AML.T0051.000", "AML.T0054"), of_routes.obeys),
    Check(("route",), ("LLM05", "AML.T0077"), of_routes.is_rendered),
    Check(("route",), ("LLM09",), of_routes.is_wrong),
    Check(("route",), ("ASI08",), of_routes.cascades),
    Check(
        ("tenant",),
        ("LLM10", "AML.T0029", "AML.T0034", "AML.T0034.000", "AML.T0034.001", "AML.T0034.002"),
        of_routes.consumes,
    ),
    Check(("source",), ("AML.T0012", "AML.T0055", "AML.T0091"), of_routes.transport),
    Check(("model-api",), ("LLM03", "AML.T0010.003", "AML.T0109"), of_routes.swapped),
    Check(("model-api",), ("AML.T0031", "AML.T0042"), of_routes.drifts),
    Check(
        ("tool server",),
        ("LLM01", "LLM05", "LLM06", "ASI01", "ASI02", "AML.T0051.001", "AML.T0051.002",
         "AML.T0053", "AML.T0080.001", "AML.T0086", "AML.T0093", "AML.T0099", "AML.T0101"),
        of_tools.misuses,
    ),
    Check(
        ("tool server",),
        ("ASI03", "AML.T0012", "AML.T0083", "AML.T0085.001", "AML.T0098"),
        of_tools.poses,
    ),
    Check(("tool server",), ("ASI07",), of_tools.is_overheard),
    Check(("tool server",), ("ASI05", "AML.T0050", "AML.T0112.000"), of_tools.runs_here),
    Check(
        ("tool server",),
        ("LLM03", "ASI04", "AML.T0010.005", "AML.T0011.002", "AML.T0104", "AML.T0109", "AML.T0110"),
        of_tools.rugged,
    ),
    Check(
        ("sandbox",),
        ("ASI05", "AML.T0050", "AML.T0072", "AML.T0105", "AML.T0112", "AML.T0112.000"),
        of_tools.escapes,
    ),
    Check(("sandbox",), ("LLM10", "ASI10", "AML.T0034.002"), of_tools.rampages),
    Check(("sandbox",), ("ASI06", "AML.T0080", "AML.T0080.000", "AML.T0081"), of_tools.remembers),
    Check(
        ("egress rule",),
        ("LLM02", "ASI10", "AML.T0025", "AML.T0072", "AML.T0086"),
        of_tools.takes_out,
    ),
    Check(
        ("secret",),
        ("ASI03", "AML.T0055", "AML.T0083", "AML.T0091.000"),
        of_tools.is_stolen,
    ),
    Check(
        ("weights",),
        ("LLM03", "ASI04", "AML.T0010.003", "AML.T0058"),
        of_components.altered_weights,
    ),
    Check(("weights",), ("LLM04", "AML.T0018.000"), of_components.poisoned_weights),
    Check(
        ("weights",),
        ("ASI05", "AML.T0011.000", "AML.T0018.002", "AML.T0076", "AML.T0112.001"),
        of_components.loaded_weights,
    ),
    Check(
        ("pypi", "npm"),
        ("LLM03", "ASI04", "AML.T0010.001", "AML.T0011.001"),
        of_components.bad_package,
    ),
    Check(("pypi", "npm"), ("ASI05", "AML.T0050"), of_components.startup_of_package),
    Check(("pypi", "npm"), ("AML.T0109", "AML.T0111"), of_components.next_release),
    Check(("pypi", "npm"), ("AML.T0060",), of_components.made_up_name),
    Check(("prompt",), ("LLM01", "ASI01", "AML.T0081"), of_components.changed_prompt),
    Check(
        ("prompt",),
        ("LLM07", "AML.T0056", "AML.T0069.002"),
        of_components.leaked_prompt,
    ),
    Check(
        ("runtime", "image"),
        ("LLM03", "ASI04", "AML.T0010.001", "AML.T0010.004"),
        of_components.pinned_bytes,
    ),
    Check(("image",), ("AML.T0105",), of_components.host_of_image),
    Check(("mcp",), ("LLM03", "ASI04", "AML.T0010.005"), of_components.strange_server),
    Check(("fleet",), ("LLM04",), of_components.no_training),
)  # fmt: skip

_IN_LOCK: tuple[ThingKind, ...] = ("weights", "pypi", "npm", "prompt", "mcp", "runtime", "image")
_WHOLE_NAME: tuple[ThingKind, ...] = ("pypi", "npm", "runtime", "image")
"""Kinds whose checks are asked with `kind:name`: one check is for several of them."""


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """What was judged, in the order of threats, then things."""

    judged: tuple[Judged, ...]

    def of(self, status: Status) -> tuple[Judged, ...]:
        """What was judged so."""
        return tuple(it for it in self.judged if it.verdict.status == status)

    @property
    def exit_code(self) -> int:
        """Rule 3."""
        if self.of("open"):
            return 1
        return 3 if self.of("not judged") else 0


_NOTHING: Mapping[str, str] = MappingProxyType({})


def threat_model(facts: Facts, accepted: Mapping[str, str] = _NOTHING) -> ThreatModel:
    """Hold every threat against everything of a fleet.

    `accepted` are words of a person by threat (`LLM09`) or by threat at one thing
    (`LLM02@route fast`): what is open or not judged there is accepted.
    """
    found = [
        Judged(threat, thing, verdict)
        for check in CHECKS
        for thing in things(facts)
        if thing.kind in check.kinds
        for verdict in (check.ask(facts, _asked_by(thing)),)
        for threat in check.threats
    ]
    met = {it.threat for it in found}
    found += [
        Judged(it.id, _FLEET, _unmet(facts, it.id, it.tactics))
        for it in threats().values()
        if it.id not in met
    ]
    order = {id_: at for at, id_ in enumerate(threats())}
    things_in_order = {thing: at for at, thing in enumerate(things(facts))}
    rows = sorted(found, key=lambda it: (order[it.threat], things_in_order[it.thing]))
    return ThreatModel(tuple(_accepted(it, accepted) for it in rows))


_FLEET = Thing("fleet", "fleet")


def things(facts: Facts) -> tuple[Thing, ...]:
    """Everything that a threat may be to: of the fleet file, then of the lock."""
    return tuple(_things(facts))


def _things(facts: Facts) -> Iterator[Thing]:
    fleet = facts.fleet
    yield _FLEET
    yield from (Thing("route", it) for it in fleet.routes)
    yield from (Thing("source", it) for it in fleet.sources)
    served = {f"{it.name}/{model}" for it in fleet.sources.values() for model in it.serves}
    for it in facts.lock.component if facts.lock else ():
        if isinstance(it, ModelApi):
            served.add(it.name)
    yield from (Thing("model-api", it) for it in sorted(served))
    yield from (Thing("tenant", it) for it in fleet.tenants)
    servers: Collection[str] = fleet.tools.servers if fleet.tools else ()
    yield from (Thing("tool server", it) for it in servers)
    yield Thing("sandbox", "of tasks")
    yield from (
        Thing("egress rule", it.name) for it in (fleet.egress.rules if fleet.egress else ())
    )
    yield from (Thing("secret", it) for it in fleet.secrets)
    for kind in _IN_LOCK:
        for component in facts.lock.component if facts.lock else ():
            if component.kind == kind and (kind != "mcp" or component.name not in servers):
                yield Thing(kind, component.name)


def _asked_by(thing: Thing) -> str:
    return f"{thing.kind}:{thing.name}" if thing.kind in _WHOLE_NAME else thing.name


_NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "route": "No route is written.",
        "source": "No source is written.",
        "model-api": "No source serves a model.",
        "tenant": "No tenant is written: no key can be made.",
        "tool server": "No [tools] is written: agents are given no tools here.",
        "egress rule": "No [egress] is written: nothing may be reached.",
        "secret": "No secret of the broker is written.",
    }
)


def _unmet(facts: Facts, threat: str, tactics: tuple[str, ...]) -> Verdict:
    """Why a threat was held against nothing: nothing of the kind is there, or no check is."""
    kinds = [kind for check in CHECKS if threat in check.threats for kind in check.kinds]
    if not kinds and any(id_.startswith(f"{threat}.") for it in CHECKS for id_ in it.threats):
        return inapplicable("It is judged by its parts.")
    if not kinds:
        return outside(threat, tactics)
    if any(kind in _IN_LOCK for kind in kinds) and facts.lock is None:
        return Verdict(
            "not judged", why="There is no lock: what it is made of is not known.",
            mend="Run: tollway lock",
        )  # fmt: skip
    reasons = [_NEEDS.get(kind, f"No {kind} is in the lock.") for kind in dict.fromkeys(kinds)]
    return Verdict("does not apply", why=" ".join(reasons))


def _accepted(row: Judged, words: Mapping[str, str]) -> Judged:
    said = words.get(f"{row.threat}@{row.thing}", words.get(row.threat))
    if said is None or row.verdict.status not in ("open", "not judged"):
        return row
    why = f"{row.verdict.why} Accepted: {said}"
    return replace(row, verdict=replace(row.verdict, status="accepted", why=why))


def worst(rows: Sequence[Judged]) -> Status:
    """The status that needs a person most."""
    met = {it.verdict.status for it in rows}
    return next(status for status in STATUSES if status in met)
