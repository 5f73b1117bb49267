"""From declared demand to a tree of scenarios: what may be wanted, period by period.

Rules
1. An event is known from the first period that begins on its day or later, and changes demand, or
   takes offers away, from the first period that begins at its own month or later. Nothing that is
   known later changes a node, so decisions cannot look ahead.
2. Of events that exclude each other, one at most happens; those that do not are independent. The
   probabilities of a period's nodes sum to one, exactly.
3. A month has the growth of the months before it. Demand is rounded to whole tokens an hour.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import product
from math import prod
from types import MappingProxyType

from tollway.errors import TollwayError
from tollway.fleet.events import Chain, branching, chains
from tollway.fleet.planning import Demand, Planning
from tollway.planner.blocks import Factors, factors_of
from tollway.planner.horizon import MILLION, compound, months_of, periods_of, step_of
from tollway.planner.program.instance import Node, Period, Workload

State = tuple[str | None, ...]
"""What has happened last of each chain of events; None: nothing out of the ordinary."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Demand as it was found in a trace or a ledger: tokens a day, in and out together, when the
    plan starts, and how they spread over the 24 hours of a UTC day (empty: not known)."""

    tokens_per_day: int
    hours: tuple[int, ...] = ()


def workloads_of(demands: Mapping[str, Demand]) -> tuple[Workload, ...]:
    """The workloads, in the order in which nodes list their demand."""
    return tuple(
        Workload(name, it.request_class == "interactive", it.models, it.unserved)
        for name, it in demands.items()
    )


def nodes_of(
    plan: Planning,
    demands: Mapping[str, Demand],
    measured: Mapping[str, Measured] = MappingProxyType({}),
) -> tuple[Node, ...]:
    """The tree of scenarios, parents first; `demand` is in the order of `demands` and of the plan's
    blocks. `measured` has every workload whose amount is that of a trace or of the ledger.

    Raises:
        TollwayError: such a workload is not in it, or it measured nothing.
    """
    levels = _levels(demands, measured)
    shapes = _shapes(plan, demands, measured, levels)
    growing = Growing(plan, demands, levels, shapes, periods_of(plan))
    every = chains([it.outlooks for it in demands.values()], plan.departures)
    begins = [_begins(plan, chain) for chain in every]
    states: list[State] = [(None,) * len(every)]
    nodes = [_node(growing, every, states[0], 0, None, Fraction(1))]
    layer = range(1)
    for period in range(1, len(growing.periods)):
        first = len(nodes)
        for parent in layer:
            for state, share in _ways(every, begins, states[parent], period):
                states.append(state)
                chance = nodes[parent].probability * share
                nodes.append(_node(growing, every, state, period, parent, chance))
        layer = range(first, len(nodes))
    return tuple(nodes)


def _node(
    growing: "Growing",
    every: Sequence[Chain],
    state: State,
    period: int,
    parent: int | None,
    chance: Fraction,
) -> Node:
    pasts = (_past(chain, last) for chain, last in zip(every, state, strict=True))
    happened = [name for past in pasts for name in past]
    return Node(
        period=period,
        parent=parent,
        probability=chance,
        demand=tuple(growing.demand(name, happened, period) for name in growing.demands),
        without=growing.without(happened, period),
        name=", ".join(happened),
    )


def _levels(demands: Mapping[str, Demand], measured: Mapping[str, Measured]) -> dict[str, int]:
    """Tokens a day of each workload when the plan starts."""
    found: dict[str, int] = {}
    for name, demand in demands.items():
        if demand.tokens_per_day is not None:
            found[name] = demand.tokens_per_day
        elif name in measured and measured[name].tokens_per_day > 0:
            found[name] = measured[name].tokens_per_day
        else:
            where = "the ledger" if demand.ledger is not None else f"trace {demand.trace}"
            raise TollwayError(f"workloads.{name}: {where} has no tokens. Write tokens_per_day.")
    return found


def _shapes(
    plan: Planning,
    demands: Mapping[str, Demand],
    measured: Mapping[str, Measured],
    levels: Mapping[str, int],
) -> dict[str, Factors]:
    hours: dict[str, Sequence[Fraction | int]] = {}
    for name, demand in demands.items():
        if demand.hours:
            hours[name] = [Fraction(it) for it in demand.hours]
        elif name in measured and any(measured[name].hours) and not demand.profile:
            hours[name] = measured[name].hours
    return factors_of(plan, demands, hours, levels)


def _past(chain: Chain, last: str | None) -> list[str]:
    """What has happened of a chain, the first of it first."""
    after = {event.name: event.after for event in chain}
    found: list[str] = []
    while last is not None:
        found.insert(0, last)
        last = after[last]
    return found


def _begins(plan: Planning, chain: Chain) -> dict[str, int]:
    """The period in which each event of a chain is known: none before what it comes after."""
    found = {event.name: branching(event.known, plan.start, step_of(plan)) for event in chain}
    return {event.name: max(found[it] for it in _past(chain, event.name)) for event in chain}


def _ways(
    every: Sequence[Chain], begins: Sequence[Mapping[str, int]], state: State, period: int
) -> Iterator[tuple[State, Fraction]]:
    """What may have happened when a period begins, after `state` in the one before, and how likely
    each of it is."""
    moves = [
        _moves(chain, begun, last, period)
        for chain, begun, last in zip(every, begins, state, strict=True)
    ]
    for combined in product(*moves):
        yield (
            tuple(last for last, _ in combined),
            prod((share for _, share in combined), start=Fraction(1)),
        )


def _moves(
    chain: Chain, begins: Mapping[str, int], last: str | None, period: int
) -> list[tuple[str | None, Fraction]]:
    """What may follow `last` in a period, in one chain. Of what could have happened before and did
    not, the rest is left."""
    following = [event for event in chain if event.after == last]
    left = 1 - sum((it.share for it in following if begins[it.name] < period), Fraction(0))
    now = [it for it in following if begins[it.name] == period]
    stays = left - sum((it.share for it in now), Fraction(0))
    found: list[tuple[str | None, Fraction]] = [(last, stays / left)] if stays else []
    for event in now:
        found += [
            (name, event.share / left * share)
            for name, share in _moves(chain, begins, event.name, period)
            if event.share
        ]
    return found


@dataclass(frozen=True, slots=True)
class Growing:
    """How each workload grows, and what is there to serve it. `levels` are tokens a day when the
    plan starts."""

    plan: Planning
    demands: Mapping[str, Demand]
    levels: Mapping[str, int]
    shapes: Mapping[str, Factors]
    periods: tuple[Period, ...]

    def demand(self, name: str, happened: Sequence[str], period: int) -> tuple[int, ...]:
        """Tokens an hour of a workload in each block of a period, once those events happened."""
        mean, days = Fraction(0), 0
        for month in months_of(self.periods[period]):
            length = monthrange(month.year, month.month)[1]
            season = Fraction(self.demands[name].seasonality.get(month.month, 1))
            mean += self._level(name, happened, period, month) * season * length
            days += length
        return tuple(round(mean / days / 24 * factor) for factor in self.shapes[name])

    def _level(self, name: str, happened: Sequence[str], period: int, month: date) -> Fraction:
        """Tokens a day in a month, but for the season."""
        demand = self.demands[name]
        level, since, growth = Fraction(self.levels[name]), self.plan.start, demand.growth
        for event in happened:
            outlook = demand.outlooks.get(event)
            if outlook is None or (begins := self._begins(outlook.since)) > period:
                continue
            first = self.periods[begins].first
            level *= _grown(growth, since, first) * Fraction(outlook.factor)
            since, growth = first, growth if outlook.growth is None else outlook.growth
        return level * _grown(growth, since, month)

    def without(self, happened: Sequence[str], period: int) -> frozenset[str]:
        """The offers that are gone in a period, once those events happened."""
        left = (self.plan.departures[it] for it in happened if it in self.plan.departures)
        return frozenset(
            offer for it in left if self._begins(it.since) <= period for offer in it.offers
        )

    def _begins(self, month: date) -> int:
        return branching(month, self.plan.start, step_of(self.plan))


def _grown(growth: int, since: date, month: date) -> Fraction:
    months = (month.year - since.year) * 12 + month.month - since.month
    return compound(Fraction(growth, MILLION), Fraction(months, 12))
