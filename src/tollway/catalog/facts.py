"""Facts with their provenance, read from one packaged TOML file.

Rules
1. A fact is a value, or a table with `value` and what differs from the file's own `source`, `date`
   and `confidence`; a table inside the file may carry its own three.
2. What is not written is unknown: None, never zero.
3. What is known as a range is written `[low, high]` and stays a range.
4. A key that nobody knows is an error: a misspelt fact must not pass for an unknown one.
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


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is only known to lie between `low` and `high`."""

    low: float
    high: float


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
        header = [table.pop(key, None) for key in _HEADER]
        source, day, confidence = header
        if not (isinstance(source, str) and isinstance(day, date) and isinstance(confidence, str)):
            raise TollwayError(
                f"{place} lacks source, date or confidence. Write all three at its top: "
                'source = "https://…", date = 2026-11-01, confidence = "vendor docs".'
            )
        self._start(table, place, Provenance(source, day, confidence))

    def _start(self, table: dict[str, object], place: str, default: Provenance) -> None:
        self.place = place
        self.provenance: dict[str, Provenance] = {}
        self.ranges: dict[str, Range] = {}
        self._table = table
        self._known: list[str] = []
        self._prefix = ""
        self._default = default

    def part(self, table: Mapping[str, object], name: str) -> "Facts":
        """The facts of a table inside the file. It may name a source, date and confidence of its
        own; its facts are kept with those of the file, as `name.key`. End it too."""
        inner = Facts.__new__(Facts)
        rest = dict(table)
        header = {key: rest.pop(key) for key in _HEADER if key in rest}
        inner._start(rest, f"{self.place}: {name}", self._origin(header))
        inner._prefix = f"{self._prefix}{name}."
        inner.provenance = self.provenance
        inner.ranges = self.ranges
        return inner

    def inner(self, key: str) -> "Facts | None":
        """The facts of the table `key`; None where the file has none."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise TollwayError(f"{self.place}: {key} is {value!r}; it is a table, [{key}].")
        return self.part(cast("dict[str, object]", value), key)

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._table.pop(key, None)

    def _origin(self, table: Mapping[str, object]) -> Provenance:
        note, day = table.get("note"), table.get("date")
        return Provenance(
            str(table.get("source", self._default.source)),
            day if isinstance(day, date) else self._default.date,
            str(table.get("confidence", self._default.confidence)),
            None if note is None else str(note),
        )

    def _fact(self, key: str) -> object:
        written = self._take(key)
        if written is None:
            return None
        origin = self._default
        if isinstance(written, dict):
            table = cast("dict[str, object]", written)
            for inner in table:
                if inner not in _OVERRIDES:
                    place = f"{self.place}: {key}: key"
                    raise TollwayError(str(unknown(inner, _OVERRIDES, place)))
            origin, written = self._origin(table), table.get("value")
        self.provenance[self._prefix + key] = origin
        return written

    def _checked(self, value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise TollwayError(f"{self.place}: {key} is {value!r}; it is a number above zero.")
        return float(value)

    def number(self, key: str) -> float | None:
        """The number `key`, above zero; None where the file does not say."""
        value = self._fact(key)
        return None if value is None else self._checked(value, key)

    def uncertain(self, key: str, unit: float = 1.0) -> float | None:
        """The number `key` times `unit`. None where the file does not say, and where it is a range
        `[low, high]`, which is kept in `ranges`."""
        value = self._fact(key)
        if value is None:
            return None
        if not isinstance(value, list):
            return self._checked(value, key) * unit
        ends = [self._checked(end, key) for end in cast("list[object]", value)]
        if len(ends) != 2 or ends[0] > ends[1]:
            raise TollwayError(
                f"{self.place}: {key} is {value!r}; a range is two numbers, [low, high]."
            )
        self.ranges[self._prefix + key] = Range(ends[0] * unit, ends[1] * unit)
        return None

    def whole(self, key: str) -> int | None:
        """The whole number `key`, above zero; None where the file does not say."""
        value = self.number(key)
        if value is not None and value != int(value):
            raise TollwayError(f"{self.place}: {key} is {value}; it is a whole number.")
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
        value = self._fact(key)
        if value is not None and not isinstance(value, str):
            raise TollwayError(f'{self.place}: {key} is {value!r}; it is text, "…".')
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """The list of texts `key`; empty where the file does not say."""
        value = self._fact(key)
        if value is None:
            return ()
        words = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(word, str) for word in words):
            raise TollwayError(f'{self.place}: {key} is {value!r}; it is a list, ["…"].')
        return tuple(str(word) for word in words)

    def day(self, key: str) -> date | None:
        """The date `key`; None where the file does not say."""
        value = self._fact(key)
        if value is not None and not isinstance(value, date):
            raise TollwayError(f"{self.place}: {key} is {value!r}; it is a date, 2026-11-01.")
        return value

    def maybe(self, key: str) -> bool | None:
        """Whether `key` is true; None where the file does not say.

        Raises:
            TollwayError: it is neither true nor false.
        """
        value = self._fact(key)
        if value is not None and not isinstance(value, bool):
            raise TollwayError(f"{self.place}: {key} is {value!r}; it is true or false.")
        return value

    def flag(self, key: str) -> bool:
        """Whether `key` is written as true."""
        return self.maybe(key) is True

    def tables(self, key: str) -> list[Mapping[str, object]]:
        """The array of tables `key`; empty where the file has none."""
        value = self._take(key)
        if value is None:
            return []
        tables = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(table, dict) for table in tables):
            raise TollwayError(f"{self.place}: {key} is not a list of tables, [[{key}]].")
        return cast("list[Mapping[str, object]]", tables)

    def end(self) -> None:
        """Raises:
        TollwayError: something was written that nothing asked for.
        """
        for key in self._table:
            fault = unknown(key, self._known, f"{self.place}: key")
            raise TollwayError(str(Fault(fault.place, fault.problem, fault.mend)))
