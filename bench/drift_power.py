"""Power and false alarms of the drift tests, by simulation over an engine of made-up logits.

`python -m bench.drift_power [--trials N] [--months N]` prints the tables of docs/concepts/drift.md.

The engine: for each text so far, `VOCABULARY` logits, drawn once from a normal distribution of
standard deviation `SPREAD`. A *shift* of s adds to every one of them a normal draw of standard
deviation s, once: that is another model. *Noise* of n adds such draws anew in every call. *Steps*
round log-probabilities to multiples. With *replicas*, each call goes to one of two engines whose
logits differ by fixed draws of the size of the noise, as batches of other shapes do.
"""

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from math import exp, log, sqrt

from tollway.gateway.watching.asker import drive
from tollway.pins.drift.asking import LISTED, Heard, Question
from tollway.pins.drift.baseline import Baseline
from tollway.pins.drift.gathering import CannotWatchError, Plan, Subject, gather
from tollway.pins.drift.looking import Look, calls_of, look, looked
from tollway.pins.drift.spending import level
from tollway.units import Seconds

VOCABULARY = 100
SPREAD = 2.0
HOUR = Seconds(3600.0)
MONTH = 720
LEVELS = (level(HOUR, 1), level(HOUR, 20))
EXTRA = 60
SUBJECT = Subject("made-up", "m", "m", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Engine:
    """One made-up model. `lists` says that it gives log-probabilities."""

    seed: int = 1
    shift: float = 0.0
    noise: float = 0.0
    steps: float = 0.0
    replicas: bool = False
    lists: bool = True


class MadeUp:
    """Answers questions as an `Engine` would. `draws` is all randomness of its calls."""

    def __init__(self, engine: Engine, draws: random.Random) -> None:
        self.engine = engine
        self.calls = 0
        self._draws = draws
        self._known: dict[tuple[str, int], list[float]] = {}

    def ask(self, question: Question) -> Heard:
        """See `Asker`."""
        self.calls += 1
        replica = self._draws.randrange(2) if self.engine.replicas else 0
        text, first = "", None
        for at in range(question.tokens):
            logits = self._logits(question.prompt + text, replica)
            if at == 0 and question.logprobs and self.engine.lists:
                first = self._list(logits)
            text += self._token(logits, question.temperature)
        return Heard(text, first, "m")

    def _logits(self, text: str, replica: int) -> list[float]:
        engine = self.engine
        known = self._known.get((text, replica))
        if known is None:
            own = _seeded(engine.seed, "logits", text)
            moved = _seeded(engine.seed, "shift", text)
            apart = _seeded(engine.seed, f"replica {replica}", text)
            size = engine.noise if replica else 0.0
            known = [
                own.gauss(0.0, SPREAD) + moved.gauss(0.0, engine.shift) + apart.gauss(0.0, size)
                for _ in range(VOCABULARY)
            ]
            if len(self._known) < 5000:
                self._known[text, replica] = known
        if engine.replicas or not engine.noise:
            return known
        gauss = self._draws.gauss
        return [it + gauss(0.0, engine.noise) for it in known]

    def _list(self, logits: Sequence[float]) -> dict[str, float]:
        whole = log(sum(exp(it) for it in logits))
        order = sorted(range(VOCABULARY), key=lambda at: -logits[at])[:LISTED]
        steps = self.engine.steps
        return {
            _word(at): round((logits[at] - whole) / steps) * steps if steps else logits[at] - whole
            for at in order
        }

    def _token(self, logits: Sequence[float], temperature: float) -> str:
        top = max(logits)
        if temperature == 0.0:
            return _word(logits.index(top))
        weights = [exp((it - top) / temperature) for it in logits]
        return _word(self._draws.choices(range(VOCABULARY), weights)[0])


def _word(at: int) -> str:
    return f" {chr(97 + at // 26)}{chr(97 + at % 26)}"


def _seeded(seed: int, what: str, text: str) -> random.Random:
    digest = blake2b(f"{seed}/{what}/{text}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


NOISES: dict[str, dict[str, float | bool]] = {
    "none": {},
    "0.01": {"noise": 0.01},
    "0.03": {"noise": 0.03},
    "0.05": {"noise": 0.05},
    "0.03 in steps of 0.125": {"noise": 0.03, "steps": 0.125},
    "two replicas 0.1 apart": {"noise": 0.1, "replicas": True},
}
SHIFTS = (0.01, 0.02, 0.05, 0.1)
PLAN = Plan(stories=0)


def engine(noise: str, seed: int, lists: bool, shift: float = 0.0) -> Engine:
    """An engine by the table's name for its noise."""
    return Engine(seed=seed, shift=shift, lists=lists, **NOISES[noise])  # type: ignore[arg-type]


def baseline(of: Engine, draws: random.Random) -> Baseline:
    """Its baseline."""
    return drive(gather(SUBJECT, PLAN, draws.randrange), MadeUp(of, draws))


def check(against: Baseline, of: Engine, draws: random.Random) -> Look:
    """A first look, and a second one where it suspects."""
    return drive(looked(against, draws.randrange), MadeUp(of, draws))


def alarmed(seen: Look, below: float) -> bool:
    """Whether a check alarms at a level."""
    assert seen.p is not None
    return seen.second and seen.p <= below


def power(noise: str, lists: bool, trials: int) -> tuple[str, ...]:
    """A row of the table: calls, and the share of shifts that one check finds where one model is
    watched, and where 20 are."""
    found: dict[float, list[Look]] = {it: [] for it in SHIFTS}
    calls: list[int] = []
    missed = 0
    cost = ""
    for trial in range(trials):
        draws = random.Random(f"{noise} {trial}")
        try:
            made = baseline(engine(noise, trial, lists), draws)
        except CannotWatchError:
            missed += 1
            continue
        calls.append(made.calls)
        cost = f"{calls_of(made)} + {calls_of(made, second=True)}"
        for shift, seen in found.items():
            seen.append(check(made, engine(noise, trial, lists, shift), draws))
    if not calls:
        return (noise, "no baseline")
    shares = [
        ", ".join(_share(sum(alarmed(it, below) for it in seen), len(seen)) for below in LEVELS)
        for seen in found.values()
    ]
    return (noise, f"{sum(calls) / len(calls):.0f} + {cost}", *shares, f"{missed} of {trials}")


def alarms(noise: str, lists: bool, months: int) -> tuple[str, ...]:
    """A row of the table: how often an unchanged engine is called different. Each month has a
    baseline of its own and 720 checks, and `EXTRA` second looks that nobody asked for."""
    suspects = found = done = 0
    small = {0.05: 0, 0.01: 0}
    for month in range(months):
        draws = random.Random(f"{noise} month {month}")
        same = engine(noise, 1000 + month, lists)
        try:
            made = baseline(same, draws)
        except CannotWatchError:
            continue
        done += 1
        for _ in range(MONTH):
            seen = check(made, same, draws)
            suspects += seen.second
            found += alarmed(seen, LEVELS[0])
        for _ in range(EXTRA):
            extra = drive(look(made, draws.randrange, second=True), MadeUp(same, draws))
            for below in small:
                small[below] += (extra.p or 0.0) <= below
    shares = [f"{it / max(1, done * EXTRA):.3f}" for it in small.values()]
    return (noise, f"{done}", f"{suspects / max(1, done * MONTH):.3f}", *shares, f"{found}")


def _share(found: int, of: int) -> str:
    """A share with half of its 95% interval (Agresti-Coull)."""
    n = of + 4
    share = (found + 2) / n
    return f"{found / of:.2f} ± {1.96 * sqrt(share * (1 - share) / n):.2f}"


def table(head: Sequence[str], row: Callable[[str], Sequence[str]]) -> None:
    """Print a table of Markdown, a row for each kind of noise."""
    sys.stdout.write(f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
    for noise in NOISES:
        sys.stdout.write(f"| {' | '.join(row(noise))} |\n")
        sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=400)
    options.add_argument("--months", type=int, default=10)
    given = options.parse_args()
    for lists in (True, False):
        name = "log-probability test" if lists else "border-input test"
        levels = " and ".join(f"{it:.2g}" for it in LEVELS)
        sys.stdout.write(f"\n{name}, one check, 1 and 20 models hourly: levels {levels}\n\n")
        head = ("noise", "calls", *(f"shift {it}" for it in SHIFTS), "no baseline")
        table(head, lambda it, li=lists: power(it, li, given.trials))
        sys.stdout.write(f"\n{name}, unchanged engines, hourly checks\n\n")
        head = ("noise", "months", "first <= 0.05", "second <= 0.05", "<= 0.01", "alarms")
        table(head, lambda it, li=lists: alarms(it, li, given.months))


if __name__ == "__main__":
    main()
