"""What streams mean, on a terminal and as JSON: the arithmetic of feeling, beside its sources."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tollway.cli.feel_streams import Felt
from tollway.feel.arithmetic import GIVEN, Answer
from tollway.feel.texts import Mode
from tollway.feel.told import Told, notes, rows, told


@dataclass(frozen=True, slots=True)
class Sums:
    """Streams in a mode and what they mean; `daily` answers a day, and where that is from."""

    mode: Mode
    streams: Sequence[tuple[Felt, Told]]
    daily: float | None
    daily_from: str


def sums_of(
    felts: Sequence[Felt], mode: Mode, answer: Answer | None, daily: tuple[float | None, str]
) -> Sums:
    """What these streams mean for an answer (None: the usual one of the mode's texts)."""
    pairs = [(one, told(mode, one.rate, one.waits.seconds, one.ends, answer)) for one in felts]
    return Sums(mode, pairs, *daily)


def table(sums: Sums) -> list[list[str]]:
    """A row for each figure: its name, and its value in each stream."""
    heads = ["", *(felt.title for felt, _ in sums.streams)]
    found = rows([one for _, one in sums.streams], sums.daily)
    return [heads, *([name, *values] for name, values in found)]


def origins(sums: Sums) -> list[str]:
    """Where the figures are from."""
    return [
        *(f"{felt.title}: {felt.origin}." for felt, _ in sums.streams),
        *notes(sums.mode),
        f"Answers a day: {sums.daily_from}.",
    ]


def as_json(sums: Sums) -> str:
    """Everything, with its provenance."""
    daily = sums.daily
    whole = {
        "mode": sums.mode,
        "streams": [_stream(felt, one, daily) for felt, one in sums.streams],
        "requests_a_day": None if daily is None else {"value": daily, "origin": sums.daily_from},
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


def _stream(felt: Felt, it: Told, daily: float | None) -> dict[str, object]:
    one, seen = it.felt, felt.seen
    return {
        "title": felt.title,
        "origin": felt.origin,
        "provenance": felt.provenance,
        "answers": None if seen is None else seen.answers,
        "window": None if seen is None else seen.window,
        "window_s": None if seen is None else seen.over,
        "tokens_per_second": one.rate,
        "interval": None if felt.ends is None else felt.ends.rates,
        "ttft_s": one.ttft,
        "ttft_interval_s": None if felt.ends is None else felt.ends.ttfts,
        "jitter": felt.gaps is not None,
        "answer_tokens": one.answer.tokens,
        "turns": one.answer.turns,
        "tool_pauses_s": one.answer.pauses,
        "tokens_per_word": one.tokens_per_word,
        "words_per_minute": one.words,
        "reading_tokens_per_second": one.reading,
        "times_reading": one.ahead,
        "left_to_read_s": one.behind,
        "first_word_s": one.first_word,
        "grasp": one.grasp,
        "whole_answer_s": one.whole,
        "waiting_s": one.waiting,
        "enough_tokens_per_second": one.enough,
        "waiting_a_day_s": None if daily is None else one.a_day(daily),
        **_intervals(it, daily),
    }


def _intervals(it: Told, daily: float | None) -> dict[str, object]:
    ends = [one for one in (it.fast, it.slow) if one is not None]
    return {
        "whole_answer_interval_s": [one.whole for one in ends] or None,
        "waiting_interval_s": [one.waiting for one in ends] or None,
        "waiting_a_day_interval_s": None
        if daily is None
        else [one.a_day(daily) for one in ends] or None,
    }
