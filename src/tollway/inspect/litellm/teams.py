"""Teams as tenants, and keys as what to type: an export of LiteLLM's, in JSON or YAML.

Rules
1. LiteLLM keeps the digest of a key, and Tollway makes its own: a key is never carried, only its
   terms are.
2. A budget is of a UTC day or a UTC month; any other is left out, and said.
3. Who may ask for some models only never comes to be allowed all, because none of them is carried.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tollway.fleet.quantities import MalformedError, money
from tollway.inspect.litellm.marked import Marked
from tollway.inspect.litellm.naming import free_name
from tollway.inspect.litellm.notes import Notes
from tollway.inspect.litellm.reasons import reasons

_DAY = frozenset(("1d", "24h", "1440m", "86400s"))
_MONTH = frozenset(("30d", "31d", "1mo", "720h"))
_ALL = frozenset(("all-proxy-models", "all-team-models", "*"))
_LIMITS = ("tpm_limit", "rpm_limit", "max_parallel_requests", "max_budget", "budget_duration")
_TEAM = (*_LIMITS, "team_id", "team_alias", "models")
_KEY = (*_LIMITS, "team_id", "key_alias", "models", "expires")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant to be written. Budgets are USD."""

    name: str
    id: str
    requests: int | None = None
    tokens: int | None = None
    concurrency: int | None = None
    day: str | None = None
    month: str | None = None
    routes: tuple[str, ...] = ()


def tenants(listed: Marked | None, routes: Sequence[str], notes: Notes) -> list[Tenant]:
    """The tenants of an export of teams: a list, or a table that holds one as `teams`."""
    found: list[Tenant] = []
    for index, team in enumerate(_listed(listed, "teams")):
        place = f"teams[{index}]"
        name = _text(team, "team_alias") or _text(team, "team_id")
        if name is None:
            notes.add(team.line, place, "has neither team_alias nor team_id; it is left out")
            continue
        allowed = _routes(team, place, routes, notes)
        if allowed is None:
            continue
        day, month = budget(team, place, notes)
        found.append(
            Tenant(
                name=free_name(name, {it.name for it in found}),
                id=_text(team, "team_id") or name,
                requests=_count(team, "rpm_limit"),
                tokens=_count(team, "tpm_limit"),
                concurrency=_count(team, "max_parallel_requests"),
                day=day,
                month=month,
                routes=allowed,
            )
        )
        notes.rest(team, place, _TEAM, reasons("team"))
    return found


def key_commands(
    listed: Marked | None, made: Sequence[Tenant], routes: Sequence[str], notes: Notes
) -> list[str]:
    """A `tollway keys create` for each key of an export, with its terms."""
    by_id: Mapping[str, str] = {tenant.id: tenant.name for tenant in made}
    commands: list[str] = []
    for index, key in enumerate(_listed(listed, "keys")):
        place = f"keys[{index}]"
        allowed = _routes(key, place, routes, notes)
        if allowed is None:
            continue
        day, month = budget(key, place, notes)
        words = {
            "--tenant": by_id.get(_text(key, "team_id") or "", made[0].name if made else "team"),
            "--name": _text(key, "key_alias"),
            "--requests-per-minute": _count(key, "rpm_limit"),
            "--tokens-per-minute": _count(key, "tpm_limit"),
            "--concurrency": _count(key, "max_parallel_requests"),
            "--day": day,
            "--month": month,
            "--expires": (_text(key, "expires") or "")[:10] or None,
        }
        options = [f"{name} {shlex.quote(str(it))}" for name, it in words.items() if it is not None]
        options += [f"--route {shlex.quote(it)}" for it in allowed]
        commands.append(" ".join(("tollway keys create", *options)))
        notes.rest(key, place, _KEY, reasons("team"))
    return commands


def budget(table: Marked, place: str, notes: Notes) -> tuple[str | None, str | None]:
    """USD a day and USD a month, of `max_budget` and `budget_duration` (rule 2)."""
    most = table.get("max_budget")
    amount: Decimal | None = most.number if most else None
    if most is None:
        return None, None
    if amount is None or not _is_money(f"{amount:f}"):
        notes.unread(table, "max_budget", place)
        return None, None
    words = f"{amount:f}"
    duration = _text(table, "budget_duration")
    if duration in _DAY:
        return words, None
    if duration in _MONTH:
        return None, words
    spread = "for good" if duration is None else "for a time of its own"
    why = f"is {spread}; Tollway's budgets are of a UTC day or month; it is left out"
    notes.add(table.lines["max_budget"], f"{place}.max_budget", why)
    return None, None


def _is_money(words: str) -> bool:
    try:
        money(words)
    except MalformedError:
        return False
    return True


def _listed(document: Marked | None, name: str) -> Sequence[Marked]:
    if document is None:
        return ()
    inner = document.get(name) or document.get("data") or document
    return inner.items or ()


def _text(table: Marked, key: str) -> str | None:
    found = table.get(key)
    return (found.text or None) if found else None


def _count(table: Marked, key: str) -> int | None:
    found = table.get(key)
    return found.count if found else None


def _routes(
    table: Marked, place: str, routes: Sequence[str], notes: Notes
) -> tuple[str, ...] | None:
    """The routes that are allowed, none for all; None where not one of them is carried (rule 3)."""
    listed = table.get("models")
    words = [it.text or "" for it in (listed.each() if listed else ())]
    if listed is None or not words or _ALL & set(words):
        return ()
    known = tuple(word for word in words if word in routes)
    if not known:
        notes.add(table.line, place, "may ask only for models that are not carried; it is left out")
        return None
    if len(known) < len(words):
        line = table.lines["models"]
        notes.add(line, f"{place}.models", "names models that are not carried; they are left out")
    return known
