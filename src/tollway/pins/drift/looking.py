"""Looks at a model against its baseline, and the confirmation before anything is done.

Rules
1. A look that could not be made is no clean one: it says why.
2. A prompt whose call stayed away is left out; with fewer than half of them nothing is said.
3. The first look is cheap and easily suspects. Only a second one alarms, at a level that holds
   without the first, and though a quarter of the log-probability test's prompts say what their
   baseline never heard.
4. A look asks one question at a time.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from tollway.pins.drift import border, completions, logprobs
from tollway.pins.drift.asking import (
    Asking,
    Below,
    Heard,
    Question,
    Reply,
    Unheard,
    Wave,
    shuffled,
)
from tollway.pins.drift.baseline import Baseline
from tollway.pins.drift.gathering import story_questions
from tollway.pins.drift.together import together

SUSPECT: Final = 0.05
"""The level of a first look. It costs second looks, and no false alarms."""

_STILL_CALLS: Final = (1, 3)
_TIE_CALLS: Final = (8, 20)
"""Calls of each prompt in a first and in a second look."""

_SPARED: Final = 4
"""One still of so many is spared in a second look. Ties are too few for it."""


class Look(msgspec.Struct, frozen=True, gc=False):
    """What a look brought: the p-value, or why there is none. `calls` were asked; `answered` is
    what the answers called the model, and `fingerprints` what they said of the engine; `second`
    says which look it was (rule 3)."""

    p: float | None
    calls: int
    why: str | None = None
    answered: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    second: bool = False

    @property
    def suspects(self) -> bool:
        """Whether a second look is to follow."""
        return not self.second and self.p is not None and self.p <= SUSPECT


def calls_of(baseline: Baseline, *, second: bool = False) -> int:
    """What a look costs, in calls."""
    if baseline.method == "logprobs":
        return _STILL_CALLS[second] * len(baseline.stills)
    return _TIE_CALLS[second] * len(baseline.ties)


def look(baseline: Baseline, below: Below, *, second: bool = False) -> Asking[Look]:
    """Hold the source against its baseline, once, its prompts in any order."""
    if baseline.method == "logprobs":
        questions = [Question(it.prompt, logprobs=True) for it in baseline.stills]
        times = _STILL_CALLS[second]
    else:
        questions = [Question(it.prompt, temperature=baseline.temperature) for it in baseline.ties]
        times = _TIE_CALLS[second]
    replies: list[list[Reply]] = [[] for _ in questions]
    for _ in range(times):
        order = shuffled(len(questions), below)
        got = yield Wave([questions[at] for at in order])
        for at, reply in zip(order, got, strict=True):
            replies[at].append(reply)
    values = _values(baseline, replies)
    enough = 2 * len(values) > len(questions)
    spared = len(values) // _SPARED if second and baseline.stills else 0
    every = [it for of in replies for it in of]
    heard = [it for it in every if isinstance(it, Heard)]
    return Look(
        together(values, spared) if enough else None,
        len(every),
        None if enough else _why(every),
        tuple(sorted({it.model for it in heard if it.model})),
        tuple(sorted({it.fingerprint for it in heard if it.fingerprint})),
        second,
    )


def _values(baseline: Baseline, replies: Sequence[Sequence[Reply]]) -> list[float]:
    """The p-values of the prompts that answered."""
    values: list[float] = []
    if baseline.method == "logprobs":
        for still, of in zip(baseline.stills, replies, strict=True):
            lists = [it.first for it in of if isinstance(it, Heard) and it.first]
            rows = [logprobs.row(still.tokens, it) for it in lists]
            if rows:
                values.append(logprobs.prompt_p(still.rows, rows, baseline.near))
        return values
    for tie, of in zip(baseline.ties, replies, strict=True):
        new = Counter(it.text for it in of if isinstance(it, Heard))
        if new:
            values.append(border.prompt_p(tie.counts, new))
    return values


def looked(baseline: Baseline, below: Below) -> Asking[Look]:
    """A first look, and at once a second one where it suspects."""
    first = yield from look(baseline, below)
    if not first.suspects:
        return first
    second = yield from look(baseline, below, second=True)
    return msgspec.structs.replace(second, calls=first.calls + second.calls)


def confirm(baseline: Baseline, below: Below, least: float) -> Asking[Look]:
    """Hold short answers against the baseline's, by their discrepancy. `below(n)` draws an integer
    from 0 to n - 1; `least` is the level that is asked for."""
    stories = [it for it in baseline.stories if it.answers]
    if not stories:
        return Look(None, 0, "its baseline has no short answers to confirm by")
    rounds = max(len(it.answers) for it in stories)
    replies = yield Wave(story_questions([it.prompt for it in stories]) * rounds)
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
