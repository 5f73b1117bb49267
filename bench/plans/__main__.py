"""Plans beside what people do today, on demand that none of them had seen.

`python -m bench.plans [--quick] [--seeds N] [--paths N] [--json FILE]`: 20 minutes of a core for 30
seeded markets. Ours is the stochastic plan; the others are everything on demand, one big lease, and
the same planner on mean demand.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench.plans.judge import Pair, compared, costs, score
from bench.plans.market import Market, market
from bench.plans.methods import (
    MEAN,
    SCENARIOS,
    Cohorts,
    Failed,
    Solve,
    followed,
    one_lease,
    planned,
)
from bench.plans.process import draw, initial
from tollway.errors import TollwayError
from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.instance import Instance
from tollway.planner.program.solve import Options, Progress, solve

ENOUGH = Fraction(3, 100)
OTHERS = ("on demand", "one lease", "mean demand")


@dataclass(frozen=True, slots=True)
class Row:
    """One market: scores in millions of dollars, and ours against each other."""

    seed: int
    paths: int
    gap: float
    seconds: float
    scores: Mapping[str, float]
    against: Mapping[str, Pair]
    signed: Mapping[str, str]


def solver(gap: str, *tries: float) -> Solve:
    """The planner on one thread. Whoever sees a gap above 3% gives it more time: so many seconds at
    first, and then the next."""

    def solved(problem: Instance) -> Answer | Conflict:
        found: Answer | Conflict | None = None
        for seconds in tries:
            try:
                found = solve(problem, Options(Fraction(gap), seconds, 1), _on, time.monotonic)
            except TollwayError:
                continue
            if isinstance(found, Conflict) or found.gap <= ENOUGH:
                return found
        if found is None:
            raise Failed(f"no plan in {tries} s")
        return found

    return solved


def _on(progress: Progress) -> bool:
    del progress
    return True


def row(seed: int, count: int) -> Row:
    """One market's methods on `count` unseen paths."""
    began, one = time.monotonic(), market(seed)
    state = initial(one.process)
    paths = draw(one.process, state, count, np.random.default_rng([17, seed]))
    first, again, exact = solver("0.005", 12, 40), solver("0.01", 2, 8, 30), solver("0.0001", 10)
    ours = planned(one, state, (), SCENARIOS, first)
    mean = planned(one, state, (), MEAN, first)
    lease = one_lease(one, exact)
    held: dict[str, Sequence[Cohorts]] = {
        "ours": followed(one, ours, paths, SCENARIOS, again),
        "on demand": [()] * count,
        "one lease": [lease] * count,
        "mean demand": followed(one, mean, paths, MEAN, again),
    }
    paid = {name: costs(one, paths, each, exact) for name, each in held.items()}
    return Row(
        seed=seed,
        paths=count,
        gap=float(ours.answer.gap),
        seconds=time.monotonic() - began,
        scores={name: score(each, one.risk) / 1e6 for name, each in paid.items()},
        against={it: compared(paid["ours"], paid[it], one.risk, seed) for it in OTHERS},
        signed={name: words(one, each) for name, each in held.items()},
    )


def words(one: Market, held: Sequence[Cohorts]) -> str:
    """Mean units signed of each offer over the paths."""
    total: dict[str, float] = {}
    for cohort in (it for each in held for it in each):
        total[cohort.offer] = total.get(cohort.offer, 0.0) + float(cohort.units) / len(held)
    names = [offer.name for offer in one.offers if offer.name in total]
    return ", ".join(f"{total[name]:.1f} {name}" for name in names) or "nothing"


def line(found: Row) -> str:
    """A market as a line of the table."""
    cells = [f"{found.seed:>4}  {found.gap:>5.1%}  {found.scores['ours']:>8.2f}"]
    for name in OTHERS:
        pair = found.against[name]
        cells.append(f"{pair.saved:>+7.1%} ({pair.low:+.1%} to {pair.high:+.1%})".rjust(29))
    return "".join(cells)


def summary(rows: Sequence[Row]) -> list[str]:
    """How many markets are won against each, the mean share saved with its paired interval over
    markets, and every loss."""
    lines: list[str] = []
    rng = np.random.default_rng(19)
    for name in OTHERS:
        saved = np.array([it.against[name].saved for it in rows])
        means = saved[rng.integers(0, len(saved), (4000, len(saved)))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        told = sum(it.against[name].low > 0 for it in rows)
        worse = sum(it.against[name].high < 0 for it in rows)
        lines.append(
            f"{name}: lower on {(saved > 0).sum()} of {len(rows)} (told apart on {told}, worse on "
            f"{worse}); saves {saved.mean():.1%} on average, 95% {low:.1%} to {high:.1%}"
        )
        lines += [
            f"  loses on market {it.seed} by {-it.against[name].saved:.2%} "
            f"(95% {-it.against[name].high:.1%} to {-it.against[name].low:.1%}): ours signs "
            f"{it.signed['ours']}; {name} signs {it.signed[name]}"
            for it in rows
            if it.against[name].saved <= 0
        ]
    return lines


def main() -> int:
    """Run the markets; exit code 1 if any other method is beaten on fewer than 24 of 30."""
    asked = argparse.ArgumentParser(prog="python -m bench.plans", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="6 markets, 8 paths")
    asked.add_argument("--seeds", type=int, default=30)
    asked.add_argument("--paths", type=int, default=16)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    seeds, count = (6, 8) if given.quick else (given.seeds, given.paths)
    print(f"market gap  ours $M {''.join(f'saved against {name}'.rjust(29) for name in OTHERS)}")
    rows: list[Row] = []
    for seed in range(seeds):
        rows.append(row(seed, count))
        print(line(rows[-1]), flush=True)
        print(f"market {seed}: {rows[-1].seconds:.0f} s", file=sys.stderr)
    print("\n".join(summary(rows)))
    if given.json:
        given.json.write_text(json.dumps([asdict(it) for it in rows], indent=1) + "\n")
    won = [sum(it.against[name].saved > 0 for it in rows) for name in OTHERS]
    return 0 if all(it >= 0.8 * len(rows) for it in won) else 1


if __name__ == "__main__":
    sys.exit(main())
