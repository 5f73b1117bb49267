"""The audit of a lock: what is wrong with each component, and what nobody could look at.

Rules
1. Every component is looked at by the rules of its kind; what a rule lacks facts for is
   `Unaudited`.
2. A model's end is told 90, 30 and 7 days ahead, each by a rule of its own, and when it is past.
3. A missing fallback is a finding where something serves: of models, weights and MCP servers.
4. A finding that somebody accepted is left out until its day; from then on it is back, and so is
   that the acceptance has run out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tollway.pins.auditing_packages import PackageFacts, package_findings
from tollway.pins.component import (
    Component,
    McpServer,
    ModelApi,
    NpmPackage,
    PypiPackage,
    Runtime,
    Weights,
    called,
)
from tollway.pins.finding import Finding, Findings, Unaudited
from tollway.pins.lock import Lock

Looked = Finding | Unaudited
Accepted = Mapping[tuple[str, str], tuple[str, date]]
"""(component, rule) -> why somebody lives with it, and until which day, that day included."""

_WARNED = (
    (7, "model.shutdown-in-7-days"),
    (30, "model.shutdown-in-30-days"),
    (90, "model.shutdown-in-90-days"),
)


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """What an audit knows besides the lock. `weights` looks at the files of a component; None where
    nobody can."""

    today: date
    packages: PackageFacts
    weights: Callable[[Weights], Findings] | None = None


def audit(lock: Lock, facts: AuditFacts, accepted: Accepted) -> Findings:
    """Every finding of every component (rule 1), in the order of the lock, without what is accepted
    (rule 4)."""
    found: list[Looked] = []
    for component in lock.component:
        found += _looked(component, facts)
    return _accepting(found, accepted, facts.today, len(lock.component))


def _looked(component: Component, facts: AuditFacts) -> Iterator[Looked]:
    if isinstance(component, PypiPackage | NpmPackage):
        yield from package_findings(component, facts.packages)
    elif isinstance(component, ModelApi):
        yield from _model(component, facts.today)
    elif isinstance(component, Weights):
        yield from _weights(component, facts)
    elif isinstance(component, McpServer):
        yield from _server(component)
    elif isinstance(component, Runtime) and component.digest is None:
        mend = "Lock it where its file is at hand."
        problem = f"{component.version or 'it'} is locked by its version alone"
        yield Finding(called(component), "runtime.no-digest", problem, mend)
    if isinstance(component, ModelApi | Weights | McpServer) and not component.fallback:
        mend = "Name what serves instead: [pins.fallbacks] in the fleet file."
        yield Finding(called(component), "fallback.missing", "nothing serves instead of it", mend)


def _model(model: ModelApi, today: date) -> Iterator[Looked]:
    name = called(model)
    if model.moving:
        problem = f"{model.version} is an alias that the provider may point elsewhere"
        yield Finding(name, "model.moving-alias", problem, "Ask for a dated snapshot.")
    if model.shutdown is None:
        return
    left = (model.shutdown - today).days
    mend = "Move to another snapshot, or name a fallback."
    if left < 0:
        yield Finding(name, "model.shut-down", f"its last day was {model.shutdown}", mend)
        return
    rule = next((rule for days, rule in _WARNED if left <= days), None)
    if rule is not None:
        days = "today" if left == 0 else f"{model.shutdown}, in {left} days"
        yield Finding(name, rule, f"its last day is {days}", mend)


def _weights(weights: Weights, facts: AuditFacts) -> Iterator[Looked]:
    if facts.weights is None:
        yield Unaudited(called(weights), "its files", "no folder with them was given")
        return
    found = facts.weights(weights)
    yield from found.found
    yield from found.unaudited


def _server(server: McpServer) -> Iterator[Looked]:
    if server.tools is None:
        problem = "its tools are not pinned, so it may describe them anew at any time"
        yield Finding(called(server), "mcp.no-tool-pins", problem, "Run: tollway tools pin")
    if not server.package:
        why = "no package of the lock is named as what its command runs"
        yield Unaudited(called(server), "its code", why)


def accepting(findings: Findings, accepted: Accepted, today: date) -> Findings:
    """The findings without what is accepted (rule 4)."""
    both: Sequence[Looked] = [*findings.found, *findings.unaudited]
    return _accepting(both, accepted, today, findings.looked)


def _accepting(looked: Iterable[Looked], accepted: Accepted, today: date, count: int) -> Findings:
    found: list[Finding] = []
    unaudited: list[Unaudited] = []
    for it in looked:
        if isinstance(it, Unaudited):
            unaudited.append(it)
            continue
        _, until = accepted.get((it.component, it.rule), ("", None))
        if until is None or until < today:
            found.append(it)
    for (component, rule), (reason, until) in accepted.items():
        if until < today:
            problem = f"{rule} was accepted until {until} ({reason})"
            mend = "Mend it, or accept it anew with its reason."
            found.append(Finding(component, "audit.acceptance-expired", problem, mend))
    return Findings(tuple(found), tuple(unaudited), count)
