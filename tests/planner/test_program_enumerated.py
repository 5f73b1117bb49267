"""A plan against all plans: every way to sign and leave two clusters, each dispatched by merit."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random
from time import monotonic

import pytest
from planner_instances import periods, usd

from tollway.planner.program.answer import Answer
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Contingency,
    Instance,
    Line,
    Node,
    Offer,
    Risk,
    Stream,
    Workload,
)
from tollway.planner.program.solve import Options, solve

COUNT = 3
QUARTERS = periods(COUNT)
PATHS = ((0, 1, 3), (0, 2, 4))
"""Nodes by period, in either future."""
TOKENS = 10_000_000
RISK = Risk(Fraction(1, 4), Fraction(1, 2))
COVER, SHORT, UNSERVED = Fraction(9, 10), usd(3), usd(15)
SHARES = (Fraction(1, 3), Fraction(2, 3))


@dataclass(frozen=True)
class Cluster:
    """One cluster: a fee a period, a fee for leaving at the end of a period, from period 1 on."""

    name: str
    fee: int
    leaving: int


@dataclass(frozen=True)
class Case:
    clusters: tuple[Cluster, ...]
    quota: int
    price: int
    demand: tuple[tuple[int, int], ...]
    chance: tuple[Fraction, Fraction]


def case(seed: int) -> Case:
    random = Random(seed)
    clusters = tuple(
        Cluster(name, random.randint(20, 90) * 1000, random.randint(0, 30) * 1000)
        for name in ("one", "two")
    )
    levels = [1, random.choice((1, 2)), 2, random.choice((0, 1)), 3]
    demand = tuple((TOKENS * level + random.randint(0, 9), TOKENS * level // 2) for level in levels)
    first = Fraction(random.randint(1, 9), 10)
    return Case(clusters, TOKENS // 2, random.randint(1, 5), demand, (first, 1 - first))


def instance(it: Case) -> Instance:
    demand = [(amounts,) for amounts in it.demand]
    nodes = (
        Node(0, None, Fraction(1), demand[0]),
        Node(1, 0, it.chance[0], demand[1]),
        Node(1, 0, it.chance[1], demand[2]),
        Node(2, 1, it.chance[0], demand[3]),
        Node(2, 2, it.chance[1], demand[4]),
    )
    nothing = (usd(0),) * COUNT
    api = Offer(
        "api",
        "api",
        {},
        (Line("chat", "m", 1, (usd(it.price),) * COUNT),),
        {ALREADY: Stream((Fraction(1),) * COUNT, nothing)},
        signed=Fraction(it.quota),
        most=Fraction(it.quota),
        whole=False,
    )
    offers = (api, *map(cluster, it.clusters))
    return Instance(
        QUARTERS,
        (Block("day", SHARES[0]), Block("night", SHARES[1])),
        (Workload("chat", True, ("m",), UNSERVED),),
        nodes,
        offers,
        RISK,
        (Contingency("one", "", frozenset({"one"}), frozenset(), 0, COVER, SHORT),),
    )


def cluster(one: Cluster) -> Offer:
    """The streams of a cluster, from what is told of it."""
    runs, exits = {}, {}
    for since in range(COUNT):
        runs[since] = stream(one, since, None)
        for left in range(since, COUNT):
            exits[since, left] = stream(one, since, left)
    line = Line("chat", "m", TOKENS, (usd(0),) * COUNT)
    return Offer(one.name, "contract", {}, (line,), runs, exits)


def stream(one: Cluster, since: int, left: int | None) -> Stream:
    there = [since <= t and (left is None or t <= left) for t in range(COUNT)]
    cash = [usd(one.fee * it + one.leaving * (left == t)) for t, it in enumerate(there)]
    return Stream(tuple(Fraction(int(it)) for it in there), tuple(cash))


Course = tuple[tuple[int, int | None] | None, tuple[int, int | None] | None]
"""In either future: the node of the signing and that of the notice."""


def courses() -> Iterator[Course]:
    """Every way through the tree: what is decided at its root is decided for both futures."""
    ways: list[list[tuple[int, int | None] | None]] = []
    for path in PATHS:
        own: list[tuple[int, int | None] | None] = [None]
        own += [(s, z) for i, s in enumerate(path) for z in (None, *path[i:])]
        ways.append(own)
    for a, b in product(*ways):
        if at_root(a) == at_root(b):
            yield a, b


def at_root(way: tuple[int, int | None] | None) -> tuple[bool, bool]:
    return way is not None and way[0] == 0, way is not None and way[1] == 0


def cost(it: Case, chosen: tuple[Course, ...]) -> Fraction:
    totals: list[Fraction] = []
    for future, path in enumerate(PATHS):
        total = Fraction(0)
        for t, node in enumerate(path):
            there = [0, 0]
            paid = Fraction(0)
            for index, (one, course) in enumerate(zip(it.clusters, chosen, strict=True)):
                way = course[future]
                if way is not None and t >= path.index(way[0]):
                    left = None if way[1] is None else path.index(way[1])
                    there[index] = int(left is None or t <= left)
                    paid += usd(one.fee) * there[index] + usd(one.leaving) * (left == t)
            period = QUARTERS[t]
            total += period.discount * (paid + used(it, node, sum(there), there[1], period.hours))
        totals.append(total)
    expected = sum(p * x for p, x in zip(it.chance, totals, strict=True))
    worst = min(
        eta + sum(p * max(0, x - eta) for p, x in zip(it.chance, totals, strict=True)) * 2
        for eta in totals
    )
    return (1 - RISK.weight) * expected + RISK.weight * worst


def used(it: Case, node: int, clusters: int, second: int, hours: int) -> Fraction:
    paid = Fraction(0)
    for share, wanted in zip(SHARES, it.demand[node], strict=True):
        rest = max(0, wanted - clusters * TOKENS)
        metered = min(rest, it.quota)
        each = metered * usd(it.price) + (rest - metered) * UNSERVED
        paid += Fraction(each, 1_000_000) * hours * share
    peak = max(it.demand[node])
    short = max(Fraction(0), COVER * peak - second * TOKENS - it.quota)
    return paid + short * hours * SHORT / 1_000_000


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_of_all_that_there_are_is_better(seed: int) -> None:
    it = case(seed)
    least = min(cost(it, (a, b)) for a, b in product(courses(), repeat=2))
    options = Options(gap=Fraction(1, 10**7), threads=1, integers="all")
    found = solve(instance(it), options, lambda _: True, monotonic)
    assert isinstance(found, Answer)
    # A token more or less an hour is all that rounding may cost.
    slack = 15 * 24 * 92 * UNSERVED / 1_000_000
    assert abs(found.costs.objective - least) <= slack + least / 10**6
