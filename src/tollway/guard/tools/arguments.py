"""A call's arguments, leaf by leaf, with the path at which each lies.

Rules
1. Names of members are looked through, lists too: `items[3].note` lies at `items.note`.
2. What says nothing (null, empty text, an empty list) and what the tool's schema has as its default
   decides nothing, so it is left out.
3. The name of a member is a leaf as well where the schema does not fix it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

DEEPEST = 32
"""No tool's arguments nest deeper; what does is refused whole."""

Leaf = str | int | float | bool


class TooDeepError(ValueError):
    """Arguments nest without end."""


def leaves(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, Leaf]]:
    """Each value that a call gives, with its path; by `schema`, the tool's input schema.

    Raises:
        TooDeepError: they nest deeper than any tool asks for.
    """
    known = cast("Mapping[str, Any]", schema.get("properties") or {})
    for name, value in arguments.items():
        described = known.get(name)
        default = cast("Any", described).get("default") if isinstance(described, Mapping) else None
        if default is not None and type(default) is type(value) and default == value:
            continue
        yield from _leaves(name, value, 0)


def _leaves(path: str, value: object, depth: int) -> Iterator[tuple[str, Leaf]]:
    if depth > DEEPEST:
        raise TooDeepError
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            yield f"{path}.*", name
            yield from _leaves(f"{path}.{name}", inner, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in cast("Sequence[object]", value):
            yield from _leaves(path, inner, depth + 1)
    elif isinstance(value, str | int | float) and value != "":
        yield path, value


def is_under(path: str, listed: Sequence[str]) -> bool:
    """Whether a path, or a table that it lies in, is one of those listed; the name of a member is
    under what is listed below it."""
    for one in listed:
        if one == "*" or path == one or path.startswith(f"{one}."):
            return True
        if path.endswith(".*") and one.startswith(path[:-1]):
            return True
    return False


def canonical(arguments: object) -> str:
    """Arguments as text that is equal for equal arguments, whatever the order of their members."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
