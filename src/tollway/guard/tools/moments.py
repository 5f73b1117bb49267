"""Days and times of day that a text names, in the notations that people use.

Rules
1. A day without a year names that day of any year; a day's number alone names nothing.
2. A value is a moment that a text names where the text names its day and, unless it is midnight,
   its time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPELT = "january february march april may june july august september october november december"
_MONTHS = tuple(_SPELT.split())
_NAMES = {name[:length]: at + 1 for at, name in enumerate(_MONTHS) for length in (3, len(name))}
_NAMES["sept"] = 9
_MONTH = r"(?P<month>" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_DAYS = (
    re.compile(rf"(?<![0-9]){_YEAR}-(?P<number>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?![0-9])"),
    re.compile(rf"(?<![0-9.])(?P<day>[0-9]{{1,2}})\.(?P<number>[0-9]{{1,2}})\.{_YEAR}(?![0-9])"),
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b(?:,?\s+{_YEAR}\b)?"),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR}\b)?"),
)
_TIMES = (
    re.compile(r"(?<![0-9:])(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?![0-9:]|\.[0-9])\s*(?P<half>[ap]\.?m\b)?"),
    re.compile(r"(?<![0-9:.])(?P<hour>[0-9]{1,2})\s*(?P<half>[ap]\.?m\b)"),
)  # fmt: skip
_WORDS = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}


@dataclass(frozen=True, slots=True)
class Moments:
    """What a text names: days as (year, month, day), the year 0 where it names none; times as
    (hour, minute)."""

    days: frozenset[tuple[int, int, int]]
    times: frozenset[tuple[int, int]]

    def names(self, moment: str) -> bool:
        """Whether the text names `2024-05-15` or `2024-05-15 10:00` (rule 2)."""
        year, month, day = (int(part) for part in moment[:10].split("-"))
        if not {(year, month, day), (0, month, day)} & self.days:
            return False
        time = moment[11:16]
        if not time or time == "00:00":
            return True
        return (int(time[:2]), int(time[3:])) in self.times


def moments(text: str) -> Moments:
    """The days and times that a text names."""
    low = text.lower()
    return Moments(frozenset(_days(low)), frozenset(_times(low)))


def _days(text: str) -> Iterator[tuple[int, int, int]]:
    for pattern in _DAYS:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = int(parts["number"]) if "number" in parts else _NAMES[parts["month"]]
            yield int(parts.get("year") or 0), month, int(parts["day"])


def _times(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _TIMES:
        for found in pattern.finditer(text):
            hour, half = int(found["hour"]), found["half"]
            minute = int(found.groupdict().get("minute") or 0)
            if half:
                hour = hour % 12 + (12 if half[0] == "p" else 0)
            if hour < 24 and minute < 60:
                yield hour, minute
    for word, time in _WORDS.items():
        if re.search(rf"\b{word}\b", text):
            yield time
