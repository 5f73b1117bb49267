"""A call's arguments, leaf by leaf, with the path at which each lies.

Rules
1. Names of members are looked through, lists too: `items[3].note` lies at `items.note`.
2. What says nothing (null, empty text, an empty list) and what the tool's schema has as its default
   decides nothing, so it is left out.
3. The name of a member is a leaf as well, at `items.*`, unless the schema gives that name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

DEEPEST = 32
"""No tool's arguments nest deeper; what does is refused whole."""

Leaf = str | int | float | bool
Schema = Mapping[str, Any]


class TooDeepError(ValueError):
    """Arguments nest without end."""


def leaves(arguments: Mapping[str, Any], schema: Schema) -> Iterator[tuple[str, Leaf]]:
    """Each value that a call gives, with its path; by `schema`, the tool's input schema.

    Raises:
        TooDeepError: they nest deeper than any tool asks for.
    """
    for name, value in arguments.items():
        described = _member(_ways(schema, schema), name)
        default = next((it["default"] for it in described if "default" in it), None)
        if default is not None and type(default) is type(value) and default == value:
            continue
        yield from _leaves(name, value, described, schema, 0)


def _leaves(
    path: str, value: object, described: list[Schema], root: Schema, depth: int
) -> Iterator[tuple[str, Leaf]]:
    if depth > DEEPEST:
        raise TooDeepError
    ways = [way for one in described for way in _ways(one, root)]
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            below = _member(ways, name)
            if not below:
                yield f"{path}.*", name
            yield from _leaves(f"{path}.{name}", inner, below, root, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = [it["items"] for it in ways if isinstance(it.get("items"), Mapping)]
        for inner in cast("Sequence[object]", value):
            yield from _leaves(path, inner, items, root, depth + 1)
    elif isinstance(value, str | int | float) and value != "":
        yield path, value


def _member(ways: list[Schema], name: str) -> list[Schema]:
    """What the schema says of a member, in each way in which it may be."""
    found: list[Schema] = []
    for way in ways:
        properties = way.get("properties")
        if isinstance(properties, Mapping):
            one = cast("Schema", properties).get(name)
            if isinstance(one, Mapping):
                found.append(cast("Schema", one))
    return found


def _ways(schema: Schema, root: Schema, depth: int = 0) -> list[Schema]:
    """A schema and all that it refers to or is made of."""
    if depth > DEEPEST:
        return []
    found = [schema]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(("#/$defs/", "#/definitions/")):
        _, place, name = reference.split("/", 2)
        one = cast("Schema", root.get(place) or {}).get(name)
        if isinstance(one, Mapping):
            found += _ways(cast("Schema", one), root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for one in cast("list[object]", schema.get(key) or []):
            if isinstance(one, Mapping):
                found += _ways(cast("Schema", one), root, depth + 1)
    return found


def is_under(path: str, listed: Sequence[str]) -> bool:
    """Whether a path, or a table that it lies in, is one of those listed."""
    return any(one in ("*", path) or path.startswith(f"{one}.") for one in listed)


def canonical(arguments: object) -> str:
    """Arguments as text that is equal for equal arguments, whatever the order of their members."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
