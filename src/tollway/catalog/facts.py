"""Facts with their provenance, read from one packaged TOML file.

Rules
1. A fact is a value, or a table with `value` and what differs from the file's own `source`, `date`
   and `confidence`.
2. What is not written is unknown: None, never zero.
3. A key that nobody knows is an error: a misspelt fact must not pass for an unknown one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from tollway.errors import Fault, TollwayError, unknown

_OVERRIDES = ("value", "source", "date", "confidence", "note")
_HEADER = ("source", "date", "confidence")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a fact comes from: `source` is a URL, `date` when it was published or read."""

    source: str
    date: date
    confidence: str
    note: str | None = None


class Facts:
    """The facts of one TOML table, handed out once each, so that what is left over is misspelt."""

    def __init__(self, text: str, place: str) -> None:
        """`place` names the file in errors.

        Raises:
            TollwayError: the text is not TOML, or lacks source, date or confidence.
        """
        try:
            table: dict[str, object] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TollwayError(f"{place} is not TOML: {error}") from None
        self.place = place
        self.provenance: dict[str, Provenance] = {}
        self._table = table
        self._known: list[str] = []
        source, day, confidence = (self._take(key) for key in _HEADER)
        if not (isinstance(source, str) and isinstance(day, date) and isinstance(confidence, str)):
            raise TollwayError(
                f"{place} lacks source, date or confidence. Write all three at its top: "
                'source = "https://…", date = 2026-11-01, confidence = "vendor docs".'
            )
        self._default = Provenance(source, day, confidence)

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._table.pop(key, None)

    def _fact(self, written: object, name: str) -> object:
        if written is None:
            return None
        origin, value = self._default, written
        if isinstance(written, dict):
            table = cast("dict[str, object]", written)
            for key in table:
                if key not in _OVERRIDES:
                    raise TollwayError(str(unknown(key, _OVERRIDES, f"{self.place}: {name}: key")))
            value = table.get("value")
            note = table.get("note")
            day = table.get("date")
            origin = Provenance(
                str(table.get("source", origin.source)),
                day if isinstance(day, date) else origin.date,
                str(table.get("confidence", origin.confidence)),
                None if note is None else str(note),
            )
        self.provenance[name] = origin
        return value

    def _checked_number(self, value: object, name: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise TollwayError(f"{self.place}: {name} is {value!r}; it is a number above zero.")
        return float(value)

    def number(self, key: str) -> float | None:
        """The number `key`, above zero; None where the file does not say."""
        return self._checked_number(self._fact(self._take(key), key), key)

    def whole(self, key: str) -> int | None:
        """The whole number `key`, above zero; None where the file does not say."""
        value = self.number(key)
        return None if value is None else int(value)

    def need(self, key: str) -> int:
        """The whole number `key`, without which the file is no use.

        Raises:
            TollwayError: it is absent.
        """
        value = self.whole(key)
        if value is None:
            raise TollwayError(f"{self.place} lacks {key}. Add `{key} = …`.")
        return value

    def word(self, key: str) -> str | None:
        """The text `key`; None where the file does not say."""
        value = self._fact(self._take(key), key)
        return None if value is None else str(value)

    def flag(self, key: str) -> bool:
        """Whether `key` is written as true."""
        return self._fact(self._take(key), key) is True

    def tables(self, key: str) -> list[Mapping[str, object]]:
        """The array of tables `key`."""
        value = self._take(key)
        return cast("list[Mapping[str, object]]", value) if isinstance(value, list) else []

    def table(self, key: str) -> Mapping[str, object] | None:
        """The table `key`; None where the file has none."""
        value = self._take(key)
        return cast("Mapping[str, object]", value) if isinstance(value, dict) else None

    def within(self, table: Mapping[str, object], key: str, name: str) -> float | None:
        """The number `key` of a table inside the file, whose provenance is kept as `name`."""
        return self._checked_number(self._fact(table.get(key), name), name)

    def end(self) -> None:
        """Raises:
        TollwayError: something was written that nothing asked for.
        """
        for key in self._table:
            fault = unknown(key, self._known, f"{self.place}: key")
            raise TollwayError(str(Fault(fault.place, fault.problem, fault.mend)))
