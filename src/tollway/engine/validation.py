"""How far the engine model is off on measured results, and how often its intervals hold.

Rules
1. Three splits: fitted (the shipped constants), model left out and chip left out (constants of the
   fold that never saw that shape, or that generation of chips; they ship with the others).
2. Nothing leaves the count: what could not be answered is listed with its reason.
3. Coverage is of intervals made from the other groups of the split alone, with the room that the
   question's doubts ask for; of what was never fitted, of the intervals that are answered.
4. Near saturation TTFT is a queue's and swings by orders of magnitude: it is shown apart.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from typing import Literal, cast

from tollway.engine.deployment import deploy
from tollway.engine.fitted import Constants, constants, constants_of, fitted
from tollway.engine.intervals import Interval, doubts_of, spread_of, widened
from tollway.engine.measured import Measured, measured, question_of
from tollway.engine.outcome import rehearse, timed
from tollway.engine.question import Question
from tollway.errors import TollwayError

Split = Literal["fitted", "model left out", "chip left out", "never fitted"]
Metric = Literal["tpot", "ttft"]

SPLITS: tuple[Split, ...] = ("fitted", "model left out", "chip left out", "never fitted")
_FOLD = {"model left out": "family", "chip left out": "generation"}


@dataclass(frozen=True, slots=True)
class Scored:
    """One result and its answer in one split, both in seconds. `saturated`: users waited for a seat
    or for room in the cache. `group` is what its fold left out."""

    row: Measured
    question: Question
    split: Split
    group: str
    tpot: float
    ttft: float
    saturated: bool

    def error(self, metric: Metric) -> float:
        """The logarithm of answered over measured."""
        if metric == "tpot":
            return log(self.tpot / self.row.tpot)
        return log(self.ttft / self.row.ttft)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """How many results of a source could not be answered, and why."""

    source: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Absolute errors in percent over `count` results: `median` and `p90`."""

    count: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Report:
    """Every answer in every split, and what could not be answered. `asked` is how many results
    there are, `readable` those that state their deployment and load."""

    scored: tuple[Scored, ...]
    unanswered: tuple[Unanswered, ...]
    asked: int
    readable: int
    answered: int


def validate(
    rows: Iterable[Measured] | None = None, progress: Callable[[int], None] | None = None
) -> Report:
    """Ask the model about measured results (None: all that ship). `progress` is told how many are
    done."""
    scored: list[Scored] = []
    missing: Counter[tuple[str, str]] = Counter()
    asked = readable = answered = 0
    for row in measured() if rows is None else rows:
        asked += 1
        if progress is not None:
            progress(asked)
        if row.unanswered is not None:
            missing[row.source, row.unanswered] += 1
            continue
        readable += 1
        try:
            scored += _score(row)
            answered += 1
        except TollwayError as error:
            missing[row.source, str(error)] += 1
    return Report(
        scored=tuple(scored),
        unanswered=tuple(
            Unanswered(source, reason, count) for (source, reason), count in missing.most_common()
        ),
        asked=asked,
        readable=readable,
        answered=answered,
    )


def _score(row: Measured) -> list[Scored]:
    question = question_of(row)
    made = deploy(question.model, question.chip, question.layout, question.settings)
    load = rehearse(made, question.settings, question.workload)
    found: list[Scored] = []
    for split, group, used in _splits(row):
        outcome = timed(load, used)
        ttft, tpot = outcome.ttft, outcome.tpot
        found.append(Scored(row, question, split, group, tpot, ttft, load.saturated))
    return found


def _splits(row: Measured) -> list[tuple[Split, str, Constants]]:
    if row.use != "fit":
        return [("never fitted", row.source, constants())]
    return [
        ("fitted", row.family, constants()),
        ("model left out", row.family, fold("family", row.family)),
        ("chip left out", row.generation, fold("generation", row.generation)),
    ]


def fold(kind: str, group: str) -> Constants:
    """The constants fitted without a group; `kind` is family (models) or generation (chips)."""
    folds = cast("Mapping[str, Mapping[str, Mapping[str, float]]]", fitted()["folds"])
    return constants_of(folds[kind][group])


def accuracy(
    scored: Iterable[Scored], metric: Metric, *, saturated: bool | None = None
) -> Accuracy | None:
    """Median and p90 of the absolute error; `saturated` keeps one regime only. None: no result."""
    off = sorted(
        100 * abs(exp(one.error(metric)) - 1)
        for one in scored
        if saturated is None or one.saturated is saturated
    )
    if not off:
        return None
    return Accuracy(len(off), _quantile(off, 0.5), _quantile(off, 0.9))


SLICES: Mapping[str, Callable[[Scored], str]] = {
    "chip": lambda one: one.row.chip,
    "model": lambda one: one.row.model,
    "framework": lambda one: one.row.framework,
    "source": lambda one: one.row.source,
    "precision": lambda one: one.row.precision,
    "tokens": lambda one: f"{one.row.fields['input']}/{one.row.fields['output']}",
    "concurrency": lambda one: one.row.fields["concurrency"],
}
"""What results may be told apart by."""


def sliced(scored: Iterable[Scored], by: str) -> dict[str, list[Scored]]:
    """Answers by one of `SLICES`, in the order of their names."""
    found: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        found[SLICES[by](one)].append(one)
    return dict(sorted(found.items()))


def held(split: Sequence[Scored], metric: Metric) -> list[bool | None]:
    """Of each result of a whole split, whether its interval holds it (rule 3). None: the split has
    one group only in this regime, so that no interval can be made without it."""
    found: list[bool | None] = [None] * len(split)
    for saturated in (False, True):
        groups: dict[str, list[float]] = defaultdict(list)
        for one in split:
            if one.saturated is saturated:
                groups[one.group].append(one.error(metric))
        others = {
            name: _without(groups, name)
            for name in groups
            if len(groups) > 1 and split[0].split != "never fitted"
        }
        for at, one in enumerate(split):
            if one.saturated is saturated:
                found[at] = _holds(one, metric, others.get(one.group))
    return found


def _without(groups: Mapping[str, Sequence[float]], name: str) -> Interval:
    low, high = _interval([errors for key, errors in groups.items() if key != name])
    return Interval(exp(-high), exp(-low))


def _holds(one: Scored, metric: Metric, made: Interval | None) -> bool | None:
    if one.split == "never fitted":
        spread = spread_of(one.question, one.saturated)
        wide = spread.tpot if metric == "tpot" else spread.ttft
    elif made is None:
        return None
    else:
        wide = widened(made, metric, doubts_of(one.question))
    return wide.low <= exp(-one.error(metric)) <= wide.high


def coverage(flags: Iterable[bool | None]) -> float | None:
    """The share of results that their intervals hold. None: there are none."""
    known = [flag for flag in flags if flag is not None]
    return sum(known) / len(known) if known else None


TAIL = 0.08
"""Share of results beyond each end of an 80% interval when it is made: below a tenth, because the
groups that it is made from are few and the next one is unlike them."""


def _interval(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The quantiles of errors that leave `TAIL` beyond, a group counting as its root."""
    weighted = sorted((error, len(group) ** -0.5) for group in groups for error in group)
    whole = sum(weight for _, weight in weighted)
    so_far, low, high = 0.0, weighted[0][0], weighted[-1][0]
    for error, weight in weighted:
        if so_far < TAIL * whole:
            low = error
        if so_far < (1 - TAIL) * whole:
            high = error
        so_far += weight
    return low, high


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


STEEP = 0.5
"""Near saturation: TPOT grows with at least this power of the number of users. Where it is flatter,
any promise on TPOT allows almost any number of them."""


def load_accuracy(scored: Iterable[Scored], steepness: float = STEEP) -> Accuracy | None:
    """Errors of the largest load that keeps a TPOT, near saturation: of each deployment measured at
    several numbers of users, the promise is set between each two neighbours where TPOT is steep,
    and the users that the measured curve allows are compared with those that the answered curve
    does. None: no such curves."""
    curves: dict[tuple[str, ...], dict[int, Scored]] = defaultdict(dict)
    for one in scored:
        said = one.row.fields
        same = ("source", "date", "chip", "model", "precision", "framework", "version", "tp", "ep")
        key = tuple(said[name] for name in (*same, "attention_dp", "input", "output"))
        curves[key][int(said["concurrency"])] = one
    off: list[float] = []
    for curve in curves.values():
        points = [(log(users), log(one.row.tpot), log(one.tpot)) for users, one in curve.items()]
        off += _load_errors(sorted(points), steepness)
    if not off:
        return None
    off.sort()
    return Accuracy(len(off), _quantile(off, 0.5), _quantile(off, 0.9))


def _load_errors(points: Sequence[tuple[float, float, float]], steepness: float) -> list[float]:
    """Of one curve of (users, measured, answered), all in logarithms."""
    answered = [(users, tpot) for users, _, tpot in points]
    off: list[float] = []
    for (low, before, _), (high, after, _) in pairwise(points):
        if after - before > steepness * (high - low):
            users = _users_at(answered, (before + after) / 2)
            off.append(100 * abs(exp(users - (low + high) / 2) - 1))
    return off


def _users_at(curve: Sequence[tuple[float, float]], tpot: float) -> float:
    """Where a curve first reaches a TPOT, going on straight beyond its ends."""
    (low, before), (high, after) = curve[0], curve[1]
    for (low, before), (high, after) in pairwise(curve):  # noqa: B007
        if after >= tpot:
            break
    return low + (tpot - before) * (high - low) / max(after - before, 1e-3)
