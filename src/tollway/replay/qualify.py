"""Whether a fallback answers well enough: the user's prompts, the user's judge. Pure.

Rules
1. The sample depends on the file and the seed only, and every source is asked the same prompts.
2. A share is shown with its Wilson interval: of ten prompts little is known, and it says so.
3. A source is worse than the first where the intervals don't meet, or where it answers nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from random import Random
from typing import Any, cast

import msgspec

from tollway.errors import TollwayError
from tollway.units import PicoDollars, Seconds

Z = 1.959964
"""Of a two-sided interval of 95%."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line of the user's file: the chat body without `model` and `stream`, and what the
    checker may want to compare with."""

    line: int
    body: Mapping[str, Any]
    reference: Any = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One prompt at one source. `answer` is the text, None where there was none and `why` says
    what came instead; `accepted` is the checker's word."""

    pair: str
    prompt: Prompt
    answer: str | None
    why: str | None
    latency: Seconds
    accepted: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One source of the route. `low` and `high` bound its share of acceptable answers."""

    pair: str
    first: bool
    asked: int
    answered: int
    accepted: int
    low: float
    high: float
    latency_p50: Seconds | None
    latency_p90: Seconds | None
    cost: PicoDollars
    worse: bool
    failures: tuple[str, ...]


def read_prompts(text: str, place: str) -> list[Prompt]:
    """The prompts of a JSON-lines file: each a chat body, or `{"prompt": "..."}`; either may have a
    `reference`.

    Raises:
        TollwayError: a line is neither; the text names it.
    """
    found: list[Prompt] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found.append(_prompt(line, number, place))
    if not found:
        raise TollwayError(f"{place}: holds no prompts. Write one JSON object a line.")
    return found


def _prompt(line: str, number: int, place: str) -> Prompt:
    mend = 'Write {"prompt": "..."} or a chat body with "messages", and a "reference" if you like.'
    try:
        value: Any = msgspec.json.decode(line)
    except msgspec.MsgspecError as error:
        raise TollwayError(f"{place}: line {number} is not JSON: {error}. {mend}") from None
    if not isinstance(value, dict):
        raise TollwayError(f"{place}: line {number} is not an object. {mend}")
    body = dict(cast("dict[str, Any]", value))
    reference = body.pop("reference", None)
    if isinstance(body.get("prompt"), str):
        message = {"role": "user", "content": body.pop("prompt")}
        body = {"messages": [message], **body}
    if not isinstance(body.get("messages"), list):
        raise TollwayError(f"{place}: line {number} has no prompt. {mend}")
    return Prompt(
        number, {k: v for k, v in body.items() if k not in ("model", "stream")}, reference
    )


def sample(prompts: Sequence[Prompt], count: int, seed: int) -> list[Prompt]:
    """`count` of the prompts, without repetition, in the order of the file (rule 1)."""
    if count >= len(prompts):
        return list(prompts)
    chosen = Random(seed).sample(range(len(prompts)), count)  # noqa: S311 - a sample, no secret
    return [prompts[at] for at in sorted(chosen)]


def wilson(good: int, asked: int) -> tuple[float, float]:
    """Bounds of a share (Wilson 1927), which hold near 0 and 1 and for few trials too."""
    if not asked:
        return 0.0, 1.0
    share, square = good / asked, Z * Z / asked
    middle = share + square / 2
    spread = Z * sqrt(share * (1 - share) / asked + square / (4 * asked))
    return max(0.0, (middle - spread) / (1 + square)), min(1.0, (middle + spread) / (1 + square))


def judge(
    pairs: Sequence[str], trials: Sequence[Trial], costs: Mapping[str, PicoDollars]
) -> list[Row]:
    """A row for each source, in the order of `pairs`, of which the first is the measure."""
    rows: list[Row] = []
    for pair in pairs:
        own = [trial for trial in trials if trial.pair == pair]
        answered = [trial for trial in own if trial.answer is not None]
        good = sum(trial.accepted for trial in own)
        low, high = wilson(good, len(own))
        waits = sorted(trial.latency for trial in answered)
        why = tuple(dict.fromkeys(trial.why for trial in own if trial.why is not None))
        worse = (bool(own) and not answered) or (bool(rows) and high < rows[0].low)
        rows.append(
            Row(
                pair,
                not rows,
                len(own),
                len(answered),
                good,
                low,
                high,
                _rank(waits, 0.5),
                _rank(waits, 0.9),
                costs.get(pair, PicoDollars(0)),
                worse,
                why,
            )
        )
    return rows


def _rank(ordered: Sequence[Seconds], share: float) -> Seconds | None:
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
