"""Holds JSON against the types of an SDK: each member known, each needed one there.

The SDKs' own types are read, because they list every member of the API; pydantic alone would pass
over members that nobody knows.
"""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import get_type_hints, is_typeddict

PLAIN = {str: (str,), int: (int,), float: (int, float), bool: (bool,), type(None): (type(None),)}


def problems(value: Any, shape: Any, path: str = "") -> list[str]:
    """What of `value` is not as `shape` has it; empty where all is."""
    return list(_problems(value, shape, path))


def _problems(value: Any, shape: Any, path: str) -> Iterator[str]:
    origin, inner = get_origin(shape), get_args(shape)
    if shape in (Any, object):
        return
    if origin in (Annotated, Required, NotRequired):
        yield from _problems(value, inner[0], path)
    elif origin in (Union, types.UnionType):
        yield from _of_any(value, inner, path)
    elif origin is Literal:
        if value not in inner:
            yield f"{path}: {value!r} is none of {inner}"
    elif is_typeddict(shape):
        hints = get_type_hints(shape, include_extras=True)
        needed = {name for name, hint in hints.items() if _is_needed(shape, name, hint)}
        yield from _members(value, hints, needed, path)
    elif isinstance(shape, type) and issubclass(shape, BaseModel):
        hints = {
            field.alias or name: field.annotation for name, field in shape.model_fields.items()
        }
        needed = {name for name, field in shape.model_fields.items() if field.is_required()}
        yield from _members(value, hints, needed, path)
    elif shape in PLAIN:
        yield from _plain(value, shape, path)
    elif origin in (dict, Mapping) or shape is dict:
        yield from _pairs(value, inner, path)
    else:  # a list, in one of the many words for it
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for at, item in enumerate(value):
            yield from _problems(item, inner[0] if inner else Any, f"{path}[{at}]")


def _plain(value: Any, shape: Any, path: str) -> Iterator[str]:
    kinds = PLAIN[shape]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield f"{path}: {value!r} is not {shape.__name__}"


def _hints(shape: Any) -> tuple[dict[str, Any], set[str]]:
    """The members of a shape, and which are needed."""
    if is_typeddict(shape):
        hints = get_type_hints(shape, include_extras=True)
        return hints, {name for name, hint in hints.items() if _is_needed(shape, name, hint)}
    fields = shape.model_fields
    needed = {name for name, field in fields.items() if field.is_required()}
    return {field.alias or name: field.annotation for name, field in fields.items()}, needed


def _is_needed(shape: Any, name: str, hint: Any) -> bool:
    if get_origin(hint) is Required:
        return True
    return name in shape.__required_keys__ and get_origin(hint) is not NotRequired


def _of_any(value: Any, shapes: tuple[Any, ...], path: str) -> Iterator[str]:
    found = [problems(value, shape, path) for shape in shapes]
    if all(found):
        yield from min(found, key=len)


def _members(value: Any, hints: dict[str, Any], needed: set[str], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    for name in needed - value.keys():
        yield f"{path}.{name} is missing"
    for name, item in value.items():
        if name in hints:
            yield from _problems(item, hints[name], f"{path}.{name}")
        else:
            yield f"{path}.{name} is unknown"


def _pairs(value: Any, inner: tuple[Any, ...], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    for name, item in value.items():
        yield from _problems(item, inner[1] if inner else Any, f"{path}.{name}")
