"""How a baseline is made: which questions, in which order, until there is enough or no hope.

Rules
1. A source that lists log-probabilities is watched by them; one that doesn't, by border inputs.
2. Calls that chose a prompt are not part of its baseline.
3. Questions of a baseline go round and round over the prompts, each time in another order: what the
   calls before and beside it do to an answer is in every prompt's calls.
4. `Plan.calls` is never passed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollway.errors import TollwayError
from tollway.pins.drift import border, logprobs
from tollway.pins.drift.asking import Asking, Below, Heard, Question, Reply, Unheard, shuffled
from tollway.pins.drift.baseline import Baseline, Method, Still, Story, Tie
from tollway.pins.drift.prompts import open_prompt, story_prompt, tie_prompt

FEWEST_TIES: Final = 5
"""Border inputs below which a change would be seen too seldom to call it watched."""

_FEWEST_LISTED: Final = 5
_TRIALS: Final = 5
_WAVE: Final = 40
STORY_TOKENS: Final = 16
STORY_TEMPERATURE: Final = 0.7


class CannotWatchError(TollwayError):
    """Nothing that the source says would show a change, or it does not answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to ask. `calls` bounds all of it; `rounds` are calls of each prompt that is kept,
    `tie_rounds` of each tie; `temperature` is what ties are asked at: the lower, the smaller the
    shift that turns one over, and the rarer they are. `stories` prompts of the confirmation get
    `answers` each; none leaves it out."""

    calls: int = 2500
    prompts: int = 20
    rounds: int = 8
    ties: int = 12
    tie_rounds: int = 16
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
    (probe,) = yield [Question(open_prompt(0), logprobs=True)]
    if isinstance(probe, Unheard) and not probe.refused:
        raise CannotWatchError(probe.why)
    stills: tuple[Still, ...] = ()
    ties: tuple[Tie, ...] = ()
    if isinstance(probe, Heard) and len(probe.first or ()) >= _FEWEST_LISTED:
        stills = yield from _stills(plan, heard, below)
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
        stills=stills,
        ties=ties,
        stories=stories,
    )


def _stills(plan: Plan, heard: list[Heard], below: Below) -> Asking[tuple[Still, ...]]:
    """Prompts of the log-probability test, those of the most merit of twice as many."""
    candidates = [open_prompt(it) for it in range(2 * plan.prompts)]
    trials = yield from _lists(candidates, _TRIALS, heard, below)
    if not all(trials):
        return ()
    merits = [(logprobs.merit(logprobs.reference(it), it), at) for at, it in enumerate(trials)]
    best = sorted(merits, key=lambda it: (-it[0], it[1]))[: plan.prompts]
    chosen = [at for merit, at in best if merit > 0.0]
    # A prompt that happened to be still is of the same engine as those that were not.
    noises = [logprobs.noise(logprobs.reference(it), it) for it in trials]
    floor = logprobs.usual_noise(noises)
    prompts = [candidates[at] for at in chosen]
    calls = yield from _lists(prompts, plan.rounds, heard, below)
    stills: list[Still] = []
    for at, lists in zip(chosen, calls, strict=True):
        tokens = logprobs.reference(trials[at])
        if lists:
            rows = tuple(logprobs.row(tokens, it) for it in lists)
            noise = tuple(max(floor, it) for it in noises[at])
            stills.append(Still(candidates[at], tokens, noise, rows))
    return tuple(stills)


def _lists(
    prompts: Sequence[str], times: int, heard: list[Heard], below: Below
) -> Asking[list[list[Mapping[str, float]]]]:
    """For each prompt the first token's candidates of each call; none where any call had none."""
    order = [at for _ in range(times) for at in shuffled(len(prompts), below)]
    got = yield from _asked([Question(prompts[at], logprobs=True) for at in order], heard)
    lists: list[list[Mapping[str, float]]] = [[] for _ in prompts]
    for at, one in zip(order, got, strict=True):
        if one.first:
            lists[at].append(one.first)
    return [it if len(it) == times else [] for it in lists]


def _ties(plan: Plan, heard: list[Heard]) -> Asking[tuple[Tie, ...]]:
    """Border inputs, as many as are found within the calls that are left for the search."""
    kept = plan.ties * plan.tie_rounds + plan.stories * plan.answers
    found: list[str] = []
    number = 0
    while len(found) < plan.ties:
        wave = min(_WAVE, (plan.calls - 1 - kept - len(heard)) // 2)
        if wave < 1:
            break
        prompts = [tie_prompt(it) for it in range(number, number + wave)]
        number += wave
        got = yield from _asked(_tie_questions(prompts, plan.temperature) * 2, heard)
        texts = [it.text for it in got]
        pairs = zip(prompts, texts[:wave], texts[wave:], strict=True)
        found += [prompt for prompt, one, two in pairs if border.on_border(one, two)]
    found = found[: plan.ties]
    if len(found) < FEWEST_TIES:
        raise CannotWatchError(
            f"it lists no log-probabilities, and of {number} prompts {len(found)} were near a tie"
        )
    rounds = _tie_questions(found, plan.temperature) * plan.tie_rounds
    got = yield from _asked(rounds, heard)
    counts = [Counter(it.text for it in got[at :: len(found)]) for at in range(len(found))]
    return tuple(Tie(prompt, dict(it)) for prompt, it in zip(found, counts, strict=True))


def _tie_questions(prompts: Sequence[str], temperature: float) -> list[Question]:
    return [Question(it, temperature=temperature) for it in prompts]


def _stories(plan: Plan, heard: list[Heard]) -> Asking[tuple[Story, ...]]:
    prompts = [story_prompt(it) for it in range(plan.stories)]
    got = yield from _asked(story_questions(prompts) * plan.answers, heard)
    return tuple(
        Story(prompt, tuple(it.text for it in got[at :: len(prompts)]))
        for at, prompt in enumerate(prompts)
    )


def story_questions(prompts: Sequence[str]) -> list[Question]:
    """One question for a short answer to each prompt."""
    return [Question(it, STORY_TOKENS, STORY_TEMPERATURE) for it in prompts]


def _asked(questions: Sequence[Question], heard: list[Heard]) -> Asking[list[Heard]]:
    """Every answer, in the order of the questions. One that stays away is asked for once more."""
    replies: list[Reply] = []
    for start in range(0, len(questions), _WAVE):
        replies += yield questions[start : start + _WAVE]
    missing = [at for at, it in enumerate(replies) if isinstance(it, Unheard)]
    if missing:
        again = yield [questions[at] for at in missing]
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
