"""Days and times of day that a text names, in the notations that people use.

Rules
1. A day without a year names that day of any year; a day's number alone names nothing.
2. A value is a moment that a text names where the text names its day and, unless it is midnight,
   its time; who names no time of day at all leaves it open.
3. "Today", "tomorrow" and days of the week are days from when the task was opened, by any clock on
   earth: "on Friday" is the next one.
4. Who names how long something takes names its end with its beginning: "at 10:00 for two hours".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

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
_COUNTS = {
    "half an": 0.5, "half": 0.5, "an": 1, "a": 1, "one": 1, "two": 2, "three": 3, "four": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "thirty": 30, "fifteen": 15, "forty-five": 45,
}  # fmt: skip
_LENGTH = re.compile(
    r"\b(?P<count>[0-9]{1,3}(?:\.[0-9])?|"
    + "|".join(sorted(_COUNTS, key=len, reverse=True))
    + r")[\s-]*(?P<unit>hours?|hrs?|h|minutes?|mins?)\b"
)
_AHEAD = {"today": 0, "tonight": 0, "tomorrow": 1}
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
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
        return not self.times or (int(time[:2]), int(time[3:])) in self.times


def moments(text: str, opened: date | None = None) -> Moments:
    """The days and times that a text names; `opened` is the day, by UTC, on which it was said."""
    low = text.lower()
    times = frozenset(_times(low))
    ends = {_later(time, minutes) for time in times for minutes in _lengths(low)}
    days = frozenset((*_days(low), *(() if opened is None else _relative(low, opened))))
    return Moments(days, times | ends)


def _relative(text: str, opened: date) -> Iterator[tuple[int, int, int]]:
    words = set(re.findall(r"[a-z]+", text))
    for zone in (-1, 0, 1):
        today = opened + timedelta(days=zone)
        for word, ahead in _AHEAD.items():
            if word in words:
                yield _parts(today + timedelta(days=ahead))
        for number, word in enumerate(_WEEK):
            if word in words:
                yield _parts(today + timedelta(days=(number - today.weekday() - 1) % 7 + 1))


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _days(text: str) -> Iterator[tuple[int, int, int]]:
    for pattern in _DAYS:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = int(parts["number"]) if "number" in parts else _NAMES[parts["month"]]
            yield int(parts.get("year") or 0), month, int(parts["day"])


def _lengths(text: str) -> Iterator[int]:
    """Durations in minutes (rule 3)."""
    for found in _LENGTH.finditer(text):
        word = found["count"]
        count = _COUNTS[word] if word in _COUNTS else float(word)
        yield round(count * (60 if found["unit"].startswith("h") else 1))


def _later(time: tuple[int, int], minutes: int) -> tuple[int, int]:
    whole = (time[0] * 60 + time[1] + minutes) % (24 * 60)
    return whole // 60, whole % 60


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


def is_month(word: str) -> bool:
    """Whether a word names a month, whole or by its first three letters."""
    return word.lower() in _NAMES
