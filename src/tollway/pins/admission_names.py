"""Names of packages: in one spelling, and whether one looks like a well-known other.

Rules
1. A name is compared, looked up and asked for in one spelling; what has none is no name.
2. A well-known name looks like nothing but itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tollway.pins.component import Ecosystem

_PYPI = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?\Z")
_NPM = re.compile(r"(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*\Z")
_LONGEST = 214  # npm's own bound
_RUNS = re.compile(r"[-_.]+")

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_SHORTEST = 4
"""Below this, most names are one letter apart."""
_LOOKALIKES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("5", "s"), ("i", "l"))
_ADDED = frozenset(
    (
        "ai", "api", "app", "async", "auth", "beta", "cli", "client", "core", "dev", "helper",
        "helpers", "io", "js", "lib", "new", "node", "official", "plugin", "plus", "pro", "py",
        "python", "python3", "sdk", "server", "tool", "toolkit", "tools", "ts", "util", "utils",
        "v2", "wrapper",
    )
)  # fmt: skip
"""What a combosquatted name adds to the one that it borrows."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Well-known names, normalised, and what each looks like -> the name."""

    names: frozenset[str]
    looks: Mapping[str, str]


def normalised(kind: Ecosystem, name: str) -> str | None:
    """A name in its one spelling: PEP 503's on PyPI; npm's as it is, since two of its old packages
    may differ in a capital alone. None where it is no name."""
    if len(name) > _LONGEST or (_PYPI if kind == "pypi" else _NPM).match(name) is None:
        return None
    if kind == "pypi":
        return _RUNS.sub("-", name).lower()
    return name


def ranked(kind: Ecosystem, names: Iterable[str]) -> Ranked:
    """Well-known names, of a list in any spelling; what is no name is left out."""
    known = [it for name in names if (it := normalised(kind, name.strip())) is not None]
    return Ranked(frozenset(known), {_look(it): it for it in reversed(known)})


def looks_like(name: str, known: Ranked) -> str | None:
    """The well-known name that a normalised one may be taken for: one letter more, less, other or
    exchanged; hyphens elsewhere; look-alike letters; another order of its words; a usual word
    added. None where there is none, or it is well-known itself (rule 2)."""
    if name in known.names:
        return None
    if (same := known.looks.get(_look(name))) is not None:
        return same
    for rest in _without_a_word(name):
        if rest in known.names:
            return rest
    if len(name) < _SHORTEST:
        return None
    return min((it for it in _one_off(name) if it in known.names), default=None)


def _look(name: str) -> str:
    words = sorted(_RUNS.sub("-", name.lower().removeprefix("@").replace("/", "-")).split("-"))
    look = "".join(words)
    for one, other in _LOOKALIKES:
        look = look.replace(one, other)
    return look


def _without_a_word(name: str) -> Iterator[str]:
    words = name.split("-")
    if len(words) > 1 and words[-1] in _ADDED:
        yield "-".join(words[:-1])
    if len(words) > 1 and words[0] in _ADDED:
        yield "-".join(words[1:])


def _one_off(name: str) -> Iterator[str]:
    for at in range(len(name) + 1):
        head, tail = name[:at], name[at:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in _LETTERS)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in _LETTERS)
