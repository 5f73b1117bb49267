"""What streams mean, in words: the table of figures that the terminal and the page both show.

Rules
1. A figure whose speed has an interval has one too: from the fast end of the speed with the short
   wait to the slow end with the long wait.
2. Every constant that a mode's figures rest on is named beside them, with its publication.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tollway.feel.arithmetic import GIVEN, READ, Answer, Feeling, Given, feeling, tokens_per_word
from tollway.feel.texts import Mode
from tollway.units import Seconds, TokensPerSecond

Range = tuple[float, float]
"""The low and the high end of an interval."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The intervals of a speed in tokens a second, and of the wait for the first token."""

    rates: Range
    ttfts: Range


@dataclass(frozen=True, slots=True)
class Told:
    """A stream as it is felt, and at both ends of its interval where it has one."""

    felt: Feeling
    fast: Feeling | None = None
    slow: Feeling | None = None


def told(
    mode: Mode, rate: float, ttft: float, ends: Ends | None = None, answer: Answer | None = None
) -> Told:
    """A stream of so many tokens a second after so many seconds (rule 1)."""

    def at(speed: float, wait: float) -> Feeling:
        return feeling(mode, TokensPerSecond(speed), Seconds(wait), answer)

    if ends is None:
        return Told(at(rate, ttft))
    fast = at(ends.rates[1], ends.ttfts[0])
    return Told(at(rate, ttft), fast, at(ends.rates[0], ends.ttfts[1]))


def length(seconds: float) -> str:
    """A duration for people: `0.42 s`, `3.1 min`, `2.5 h`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def rows(every: Sequence[Told], daily: float | None) -> list[tuple[str, list[str]]]:
    """A row for each figure: its name, and its value for each stream of one mode."""
    first = every[0].felt
    found = [
        ("tokens/s", [_rate(it) for it in every]),
        ("words/min", [_words(it) for it in every]),
        (_reader(first.mode), [_ahead(it) for it in every]),
        ("wait for the first token", [_wait(it) for it in every]),
        ("wait for what was asked", [_first(it) for it in every]),
        (f"whole answer of {first.answer.tokens:,.0f} tokens", [_whole(it) for it in every]),
        ("waiting an answer", [_waiting(it, 1.0) for it in every]),
    ]
    if first.mode in READ:
        found.append(("left to read when it ends", [_behind(it) for it in every]))
    found.append(("more hardly matters from", [_enough(it) for it in every]))
    if daily is not None:
        found.append(
            (f"users wait a day, {daily:,.0f} answers", [_waiting(it, daily) for it in every])
        )
    return found


def notes(mode: Mode) -> list[str]:
    """Rule 2, in sentences."""
    lines = [f"A word of these texts is {tokens_per_word(mode):.2f} tokens (o200k), counted."]
    used = {"text": ("reading", "skimming"), "code": ("scanning",)}.get(mode, ("rest",))
    return lines + [
        f"{name}: {GIVEN[name].value:g} {GIVEN[name].unit}; {GIVEN[name].source}." for name in used
    ]


def reader(mode: Mode) -> Given | None:
    """Who reads the mode with care; None where nobody reads along."""
    return {"text": GIVEN["reading"], "code": GIVEN["scanning"]}.get(mode)


def _reader(mode: Mode) -> str:
    one = reader(mode)
    if one is None:
        return "times as fast as it is read"
    return f"times a reader's {one.value:g} {one.unit}"


def _rate(it: Told) -> str:
    return _range(f"{it.felt.rate:,.1f}", it, lambda one: f"{one.rate:,.1f}", slow_first=True)


def _words(it: Told) -> str:
    return _range(f"{it.felt.words:,.0f}", it, lambda one: f"{one.words:,.0f}", slow_first=True)


def _ahead(it: Told) -> str:
    if it.felt.ahead is None:
        return "nobody reads along"
    return _range(f"{it.felt.ahead:.1f}", it, lambda one: f"{one.ahead or 0:.1f}", slow_first=True)


def _wait(it: Told) -> str:
    return _range(length(it.felt.ttft), it, lambda one: length(one.ttft))


def _first(it: Told) -> str:
    said = _range(length(it.felt.first_word), it, lambda one: length(one.first_word))
    return f"{said}: {it.felt.grasp}"


def _whole(it: Told) -> str:
    return _range(length(it.felt.whole), it, lambda one: length(one.whole))


def _waiting(it: Told, times: float) -> str:
    return _range(length(it.felt.a_day(times)), it, lambda one: length(one.a_day(times)))


def _behind(it: Told) -> str:
    return _range(
        length(it.felt.behind or 0.0), it, lambda one: length(one.behind or 0.0), slow_first=True
    )


def _enough(it: Told) -> str:
    enough = it.felt.enough
    if enough is None:
        return "it always matters"
    said = _range(f"{enough:,.0f}", it, lambda one: f"{one.enough or 0:,.0f}", slow_first=True)
    return f"{said} tokens/s, {'reached' if it.felt.rate >= enough else 'not reached'}"


def _range(value: str, it: Told, say: Callable[[Feeling], str], *, slow_first: bool = False) -> str:
    """A value with its interval (rule 1), where its ends are not told alike."""
    if it.fast is None or it.slow is None:
        return value
    low, high = say(it.fast), say(it.slow)
    if slow_first:
        low, high = high, low
    return value if low == high else f"{value} ({low} to {high})"
