"""Demand that nobody knows: a growth regime that switches, quarterly shocks, a season.

Rules
1. What is known at a period is its demand and its regime; what follows is drawn from them alone, so
   that every method can be told the same.
2. A tree is made of drawn paths: at each branching they are cut into equal groups by what is wanted
   then, and a node's demand is its group's mean. One group all through is demand at its mean.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tollway.planner.program.instance import Node


@dataclass(frozen=True, slots=True)
class Process:
    """`start[w]` is tokens an hour, the mean of a day; `factors[w]` what of it is wanted in each
    block. `drift` is the log growth a quarter in each regime, `switch` the chance to leave one in a
    quarter. `common` and `own` are standard deviations of a quarter's log shocks."""

    start: tuple[float, ...]
    factors: tuple[tuple[float, ...], ...]
    season: tuple[tuple[float, ...], ...]
    drift: tuple[float, ...]
    switch: float
    common: float
    own: float
    periods: int


@dataclass(frozen=True, slots=True)
class State:
    """Where demand stands in a period: the log level of each workload, without its season."""

    period: int
    regime: int
    levels: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """Drawn futures. `wanted[path, period, workload]` is tokens an hour, from a state's period on;
    the state itself is the first. `levels` and `regimes` are what `State` is made of."""

    first: int
    wanted: np.ndarray
    levels: np.ndarray
    regimes: np.ndarray

    def state(self, path: int, period: int) -> State:
        """Where one path stands in a period of the horizon."""
        at = period - self.first
        levels = tuple(float(it) for it in self.levels[path, at])
        return State(period, int(self.regimes[path, at]), levels)


def initial(process: Process) -> State:
    """The state in which the horizon begins: the middle regime."""
    return State(0, len(process.drift) // 2, tuple(float(np.log(it)) for it in process.start))


def draw(process: Process, state: State, count: int, rng: np.random.Generator) -> Paths:
    """`count` futures of a state."""
    left, works = process.periods - state.period, len(process.start)
    levels = np.empty((count, left, works))
    regimes = np.empty((count, left), dtype=int)
    levels[:, 0], regimes[:, 0] = state.levels, state.regime
    drift = np.array(process.drift)
    for at in range(1, left):
        moved = rng.random(count) < process.switch
        elsewhere = (regimes[:, at - 1] + rng.integers(1, len(drift), count)) % len(drift)
        regimes[:, at] = np.where(moved, elsewhere, regimes[:, at - 1])
        shock = rng.normal(0, process.common, (count, 1)) + rng.normal(
            0, process.own, (count, works)
        )
        levels[:, at] = levels[:, at - 1] + drift[regimes[:, at], None] + shock
    season = np.array(process.season)
    quarters = (np.arange(left) + state.period) % season.shape[1]
    return Paths(state.period, np.exp(levels) * season[:, quarters].T, levels, regimes)


def tree(process: Process, paths: Paths, branching: dict[int, int]) -> tuple[Node, ...]:
    """Paths as nodes, numbered from the state's period as 0. `branching[t]` is into how many groups
    each node is cut `t` periods on (rule 2)."""
    nodes: list[Node] = []
    level: list[tuple[int | None, np.ndarray]] = [(None, np.arange(len(paths.wanted)))]
    for at in range(paths.wanted.shape[1]):
        cut = [
            (parent, group)
            for parent, members in level
            for group in _groups(members, paths.wanted[:, at], branching.get(at, 1))
        ]
        level = []
        for parent, group in cut:
            share = _share(nodes, parent, branching.get(at, 1))
            mean = paths.wanted[group, at].mean(axis=0)
            level.append((len(nodes), group))
            nodes.append(Node(at, parent, share, demand(process, mean)))
    return tuple(nodes)


def demand(process: Process, wanted: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Tokens an hour by workload and block."""
    pairs = zip(wanted, process.factors, strict=True)
    return tuple(tuple(round(float(mean) * part) for part in parts) for mean, parts in pairs)


def _groups(members: np.ndarray, wanted: np.ndarray, count: int) -> list[np.ndarray]:
    order = members[np.argsort(wanted[members].sum(axis=1), kind="stable")]
    return np.array_split(order, count)


def _share(nodes: list[Node], parent: int | None, groups: int) -> Fraction:
    before = Fraction(1) if parent is None else nodes[parent].probability
    return before / groups
