"""How exposed a plan is: concentration, bound money, lock-in to one software, what is not served.

Rules
1. Shares are of tokens that are served, expected over the scenarios.
2. An offer that does not state an attribute may have any value of it: the index lies between that
   where every such offer is one of its own and that where all are the largest.
3. CVaR is the mean of the worst 1 - beta of the scenarios; of the one at the edge, only its part.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.holdings import NONE, bound, due, holdings
from tollway.planner.program.answer import Between, Plan
from tollway.planner.program.instance import Instance, Offer

ONE = Fraction(1)
CUDA = "cuda"


@dataclass(frozen=True, slots=True)
class Concentration:
    """How a period's served tokens depend on an attribute. `shares` are those of its values, the
    largest first, `unstated` the rest; `hhi` is the Herfindahl-Hirschman index, the sum of their
    squares, 0 to 1."""

    attribute: str
    period: int
    shares: Mapping[str, Fraction]
    unstated: Fraction
    hhi: Between


@dataclass(frozen=True, slots=True)
class Tail:
    """Were notice given of everything at the start of a period: pico-dollars still owed, expected.
    `by_period` are those of the horizon, `after` what is beyond it; `all_of` is what is owed
    without any notice."""

    period: int
    by_period: tuple[Fraction, ...]
    after: Fraction
    all_of: Fraction

    @property
    def total(self) -> Fraction:
        """The exposure."""
        return sum(self.by_period, self.after)


@dataclass(frozen=True, slots=True)
class Lock:
    """Tokens on one software: the share of all that are served, and the share that could be served
    nowhere else, whatever were signed; its interval is by offers that do not state theirs."""

    software: str
    share: Fraction
    only: Between


def tokens_by_offer(instance: Instance, plan: Plan) -> tuple[Mapping[str, Fraction], ...]:
    """Tokens that each offer is expected to serve in each period."""
    found: list[dict[str, Fraction]] = [{} for _ in instance.periods]
    for one in plan.served:
        tokens = _tokens(instance, one.node, one.block) * one.tokens
        period = instance.nodes[one.node].period
        found[period][one.offer] = found[period].get(one.offer, NONE) + tokens
    return tuple(found)


def _tokens(instance: Instance, number: int, block: int) -> Fraction:
    """Expected hours of a block at a node."""
    node = instance.nodes[number]
    hours = instance.periods[node.period].hours
    return node.probability * hours * instance.blocks[block].share


def concentrations(instance: Instance, plan: Plan, attribute: str) -> tuple[Concentration, ...]:
    """By one attribute, each period in which anything is served."""
    offers = {offer.name: offer for offer in instance.offers}
    return tuple(
        _concentration(offers, attribute, period, served)
        for period, served in enumerate(tokens_by_offer(instance, plan))
        if sum(served.values())
    )


def _concentration(
    offers: Mapping[str, Offer], attribute: str, period: int, served: Mapping[str, Fraction]
) -> Concentration:
    total = sum(served.values(), NONE)
    shares: dict[str, Fraction] = {}
    unstated: list[Fraction] = []
    for name, tokens in served.items():
        value = offers[name].attributes.get(attribute)
        if value is None:
            unstated.append(tokens / total)
        else:
            shares[value] = shares.get(value, NONE) + tokens / total
    known = sorted(shares.values(), reverse=True)
    largest, others = known[0] if known else NONE, known[1:]
    low = _squares([*known, *unstated])
    high = _squares([largest + sum(unstated, NONE), *others])
    ordered = dict(sorted(shares.items(), key=lambda it: (-it[1], it[0])))
    return Concentration(attribute, period, ordered, sum(unstated, NONE), Between(low, high))


def _squares(shares: Iterable[Fraction]) -> Fraction:
    return sum((it * it for it in shares), NONE)


def attributes_of(instance: Instance) -> tuple[str, ...]:
    """The attributes that any offer states, in the order of the offers."""
    return tuple(dict.fromkeys(key for offer in instance.offers for key in offer.attributes))


def tails(instance: Instance, plan: Plan) -> tuple[Tail, ...]:
    """The exposure tail at the start of each period, after what is signed in it."""
    held = holdings(instance, plan)
    by_period = [[NONE] * len(instance.periods) for _ in instance.periods]
    after = [NONE] * len(instance.periods)
    whole = [NONE] * len(instance.periods)
    for number, node in enumerate(instance.nodes):
        at, weight = node.period, node.probability
        for one in held[number]:
            owed = bound(one, at)
            stays = one.stream
            whole[at] += weight * one.units * (sum(due(stays)[at:]) + stays.after)
            after[at] += weight * owed.after
            for later, cash in enumerate(owed.cash):
                by_period[at][later] += weight * cash
    return tuple(
        Tail(at, tuple(by_period[at]), after[at], whole[at]) for at in range(len(instance.periods))
    )


def lock(instance: Instance, plan: Plan, software: str = CUDA) -> Lock:
    """How much runs on one software, and how much of that could run nowhere else."""
    offers = {offer.name: offer for offer in instance.offers}
    elsewhere, perhaps = _elsewhere(instance, software)
    total = on = only = maybe = NONE
    for one in plan.served:
        tokens = _tokens(instance, one.node, one.block) * one.tokens
        total += tokens
        if offers[one.offer].attributes.get("software") != software:
            continue
        on += tokens
        if one.workload in elsewhere:
            continue
        maybe += tokens
        if one.workload not in perhaps:
            only += tokens
    if not total:
        return Lock(software, NONE, Between(NONE, NONE))
    return Lock(software, on / total, Between(only / total, maybe / total))


def _elsewhere(instance: Instance, software: str) -> tuple[frozenset[str], frozenset[str]]:
    """Workloads that some offer serves on another software, and on one that it does not state."""
    stated: set[str] = set()
    unstated: set[str] = set()
    for offer in instance.offers:
        runs = offer.attributes.get("software")
        if runs != software:
            (unstated if runs is None else stated).update(line.workload for line in offer.lines)
    return frozenset(stated), frozenset(unstated)


def expected_unserved(instance: Instance, plan: Plan) -> Mapping[str, Fraction]:
    """Tokens of each workload that are expected not to be served in the whole horizon."""
    found: dict[str, Fraction] = {workload.name: NONE for workload in instance.workloads}
    for (number, workload), tokens in plan.unserved.items():
        found[workload] += instance.nodes[number].probability * tokens
    return found


def cvar(costs: Mapping[int, Fraction], instance: Instance) -> Fraction:
    """The mean of the worst 1 - beta of the last nodes' costs, in their unit (rule 3)."""
    room = tail = ONE - instance.risk.beta
    found = NONE
    if not tail:
        return max(costs.values())
    for number, cost in sorted(costs.items(), key=lambda it: (-it[1], it[0])):
        part = min(room, instance.nodes[number].probability)
        found += part * cost
        room -= part
    return found / tail
