"""One JSON object of a model's configuration, which knows what has been read of it."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from tollway.errors import TollwayError


class ConfigFile:
    """The keys of a `config.json`. Zero, null and absent are alike: the model has none of it."""

    def __init__(self, text: str, place: str, defaults: Mapping[str, object]) -> None:
        """`defaults` stands in for keys that the file lacks.

        Raises:
            TollwayError: the text is not a JSON object.
        """
        try:
            value = json.loads(text)
        except ValueError as error:
            raise TollwayError(
                f"{place} is not JSON: {error}. Hand in the file as it was published."
            ) from None
        if not isinstance(value, dict):
            raise TollwayError(f"{place} is not a JSON object. Hand in the model's config.json.")
        self._start(cast("dict[str, object]", value), place, defaults)

    def _start(
        self, table: Mapping[str, object], place: str, defaults: Mapping[str, object]
    ) -> None:
        self.place = place
        self._table = table
        self._defaults = defaults
        self._read: set[str] = set()

    def with_defaults(self, defaults: Mapping[str, object]) -> "ConfigFile":
        """The same keys with other defaults, nothing of them read."""
        other = ConfigFile.__new__(ConfigFile)
        other._start(self._table, self.place, defaults)
        return other

    def inner(self, key: str, defaults: Mapping[str, object]) -> "ConfigFile | None":
        """The object `key`; None where there is none."""
        value = self.raw(key)
        if not isinstance(value, dict):
            return None
        other = ConfigFile.__new__(ConfigFile)
        other._start(cast("dict[str, object]", value), f"{self.place}: {key}", defaults)
        return other

    def raw(self, key: str) -> object:
        """Whatever stands at `key`; None where nothing does."""
        self._read.add(key)
        value = self._table.get(key)
        return self._defaults.get(key) if value is None else value

    def whole(self, key: str) -> int | None:
        """The whole number `key`; None where it is absent, null or zero.

        Raises:
            TollwayError: it is something else.
        """
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise TollwayError(
                f"{self.place}: {key} is {str(value)[:60]}, not a whole number. "
                "Hand in the config.json as it was published."
            )
        return value or None

    def need(self, key: str) -> int:
        """The whole number `key`.

        Raises:
            TollwayError: it is absent or no whole number.
        """
        value = self.whole(key)
        if value is None:
            raise TollwayError(
                f"{self.place} lacks {key}. Add it, or describe the model in TOML "
                "(docs/reference/catalogue.md)."
            )
        return value

    def flag(self, key: str) -> bool | None:
        """Whether `key` is true; None where it is absent."""
        value = self.raw(key)
        return value if isinstance(value, bool) else None

    def word(self, key: str) -> str | None:
        """The text `key`; None where it is absent or no text."""
        value = self.raw(key)
        return value if isinstance(value, str) else None

    def unread(self) -> Iterator[tuple[str, object]]:
        """Keys, in the order of the file, that nobody asked for, and their values."""
        return ((key, value) for key, value in self._table.items() if key not in self._read)
