"""Holds a lock against what is there now, component by component.

Rules
1. What is there and not locked, locked and not there, or there and different, is a finding.
2. What nobody read is named as not audited; it never passes.
3. What only asking the world brings is not compared here: `tollway audit` asks.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from tollway.pins.component import Component, McpServer, called
from tollway.pins.finding import Finding, Findings, Unaudited
from tollway.pins.lock import Lock

_UNCOMPARED = frozenset(("threats", "shutdown"))
_LISTS = {"files": "path", "artifacts": "name", "tools": "name"}
"""Fields that are tables of things with names: a difference says which of them."""


def verified(lock: Lock, now: Lock) -> Findings:
    """What differs between a lock and the lock that would be written now."""
    locked = {called(it): it for it in lock.component}
    there = {called(it): it for it in now.component}
    found: list[Finding] = []
    unaudited: list[Unaudited] = []
    for name in locked.keys() - there.keys():
        problem, mend = "is locked, and not here any more", "Bring it back, or run: tollway lock"
        found.append(Finding(name, "verify.missing", problem, mend))
    for name, it in there.items():
        old = locked.get(name)
        if old is None:
            mend = "Look at it, then run: tollway lock"
            found.append(Finding(name, "verify.unlocked", "is here, and not locked", mend))
            continue
        found += _differences(name, old, it)
        if isinstance(it, McpServer) and it.tools is None:
            why = "its tools' descriptions are not pinned; run: tollway tools pin"
            unaudited.append(Unaudited(name, "tools", why))
    order = {called(it): index for index, it in enumerate((*lock.component, *now.component))}
    found.sort(key=lambda it: order[it.component])
    return Findings(tuple(found), tuple(unaudited), len(lock.component))


def _differences(name: str, old: Component, new: Component) -> Iterator[Finding]:
    before, after = _facts(old), _facts(new)
    mend = "Find out who changed it; if it is meant, run: tollway lock"
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if key in _UNCOMPARED or was == now:
            continue
        if key in _LISTS and was and now:
            for place, words in _of_list(_LISTS[key], was, now):
                yield Finding(name, "verify.changed", words, mend, place)
        else:
            words = f"{key} is {_shown(now)}, and {_shown(was)} is locked"
            yield Finding(name, "verify.changed", words, mend)


def _facts(component: Component) -> dict[str, Any]:
    """A component's fields; of a file that it is, digest and size stand beside the rest."""
    facts = cast("dict[str, Any]", msgspec.to_builtins(component))
    file = facts.pop("file", {})
    baseline = facts.pop("baseline", {})
    return {**facts, **file, **{f"baseline's {key}": it for key, it in baseline.items()}}


def _of_list(by: str, was: list[Any], now: list[Any]) -> Iterator[tuple[str, str]]:
    before = {it[by]: it for it in was}
    after = {it[by]: it for it in now}
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place), after.get(place)
        if old == new:
            continue
        if new is None:
            yield place, "is locked, and not here any more"
        elif old is None:
            yield place, "is here, and not locked"
        else:
            keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
            told = [f"{it} is {_shown(new.get(it))}, not {_shown(old.get(it))}" for it in keys]
            yield place, "; ".join(told)


def _shown(value: object) -> str:
    words = "nothing" if value is None else str(value)
    if words.startswith(("sha256:", "sha512:")):
        return f"{words[:19]}..."
    words = words if len(words) <= 80 else f"{words[:77]}..."
    return words if words.isprintable() else ascii(words)
