"""Reading a JSON object member by member, so that nothing in it is passed over in silence.

Rules
1. A member that is asked for is taken out; what remains at the `end` is listed in `unread`.
2. A null says nothing, and neither does a value that the API documents as the default.
"""

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from tollway.dialects.meaning import Fault

SHOWN: Final = 60
"""Characters of a wrong value that a fault repeats."""


def read_body(body: bytes, spelled: Callable[[object], object] | None = None) -> "Members":
    """The members of a request's body; `spelled` puts its names as they are read, where a dialect
    takes several spellings.

    Raises:
        Fault: the body is not a JSON object.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise Fault("", f"The request body is not JSON: {fault}.") from None
    return Members(value if spelled is None else spelled(value), "", [])


def json_text(value: object) -> str:
    """`value` as JSON text."""
    return msgspec.json.encode(value).decode()


def shown(value: object) -> str:
    """A value as a fault shows it: JSON, cut where it is long."""
    text = json_text(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


class Members:
    """The members of one object at `path`; `unread` is shared by all objects of one request."""

    __slots__ = ("_values", "path", "unread")

    def __init__(self, value: object, path: str, unread: list[str]) -> None:
        if not isinstance(value, dict):
            raise Fault(path, f"{_place(path)} must be an object, not {shown(value)}.")
        self._values = cast(dict[str, Any], value)
        self.path = path
        self.unread = unread

    def at(self, key: str) -> str:
        """The path of a member."""
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str) -> Any:
        """The value of a member, whatever it is; None where it says nothing."""
        return self._values.pop(key, None)

    def says(self, key: str) -> Any:
        """The value of a member, which is not taken out."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """A string."""
        value = self._values.pop(key, None)
        if value is None or value.__class__ is str:
            return value
        raise self.fault(key, "must be a string", value)

    def needed(self, key: str) -> str:
        """A string that has to be there."""
        value = self._values.pop(key, None)
        if value.__class__ is str:
            return value
        raise self.fault(key, "must be a string", value)

    def number(self, key: str) -> float | None:
        """A number."""
        value = self._values.pop(key, None)
        if value is None or value.__class__ is float or value.__class__ is int:
            return value
        raise self.fault(key, "must be a number", value)

    def integer(self, key: str) -> int | None:
        """A whole number."""
        value = self._values.pop(key, None)
        if value is None or value.__class__ is int:
            return value
        raise self.fault(key, "must be an integer", value)

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value = self._values.pop(key, None)
        if value is None or value.__class__ is bool:
            return value
        raise self.fault(key, "must be true or false", value)

    def items(self, key: str) -> list[Any]:
        """A list; empty where the member says nothing."""
        value = self._values.pop(key, None)
        if value is None:
            return []
        if value.__class__ is list:
            return value
        raise self.fault(key, "must be a list", value)

    def members(self, key: str) -> "Members | None":
        """An object."""
        value = self._values.pop(key, None)
        return None if value is None else Members(value, self.at(key), self.unread)

    def objects(self, key: str) -> list["Members"]:
        """A list of objects."""
        path = self.at(key)
        items = self.items(key)
        return [Members(item, f"{path}[{at}]", self.unread) for at, item in enumerate(items)]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        items = self.items(key)
        for item in items:
            if item.__class__ is not str:
                raise self.fault(key, "must be a list of strings", items)
        return tuple(items)

    def json(self, key: str) -> str | None:
        """An object, as JSON text."""
        value = self._values.pop(key, None)
        if value is None or value.__class__ is dict:
            return None if value is None else json_text(value)
        raise self.fault(key, "must be an object", value)

    def default(self, key: str, *defaults: object) -> None:
        """Takes a member out where it only says what the API does anyway."""
        value = self._values.get(key)
        for default in defaults:
            if value == default and value.__class__ is default.__class__:
                self._values.pop(key, None)
                return

    def fault(self, key: str, problem: str, value: object) -> Fault:
        """The fault of a member."""
        path = self.at(key)
        if value is None:
            return Fault(path, f'"{path}" is missing: it {problem}.')
        return Fault(path, f'"{path}" {problem}, not {shown(value)}.')

    def end(self) -> None:
        """Lists what nobody took."""
        for key, value in self._values.items():
            if value is not None:
                self.unread.append(self.at(key))


def _place(path: str) -> str:
    return f'"{path}"' if path else "The request body"
