"""What an incident means, as text and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tollway.cli.table import printable
from tollway.pins.component import called
from tollway.pins.finding import Unaudited
from tollway.pins.incident import Reached, Stay
from tollway.pins.sought import Sought

if TYPE_CHECKING:
    from tollway.cli.incident_use import Use

_RUNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """All that was found. `use` is None where no ledger was asked."""

    sought: Sought
    stays: tuple[Stay, ...]
    reached: Reached
    use: "Use | None"
    unaudited: tuple[Unaudited, ...]


def as_text(answer: Answer) -> str:
    """Sections in the order in which they are needed; commands last, each a line."""
    lines = [f"{answer.sought.said}: {it}" for it in answer.sought.titles]
    if not answer.stays:
        lines.append(f"{answer.sought.said} is not in the lock, and was not in the locks read.")
    lines += [
        f"AFFECTED {called(it.component)} {it.component.version}: {_span(it)}"
        for it in answer.stays
    ]
    lines += _listed("Used by", answer.reached.parts)
    if answer.use is not None:
        lines += _listed("Who used it", _users(answer.use))
    lines += _listed(
        "Rotate", [f"{it.secret}, which {it.reader} could read" for it in answer.reached.rotations]
    )
    lines += _listed("Fallback", answer.reached.fallbacks)
    lines += _listed(
        "Not looked at", [f"{it.component}: {it.what}: {it.why}" for it in answer.unaudited]
    )
    if answer.stays:
        lines += _listed("Run", commands(answer))
    return "\n".join(map(printable, lines)) + "\n"


def unknown(said: str, *, json_wanted: bool) -> str:
    """What is told of an advisory that nobody here has."""
    why = (
        "is in none of the advisories at hand; name --advisories FILE with its OSV record, from "
        "https://osv.dev"
    )
    if not json_wanted:
        return printable(f"not audited: {said} {why}") + "\n"
    left = [{"component": "advisory", "what": said, "why": why}]
    facts = {"asked": said, "affected": [], "not_audited": left}
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _span(stay: Stay) -> str:
    if stay.now:
        since = "" if stay.since is None else f" since {_moment(stay.since)}"
        return f"in the lock now{since or '; nobody knows since when'}"
    until = "a later lock" if stay.until is None else _moment(stay.until)
    since = "an unknown day" if stay.since is None else _moment(stay.since)
    return f"was in the lock from {since} until {until}"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(head: str, rows: "tuple[str, ...] | list[str] | Iterator[str]") -> list[str]:
    found = [f"  {it}" for it in rows]
    return ["", head, *found] if found else []


def _users(use: "Use") -> Iterator[str]:
    for it in use.users:
        yield f"tenant {it.tenant}, key {it.key}: {it.requests} requests, {it.first} to {it.last}"
    yield from (f"tenant {who}: {count} tool calls" for who, count in use.calls)
    for run in use.runs[:_RUNS_SHOWN]:
        yield f"run {run}"
    if len(use.runs) > _RUNS_SHOWN:
        yield f"and {len(use.runs) - _RUNS_SHOWN} more runs"
    for it in use.served:
        yield (
            "clients outside tasks, by the package index"
            if it == "-"
            else f"task {it} installed it"
        )
    if not (use.users or use.calls or use.runs or use.served):
        yield "nobody, by the ledger"


def commands(answer: Answer) -> list[str]:
    """What to run next, in order."""
    found = (
        ["tollway down"] if answer.reached.everything and any(it.now for it in answer.stays) else []
    )
    if answer.use is not None and answer.reached.everything:
        found += [f"tollway keys revoke {it.key}" for it in answer.use.users if it.key != "-"]
    if answer.use is not None:
        found += [f"tollway runs show {it}" for it in answer.use.runs[:3]]
    if any(it.now for it in answer.stays):
        found.append("tollway lock    # after the component was replaced or taken out")
        found.append("tollway verify")
    if answer.reached.rotations:
        found.append("tollway reload    # after the secrets were made anew")
    return found


def as_json(answer: Answer) -> str:
    """One JSON object."""
    facts: dict[str, Any] = {
        "asked": answer.sought.said,
        "titles": list(answer.sought.titles),
        "affected": [
            {"component": called(it.component), "version": it.component.version,
             "since": it.since and _moment(it.since), "until": it.until and _moment(it.until),
             "now": it.now}
            for it in answer.stays
        ],
        "used_by": list(answer.reached.parts),
        "rotate": [{"secret": it.secret, "reader": it.reader} for it in answer.reached.rotations],
        "fallbacks": list(answer.reached.fallbacks),
        "run": commands(answer) if answer.stays else [],
        "not_audited": [
            {"component": it.component, "what": it.what, "why": it.why} for it in answer.unaudited
        ],
    }  # fmt: skip
    if answer.use is not None:
        facts["users"] = [
            {"tenant": it.tenant, "key": it.key, "requests": it.requests, "first": it.first,
             "last": it.last}
            for it in answer.use.users
        ]  # fmt: skip
        facts["tool_calls"] = dict(answer.use.calls)
        facts["runs"] = list(answer.use.runs)
        facts["served"] = list(answer.use.served)
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
