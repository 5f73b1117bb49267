"""What a method's decisions cost on demand that it had not seen.

Rules
1. Every method is dispatched by the same program: what is cheapest in each period with what is in
   force. What is not served and not covered has the price that it had in planning.
2. A score is (1 - weight) x mean + weight x CVaR over the unseen paths, as in the objective.
3. Scores are compared path by path: the interval is a bootstrap of the pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.plans.market import Market
from bench.plans.methods import Cohorts, Solve, chain, solved
from bench.plans.process import Paths
from bench.plans.standing import to_dispatch
from tollway.planner.program.instance import Risk

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """By what share of the other's score ours is lower, with the ends of 95%."""

    saved: float
    low: float
    high: float


def costs(market: Market, paths: Paths, held: Sequence[Cohorts], solve: Solve) -> np.ndarray:
    """Dollars of each path, discounted, with what was not served and not covered."""
    found = [
        solved(solve(to_dispatch(market, cohorts, chain(market, paths, path)))).costs.objective
        for path, cohorts in enumerate(held)
    ]
    return np.array([float(it) / 1e12 for it in found])


def score(paid: np.ndarray, risk: Risk) -> float:
    """Rule 2. CVaR is the mean of the worst 1 - beta of the paths, a part of one where it falls
    between."""
    weight, tail = float(risk.weight), (1 - float(risk.beta)) * len(paid)
    worst = np.sort(paid)[::-1]
    whole = int(tail + 1e-9)
    part = tail - whole
    over = worst[:whole].sum() + (part * worst[whole] if part > 1e-9 else 0.0)
    return (1 - weight) * float(paid.mean()) + weight * float(over) / tail


def compared(ours: np.ndarray, theirs: np.ndarray, risk: Risk, seed: int) -> Pair:
    """Rule 3."""
    rng = np.random.default_rng([13, seed])
    picks = rng.integers(0, len(ours), (RESAMPLES, len(ours)))
    shares = [1 - score(ours[pick], risk) / score(theirs[pick], risk) for pick in picks]
    low, high = np.quantile(shares, [0.025, 0.975])
    return Pair(1 - score(ours, risk) / score(theirs, risk), float(low), float(high))
