"""The lock's text: TOML, sorted, one fact a line, so that a review reads what changed.

Rules
1. The same components give the same text, whatever order they came in.
2. What is not understood is refused, with its place; a lock of a later version too.
3. Two components of one kind have different names.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, cast

import msgspec

from tollway.errors import Fault, FaultsFound
from tollway.pins.component import KINDS, Component, Text, called

VERSION = 1
_MEND = "Run: tollway lock"
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All components of a fleet. `fleet` is the fleet file, relative to the lock's folder."""

    version: Annotated[int, msgspec.Meta(ge=1)] = VERSION
    fleet: Text = "fleet.toml"
    component: tuple[Component, ...] = ()

    def find(self, name: str) -> Component | None:
        """The component that `kind:name` names."""
        return next((it for it in self.component if called(it) == name), None)


def read_lock(text: str, place: str) -> Lock:
    """A lock from its text; `place` is what faults call it.

    Raises:
        FaultsFound: it is none, or says something twice or about nothing (rules 2 and 3).
    """
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _fault(place, f"is not TOML: {error}") from None
    version = told.get("version")
    if version != VERSION:
        raise _fault(place, f"has version {version!r}; known: {VERSION}")
    faults: list[Fault] = []
    components: list[Component] = []
    entries = told.pop("component", [])
    if not isinstance(entries, list):
        entries = [entries]
    for number, entry in enumerate(cast("list[object]", entries)):
        try:
            components.append(msgspec.convert(entry, Component))
        except msgspec.ValidationError as error:
            faults.append(Fault(f"{place}: {_words(entry, number)}", _clause(error), _MEND))
    try:
        lock = msgspec.convert(told, Lock)
    except msgspec.ValidationError as error:
        faults.append(Fault(f"{place}:", _clause(error), _MEND))
        raise FaultsFound(faults) from None
    names = [called(it) for it in components]
    twice = [it for it, count in Counter(names).items() if count > 1]
    faults += [Fault(f"{place}: {it}", "is there twice", _MEND) for it in twice]
    if faults:
        raise FaultsFound(faults)
    return msgspec.structs.replace(lock, component=tuple(components))


def _words(entry: object, number: int) -> str:
    if isinstance(entry, dict):
        name = cast("dict[str, object]", entry).get("name")
        if isinstance(name, str):
            return f"component {name[:80]!r}"
    return f"component {number + 1}"


def _clause(error: Exception) -> str:
    return f"is not understood: {error}"


def _fault(place: str, problem: str) -> FaultsFound:
    return FaultsFound([Fault(f"{place}:", problem, _MEND)])


def lock_text(lock: Lock) -> str:
    """The text of a lock (rule 1)."""
    order = list(KINDS)
    components = sorted(lock.component, key=lambda it: (order.index(it.kind), it.name))
    lines = [
        "# Written by `tollway lock`. Commit it; `tollway verify` holds it against what is here.",
        f"version = {lock.version}",
        f"fleet = {_text(lock.fleet)}",
    ]
    for component in components:
        lines += ["", "[[component]]", *_rows(msgspec.to_builtins(component, builtin_types=_TIMES))]
    return "\n".join(lines) + "\n"


_TIMES = (datetime, date)


def _rows(facts: Mapping[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        yield f"{_key(key)} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        facts = cast("dict[str, object]", value)
        rows = ", ".join(f"{_key(key)} = {_value(it)}" for key, it in facts.items())
        return f"{{ {rows} }}" if rows else "{}"
    if isinstance(value, list | tuple):
        return _list(cast("Sequence[object]", value))
    return str(value)


def _list(values: Sequence[object]) -> str:
    """Short words on one line; else one value a line, so that a diff shows which."""
    shown = [_value(it) for it in values]
    if all(isinstance(it, str) for it in values) and sum(len(it) + 2 for it in shown) <= 80:
        return f"[{', '.join(shown)}]"
    return "[\n" + "".join(f"    {it},\n" for it in shown) + "]"


def _key(word: str) -> str:
    return word if _BARE.match(word) else _text(word)


def _text(words: str) -> str:
    """A basic string. JSON's escapes are TOML's, save for DEL, which TOML wants escaped, and pairs
    of surrogates, which JSON writes and TOML has no words for."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")
