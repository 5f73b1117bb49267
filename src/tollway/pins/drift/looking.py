"""One check of a model against its baseline, and the confirmation before anything is done.

Rules
1. A check that could not be made is no clean one: it says why.
2. A prompt whose call stayed away is left out; with fewer than half of them nothing is said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tollway.pins.drift import border, completions, logprobs
from tollway.pins.drift.asking import Asking, Below, Heard, Question, Reply, Unheard, shuffled
from tollway.pins.drift.baseline import Baseline, Still
from tollway.pins.drift.gathering import story_questions

TIE_CALLS: Final = 10
"""Calls of each border input in a check."""


class Look(msgspec.Struct, frozen=True, gc=False):
    """What a check brought: the p-value, or why there is none. `calls` were asked; `answered` is
    what the answers called the model, and `fingerprints` what they said of the engine."""

    p: float | None
    calls: int
    why: str | None = None
    answered: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()


def calls_of(baseline: Baseline) -> int:
    """What a check costs, in calls."""
    if baseline.method == "logprobs":
        return len(baseline.stills)
    return TIE_CALLS * len(baseline.ties)


def look(baseline: Baseline, below: Below) -> Asking[Look]:
    """Hold the source against its baseline, once, its prompts in any order."""
    if baseline.method == "logprobs":
        stills = [baseline.stills[at] for at in shuffled(len(baseline.stills), below)]
        replies = yield [Question(it.prompt, logprobs=True) for it in stills]
        p = _by_logprobs(stills, replies)
    else:
        round_ = [Question(it.prompt, temperature=baseline.temperature) for it in baseline.ties]
        replies = yield round_ * TIE_CALLS
        p = _by_ties([it.counts for it in baseline.ties], replies)
    heard = [it for it in replies if isinstance(it, Heard)]
    return Look(
        p,
        len(replies),
        None if p is not None else _why(replies),
        tuple(sorted({it.model for it in heard if it.model})),
        tuple(sorted({it.fingerprint for it in heard if it.fingerprint})),
    )


def _by_logprobs(stills: Sequence[Still], replies: Sequence[Reply]) -> float | None:
    old: list[Sequence[logprobs.Row]] = []
    new: list[logprobs.Row] = []
    noises: list[logprobs.Row] = []
    for still, reply in zip(stills, replies, strict=True):
        if isinstance(reply, Heard) and reply.first:
            old.append(still.rows)
            new.append(logprobs.row(still.tokens, reply.first))
            noises.append(still.noise)
    return logprobs.p_value(old, new, noises) if 2 * len(new) > len(stills) else None


def _by_ties(old: Sequence[Mapping[str, int]], replies: Sequence[Reply]) -> float | None:
    new: list[Counter[str]] = []
    for at in range(len(old)):
        texts = [it.text for it in replies[at :: len(old)] if isinstance(it, Heard)]
        new.append(Counter(texts))
    there = sum(1 for it in new if it)
    return border.p_value(old, new) if 2 * there > len(old) else None


def confirm(baseline: Baseline, below: Below, least: float) -> Asking[Look]:
    """Hold short answers against the baseline's, by their discrepancy. `below(n)` draws an integer
    from 0 to n - 1; `least` is the level that is asked for."""
    stories = [it for it in baseline.stories if it.answers]
    if not stories:
        return Look(None, 0, "its baseline has no short answers to confirm by")
    rounds = max(len(it.answers) for it in stories)
    replies = yield story_questions([it.prompt for it in stories]) * rounds
    new = [
        [it.text for it in replies[at :: len(stories)] if isinstance(it, Heard)]
        for at in range(len(stories))
    ]
    if 2 * sum(map(len, new)) <= len(replies):
        return Look(None, len(replies), _why(replies))
    old = [it.answers for it in stories]
    return Look(completions.p_value(old, new, below, least), len(replies))


def _why(replies: Sequence[Reply]) -> str:
    """The first reason among replies that were not enough."""
    for reply in replies:
        if isinstance(reply, Unheard):
            return reply.why
    return "it lists no log-probabilities any more"
