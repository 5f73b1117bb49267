"""Names of members, which Google takes as `camelCase` and as `snake_case`.

Rules
1. Everything is read in camelCase. What is not Google's to name keeps its names: arguments and
   results of functions, JSON Schemas, labels.
2. Where a list belongs, one object alone will do, as in Google's own examples.
"""

from typing import Any, Final, cast

OPAQUE: Final = frozenset(
    (
        "args",
        "labels",
        "parametersJsonSchema",
        "partMetadata",
        "response",
        "responseJsonSchema",
        "_responseJsonSchema",
    )
)
NAMED: Final = frozenset(("properties", "defs"))
"""Members of a Schema whose own members are named by the client."""
LISTS: Final = frozenset(("contents", "parts", "tools", "functionDeclarations"))


def respelled(value: object) -> Any:
    """`value` with its members' names in camelCase."""
    if isinstance(value, list):
        return [respelled(item) for item in cast(list[object], value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, inner in cast(dict[str, object], value).items():
        spelled = camel(name)
        if spelled in OPAQUE:
            found[spelled] = inner
        elif spelled in NAMED and isinstance(inner, dict):
            schemas = cast(dict[str, object], inner)
            found[spelled] = {key: respelled(schema) for key, schema in schemas.items()}
        elif spelled in LISTS and isinstance(inner, dict):
            found[spelled] = [respelled(cast(object, inner))]
        else:
            found[spelled] = respelled(inner)
    return found


def camel(name: str) -> str:
    """`max_output_tokens` as `maxOutputTokens`."""
    if "_" not in name.strip("_"):
        return name
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
