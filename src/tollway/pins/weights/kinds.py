"""Is a value that a file holds a tuple, a list or a dict? For a reader whose types are checked."""

from typing import TypeGuard


def is_tuple(it: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(it, tuple)


def is_list(it: object) -> TypeGuard[list[object]]:
    return isinstance(it, list)


def is_dict(it: object) -> TypeGuard[dict[str, object]]:
    """A JSON's object: its keys are texts."""
    return isinstance(it, dict)
