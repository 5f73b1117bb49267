"""A plan at a glance: what it has and wants by period, and everything that it is exposed to.

Rules
1. Capacity is counted in tokens an hour of one workload: the interactive one that most is wanted
   of. Demand is all workloads' together, in a node's busiest block.
2. A percentile of demand is the least that a share of the period's nodes, by probability, does not
   pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.holdings import NONE, Bound, bound, holdings, there
from tollway.planner.program.answer import Answer, Plan
from tollway.planner.program.instance import Instance, Node, Offer
from tollway.planner.recovery import Recovery, recoveries
from tollway.planner.risk import (
    Concentration,
    Lock,
    Tail,
    attributes_of,
    concentrations,
    expected_unserved,
    lock,
    tails,
)
from tollway.planner.survival import Survival, survivals

TENTH, HALF, MOST = Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tokens an hour that are wanted in a period's busiest block: percentiles and the mean."""

    p10: int
    p50: int
    p90: int
    mean: Fraction


@dataclass(frozen=True, slots=True)
class Overview:
    """All that is told of a plan beside its decisions. `capacity[t]` is expected tokens an hour of
    `workload` by offer, `bound` what is owed of each holding from today on."""

    workload: str
    capacity: tuple[Mapping[str, Fraction], ...]
    wanted: tuple[Wanted, ...]
    bound: tuple[Bound, ...]
    tails: tuple[Tail, ...]
    survivals: tuple[Survival, ...]
    recoveries: tuple[Recovery, ...]
    concentrations: Mapping[str, tuple[Concentration, ...]]
    lock: Lock
    unserved: Mapping[str, Fraction]

    def weakest(self) -> Survival | None:
        """What leaves the least, and where; None without a contingency."""
        return min(self.survivals, key=lambda it: (it.after, it.node), default=None)


def overview(instance: Instance, answer: Answer) -> Overview:
    """Everything, from a problem and its answer."""
    plan = answer.plan
    workload = reference(instance)
    first = holdings(instance, plan)[0]
    return Overview(
        workload=workload,
        capacity=capacities(instance, plan, workload),
        wanted=tuple(_wanted(instance, at) for at in range(len(instance.periods))),
        bound=tuple(bound(one, 0) for one in first),
        tails=tails(instance, plan),
        survivals=survivals(instance, plan),
        recoveries=recoveries(instance, plan),
        concentrations={
            name: concentrations(instance, plan, name) for name in attributes_of(instance)
        },
        lock=lock(instance, plan),
        unserved=expected_unserved(instance, plan),
    )


def reference(instance: Instance) -> str:
    """The workload that capacity is counted in (rule 1)."""

    def much(at: int) -> tuple[bool, int, int]:
        workload = instance.workloads[at]
        return workload.interactive, sum(max(node.demand[at]) for node in instance.nodes), -at

    return instance.workloads[max(range(len(instance.workloads)), key=much)].name


def capacities(instance: Instance, plan: Plan, workload: str) -> tuple[Mapping[str, Fraction], ...]:
    """Tokens an hour of a workload that each offer is expected to be able to make, by period."""
    found: list[dict[str, Fraction]] = [{} for _ in instance.periods]
    offers = {offer.name: offer for offer in instance.offers}
    held = holdings(instance, plan)
    for node, has in zip(instance.nodes, held, strict=True):
        for name, units in there(has, node).items():
            tokens = node.probability * units * speed(offers[name], workload, node)
            found[node.period][name] = found[node.period].get(name, NONE) + tokens
    return tuple(found)


def speed(offer: Offer, workload: str, node: Node) -> int:
    """Tokens an hour that one unit makes of a workload, with the model that is fastest at it."""
    lines = (it for it in offer.lines if it.workload == workload and it.serves(node.period))
    return max((line.tokens for line in lines), default=0)


def busiest(node: Node) -> int:
    """Tokens an hour wanted in a node's busiest block."""
    return max(sum(row[at] for row in node.demand) for at in range(len(node.demand[0])))


def _wanted(instance: Instance, period: int) -> Wanted:
    found = sorted(
        (busiest(node), node.probability) for node in instance.nodes if node.period == period
    )
    mean = sum((chance * much for much, chance in found), NONE)
    return Wanted(_share(found, TENTH), _share(found, HALF), _share(found, MOST), mean)


def _share(found: Sequence[tuple[int, Fraction]], share: Fraction) -> int:
    total = sum((chance for _, chance in found), NONE)
    so_far = NONE
    for much, chance in found:
        so_far += chance
        if so_far >= share * total:
            return much
    return found[-1][0]
