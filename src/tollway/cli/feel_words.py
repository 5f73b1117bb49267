"""What a stream means, in words and as JSON: the arithmetic of feeling, beside its sources."""

import json
from collections.abc import Sequence

from tollway.cli.feel_streams import Felt
from tollway.feel.arithmetic import GIVEN, Feeling, feeling
from tollway.units import Seconds, TokensPerSecond

Pair = tuple[Felt, Feeling]


def length(seconds: float) -> str:
    """A duration for people: `0.42 s`, `3.1 min`, `2.5 h`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def rows(pairs: Sequence[Pair], daily: float | None) -> list[list[str]]:
    """A row for each figure: its name, and its value in each stream."""
    found = [["", *(felt.title for felt, _ in pairs)]]

    def row(name: str, values: Sequence[str]) -> None:
        found.append([name, *values])

    every = [feeling for _, feeling in pairs]
    row("tokens/s", [f"{one.rate:.1f}" for one in every])
    row("wait for the first token", [length(one.ttft) for one in every])
    row("wait for what was asked", [f"{length(one.first_word)} ({one.grasp})" for one in every])
    whole = f"whole answer of {every[0].answer.tokens:,.0f} tokens"
    row(whole, [_within(one.whole, _ends(felt, one), 0) for felt, one in pairs])
    row("waiting an answer", [_within(one.waiting, _ends(felt, one), 1) for felt, one in pairs])
    if every[0].reader is not None:
        row(
            "times as fast as it is read",
            ["-" if one.ahead is None else f"{one.ahead:.1f}" for one in every],
        )
        row(
            "left to read when it ends",
            ["-" if one.behind is None else length(one.behind) for one in every],
        )
    row("more hardly matters from", [_enough(one) for one in every])
    if daily is not None:
        row(f"users wait a day, {daily:,.0f} answers", [length(it.a_day(daily)) for it in every])
    return found


Ends = tuple[tuple[float, float], tuple[float, float]]
"""Of the whole answer and of waiting: at the fast end of the prediction and at its slow one."""


def _ends(felt: Felt, one: Feeling) -> Ends | None:
    if felt.low is None or felt.high is None or felt.ttfts is None:
        return None
    rates = TokensPerSecond(felt.high), TokensPerSecond(felt.low)
    fast, slow = (
        feeling(one.mode, rate, Seconds(ttft), one.answer)
        for rate, ttft in zip(rates, felt.ttfts, strict=True)
    )
    return (fast.whole, slow.whole), (fast.waiting, slow.waiting)


def _within(value: float, ends: Ends | None, which: int) -> str:
    if ends is None:
        return length(value)
    low, high = ends[which]
    return f"{length(value)} ({length(low)} to {length(high)})"


def _enough(one: Feeling) -> str:
    return "it always matters" if one.enough is None else f"{one.enough:,.0f} tokens/s"


def notes(pairs: Sequence[Pair], daily_from: str) -> list[str]:
    """Where the figures are from."""
    mode = pairs[0][1].mode
    lines = [f"{felt.title}: {felt.origin}." for felt, _ in pairs]
    per = pairs[0][1].tokens_per_word
    lines.append(f"A word of these texts is {per:.2f} tokens (o200k), counted.")
    used = {"text": ("reading", "skimming"), "code": ("scanning",)}.get(mode, ("rest",))
    for name in used:
        one = GIVEN[name]
        lines.append(f"{name}: {one.value:g} {one.unit}; {one.source}.")
    lines.append(f"Answers a day: {daily_from}.")
    return lines


def as_json(pairs: Sequence[Pair], daily: float | None, daily_from: str) -> str:
    """Everything, with its provenance."""
    whole = {
        "mode": pairs[0][1].mode,
        "streams": [_stream(felt, feeling, daily) for felt, feeling in pairs],
        "requests_a_day": None if daily is None else {"value": daily, "origin": daily_from},
        "given": {
            name: {
                "value": one.value,
                "unit": one.unit,
                "source": one.source,
                "judgement": one.judgement,
            }
            for name, one in GIVEN.items()
        },
    }
    return json.dumps(whole, indent=2) + "\n"


def _stream(felt: Felt, one: Feeling, daily: float | None) -> dict[str, object]:
    ends = _ends(felt, one)
    return {
        "title": felt.title,
        "origin": felt.origin,
        "tokens_per_second": one.rate,
        "interval": None if felt.low is None else [felt.low, felt.high],
        "ttft_s": one.ttft,
        "jitter": felt.gaps is not None,
        "answer_tokens": one.answer.tokens,
        "turns": one.answer.turns,
        "tool_pauses_s": one.answer.pauses,
        "tokens_per_word": one.tokens_per_word,
        "reading_tokens_per_second": one.reading,
        "times_reading": one.ahead,
        "left_to_read_s": one.behind,
        "first_word_s": one.first_word,
        "grasp": one.grasp,
        "whole_answer_s": one.whole,
        "whole_answer_interval_s": None if ends is None else ends[0],
        "waiting_s": one.waiting,
        "waiting_interval_s": None if ends is None else ends[1],
        "enough_tokens_per_second": one.enough,
        "waiting_a_day_s": None if daily is None else one.a_day(daily),
    }
