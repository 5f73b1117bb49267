"""Google's Schema, which is a part of OpenAPI's, as JSON Schema."""

from typing import Any, Final, cast

KEPT: Final = (
    "title",
    "description",
    "default",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "required",
    "additionalProperties",
)
COUNTS: Final = (
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
)
"""Whole numbers, which Google writes as text, as all of 64 bits."""


def json_schema(schema: object) -> Any:
    """A Schema, its names in camelCase, as JSON Schema. `format: enum` says nothing there."""
    if not isinstance(schema, dict):
        return schema
    said = cast(dict[str, Any], schema)
    found: dict[str, Any] = {}
    kind = said.get("type")
    if isinstance(kind, str) and kind != "TYPE_UNSPECIFIED":
        found["type"] = [kind.lower(), "null"] if said.get("nullable") is True else kind.lower()
    found.update({name: said[name] for name in KEPT if said.get(name) is not None})
    found.update({name: _count(said[name]) for name in COUNTS if said.get(name) is not None})
    if found.get("format") == "enum":
        del found["format"]
    if said.get("ref") is not None:
        found["$ref"] = said["ref"]
    if said.get("example") is not None:
        found["examples"] = [said["example"]]
    _nest(said, found)
    return found


def _nest(said: dict[str, Any], found: dict[str, Any]) -> None:
    if isinstance(said.get("anyOf"), list):
        found["anyOf"] = [json_schema(one) for one in said["anyOf"]]
    if "items" in said:
        found["items"] = json_schema(said["items"])
    if isinstance(said.get("properties"), dict):
        found["properties"] = _ordered(said)
    if isinstance(said.get("defs"), dict):
        found["$defs"] = {name: json_schema(one) for name, one in said["defs"].items()}
    if isinstance(said.get("additionalProperties"), dict):
        found["additionalProperties"] = json_schema(said["additionalProperties"])


def _ordered(said: dict[str, Any]) -> dict[str, Any]:
    """The properties, in the order of `propertyOrdering` where there is one."""
    inner = {name: json_schema(one) for name, one in said["properties"].items()}
    ordering = cast(list[str], said.get("propertyOrdering") or [])
    ranks = {name: rank for rank, name in enumerate(ordering)}
    return {name: inner[name] for name in sorted(inner, key=lambda n: ranks.get(n, len(ranks)))}


def _count(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdigit() else value
