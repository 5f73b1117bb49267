"""How a baseline is made: which questions, in which order, until there is enough or no hope.

Rules
1. A source that lists log-probabilities is watched by them; one that doesn't, by border inputs.
2. Calls that chose a prompt are not part of its baseline.
3. Questions of a baseline go round and round over the prompts, each time in another order and with
   another number of them side by side: what the calls before and beside it do to an answer is in
   every prompt's calls.
4. `Plan.calls` is never passed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollway.errors import TollwayError
from tollway.pins.drift import border, logprobs
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
from tollway.pins.drift.baseline import Baseline, Method, Still, Story, Tie
from tollway.pins.drift.prompts import open_prompt, story_prompt, tie_prompt

FEWEST_TIES: Final = 5
"""Border inputs below which a change would be seen too seldom to call it watched."""

_FEWEST_LISTED: Final = 5
_SEARCHED: Final = 40
"""Prompts that are tried for a tie at a time."""
_TRIED: Final = (2, 4)
"""Calls of each that show one: one after the other, and then side by side."""
STORY_TOKENS: Final = 16
STORY_TEMPERATURE: Final = 0.7


class CannotWatchError(TollwayError):
    """Nothing that the source says would show a change, or it does not answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to ask. `calls` bounds all of it. `candidates` are asked `trials` times each, and
    `prompts` of them are kept and asked `rounds` times; a tie is asked `tie_rounds` times one after
    the other and as often side by side; up to `at_once` are under way together. `temperature` is
    what ties are asked at: the lower, the smaller the shift that turns one over, and the rarer they
    are. `stories` prompts of the confirmation get `answers` each; none leaves it out."""

    calls: int = 2500
    candidates: int = 24
    prompts: int = 20
    trials: int = 4
    rounds: int = 12
    ties: int = 12
    tie_rounds: int = 20
    at_once: int = 4
    temperature: float = 0.02
    stories: int = 10
    answers: int = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked: a source's model, as the fleet and as the source call it, and when (UTC)."""

    source: str
    model: str
    upstream_model: str
    made: datetime


def gather(subject: Subject, plan: Plan, below: Below) -> Asking[Baseline]:
    """A baseline of a subject. `below(n)` draws an integer from 0 to n - 1.

    Raises:
        CannotWatchError: rule 1 finds neither, or an answer stayed away twice.
    """
    heard: list[Heard] = []
    (probe,) = yield Wave([Question(open_prompt(0), logprobs=True)])
    if isinstance(probe, Unheard) and not probe.refused:
        raise CannotWatchError(probe.why)
    stills: tuple[Still, ...] = ()
    near = 0.0
    ties: tuple[Tie, ...] = ()
    if isinstance(probe, Heard) and len(probe.first or ()) >= _FEWEST_LISTED:
        stills, near = yield from _stills(plan, heard, below)
    method: Method = "logprobs" if stills else "border"
    if not stills:
        ties = yield from _ties(plan, heard)
    stories = yield from _stories(plan, heard)
    return Baseline(
        source=subject.source,
        model=subject.model,
        upstream_model=subject.upstream_model,
        method=method,
        made=subject.made,
        calls=len(heard) + 1,
        answered=_said(it.model for it in heard),
        fingerprints=_said(it.fingerprint for it in heard),
        temperature=0.0 if stills else plan.temperature,
        near=near,
        stills=stills,
        ties=ties,
        stories=stories,
    )


def _stills(
    plan: Plan, heard: list[Heard], below: Below
) -> Asking[tuple[tuple[Still, ...], float]]:
    """Prompts of the log-probability test, those of the most merit, and what links their calls."""
    candidates = [open_prompt(it) for it in range(plan.candidates)]
    trials = yield from _lists(candidates, plan.trials, plan, heard, below)
    if not all(trials):
        return (), 0.0
    tokens = [logprobs.reference(it) for it in trials]
    merits = [(logprobs.merit(*it), at) for at, it in enumerate(zip(tokens, trials, strict=True))]
    best = sorted(merits, key=lambda it: (-it[0], it[1]))[: plan.prompts]
    chosen = [at for merit, at in best if merit > 0.0]
    # A prompt that happened to be still is of the same engine as those that were not.
    near = logprobs.spacing(
        [[logprobs.row(of, it) for it in tried] for of, tried in zip(tokens, trials, strict=True)]
    )
    calls = yield from _lists([candidates[at] for at in chosen], plan.rounds, plan, heard, below)
    stills = tuple(
        Still(candidates[at], tokens[at], tuple(logprobs.row(tokens[at], it) for it in lists))
        for at, lists in zip(chosen, calls, strict=True)
        if lists
    )
    return stills, near


def _lists(
    prompts: Sequence[str], times: int, plan: Plan, heard: list[Heard], below: Below
) -> Asking[list[list[Mapping[str, float]]]]:
    """For each prompt the first token's candidates of each call; none where any call had none."""
    orders = [shuffled(len(prompts), below) for _ in range(times)]
    got = yield from _asked(
        [
            Wave([Question(prompts[at], logprobs=True) for at in order], 1 + turn % plan.at_once)
            for turn, order in enumerate(orders)
        ],
        heard,
    )
    lists: list[list[Mapping[str, float]]] = [[] for _ in prompts]
    for at, one in zip((at for order in orders for at in order), got, strict=True):
        if one.first:
            lists[at].append(one.first)
    return [it if len(it) == times else [] for it in lists]


def _ties(plan: Plan, heard: list[Heard]) -> Asking[tuple[Tie, ...]]:
    """Border inputs, as many as are found within the calls that are left for the search."""
    kept = 2 * plan.ties * plan.tie_rounds + plan.stories * plan.answers
    found: list[str] = []
    number = 0
    while len(found) < plan.ties:
        wave = min(_SEARCHED, (plan.calls - 1 - kept - len(heard)) // sum(_TRIED))
        if wave < 1:
            break
        prompts = [tie_prompt(it) for it in range(number, number + wave)]
        number += wave
        # One that is a tie only by the company that its calls are in would fall with the load.
        for times, at_once in zip(_TRIED, (1, plan.at_once), strict=True):
            round_ = Wave(_tie_questions(prompts, plan.temperature), at_once)
            got = yield from _asked([round_] * times, heard)
            texts = [[it.text for it in got[at :: len(prompts)]] for at in range(len(prompts))]
            prompts = [it for it, of in zip(prompts, texts, strict=True) if border.on_border(of)]
        found += prompts
    found = found[: plan.ties]
    if len(found) < FEWEST_TIES:
        raise CannotWatchError(
            f"it lists no log-probabilities, and of {number} prompts {len(found)} were near a tie"
        )
    counts: list[list[Mapping[str, int]]] = [[] for _ in found]
    for at_once in (1, plan.at_once):
        round_ = Wave(_tie_questions(found, plan.temperature), at_once)
        got = yield from _asked([round_] * plan.tie_rounds, heard)
        for at, of in enumerate(counts):
            of.append(dict(Counter(it.text for it in got[at :: len(found)])))
    return tuple(Tie(prompt, tuple(it)) for prompt, it in zip(found, counts, strict=True))


def _tie_questions(prompts: Sequence[str], temperature: float) -> list[Question]:
    return [Question(it, temperature=temperature) for it in prompts]


def _stories(plan: Plan, heard: list[Heard]) -> Asking[tuple[Story, ...]]:
    prompts = [story_prompt(it) for it in range(plan.stories)]
    waves = [Wave(story_questions(prompts), plan.at_once)] * plan.answers if prompts else []
    got = yield from _asked(waves, heard)
    return tuple(
        Story(prompt, tuple(it.text for it in got[at :: len(prompts)]))
        for at, prompt in enumerate(prompts)
    )


def story_questions(prompts: Sequence[str]) -> list[Question]:
    """One question for a short answer to each prompt."""
    return [Question(it, STORY_TOKENS, STORY_TEMPERATURE) for it in prompts]


def _asked(waves: Sequence[Wave], heard: list[Heard]) -> Asking[list[Heard]]:
    """Every answer, in the order of the questions. One that stays away is asked for once more."""
    replies: list[Reply] = []
    for wave in waves:
        if wave.questions:
            replies += yield wave
    questions = [it for wave in waves for it in wave.questions]
    missing = [at for at, it in enumerate(replies) if isinstance(it, Unheard)]
    if missing:
        again = yield Wave([questions[at] for at in missing])
        for at, reply in zip(missing, again, strict=True):
            replies[at] = reply
    answers: list[Heard] = []
    for reply in replies:
        if isinstance(reply, Unheard):
            raise CannotWatchError(reply.why)
        answers.append(reply)
    heard += answers
    return answers


def _said(words: Iterable[str]) -> tuple[str, ...]:
    """What was said, each word once, without silence."""
    return tuple(sorted({it for it in words if it}))
