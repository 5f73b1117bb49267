"""What is signed by now, as a problem: the one that is left to plan, or the one left to dispatch.

Rules
1. What was signed stays signed: in the rest of the problem each cohort is an offer in force, which
   can be left in the periods in which its contract allows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bench.plans.market import BLOCKS, Market
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import (
    ALREADY,
    Contingency,
    Instance,
    Line,
    Node,
    Offer,
    Stream,
)
from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Cohort:
    """Units of an offer signed in a period of the horizon, and when notice was given, if it was."""

    offer: str
    signed: int
    units: Fraction
    left: int | None = None


def stream_of(offer: Offer, cohort: Cohort) -> Stream:
    """What one unit of a cohort gives and costs."""
    if cohort.left is None:
        return offer.runs[cohort.signed]
    return offer.exits[cohort.signed, cohort.left]


def decided(
    cohorts: Sequence[Cohort], plan: Plan, nodes: Sequence[Node], at: int, start: int
) -> tuple[Cohort, ...]:
    """The cohorts after what a plan decides at one of its nodes; its horizon began in `start`."""
    period = start + nodes[at].period
    after = list(cohorts)
    for note in (one for one in plan.noticed if one.node == at):
        name, _, signed = note.offer.partition("@")
        when = int(signed) if signed else start + nodes[note.signed or 0].period
        after = _left(after, Cohort(name, when, note.units, period))
    for one in (one for one in plan.signed if one.node == at):
        after.append(Cohort(one.offer, period, one.units))
    return tuple(after)


def _left(cohorts: list[Cohort], note: Cohort) -> list[Cohort]:
    """Notice for so many of the units that were signed in a period."""
    after: list[Cohort] = []
    rest = note.units
    for one in cohorts:
        if rest and (one.offer, one.signed, one.left) == (note.offer, note.signed, None):
            gone = min(rest, one.units)
            rest -= gone
            after.append(replace(one, units=gone, left=note.left))
            one = replace(one, units=one.units - gone)  # noqa: PLW2901
        after.append(one)
    if rest:
        raise ValueError(f"notice for {rest} units of {note.offer} that are not there")
    return [one for one in after if one.units]


def to_dispatch(market: Market, cohorts: Sequence[Cohort], nodes: Sequence[Node]) -> Instance:
    """The problem in which all is signed that ever will be, on these nodes."""
    held: dict[str, list[Cohort]] = {}
    for one in cohorts:
        held.setdefault(one.offer, []).append(one)
    offers = [
        _bundled(offer, held.get(offer.name, ()))
        for offer in market.offers
        if offer.signed or offer.name in held
    ]
    return _instance(market, 0, offers, nodes, {one.name: one.name for one in offers})


def _bundled(offer: Offer, cohorts: Sequence[Cohort]) -> Offer:
    if offer.signed:
        return offer
    parts = [(one.units, stream_of(offer, one)) for one in cohorts]
    periods = range(len(parts[0][1].capacity))
    capacity = tuple(sum((n * it.capacity[t] for n, it in parts), Fraction(0)) for t in periods)
    cash = tuple(PicoDollars(int(sum(n * it.cash[t] for n, it in parts))) for t in periods)
    runs = {ALREADY: Stream(capacity, cash)}
    bundle = replace(offer, runs=runs, exits={}, signed=Fraction(1), most=Fraction(1))
    return replace(bundle, least=Fraction(0), uses={}, group="")


def to_plan(
    market: Market, start: int, cohorts: Sequence[Cohort], nodes: Sequence[Node]
) -> Instance:
    """The problem that is left from period `start` on, with what is signed by then."""
    held: dict[str, Fraction] = {}
    offers: list[Offer] = []
    named: dict[str, str] = {}
    by_name = {one.name: one for one in market.offers}
    for one in cohorts:
        held[one.offer] = held.get(one.offer, Fraction(0)) + one.units
        offer = _cohort(by_name[one.offer], one, start)
        if offer is not None:
            offers.append(offer)
            named[offer.name] = one.offer
    for offer in market.offers:
        offers.append(_ahead(offer, held.get(offer.name, Fraction(0)), start))
        named[offer.name] = offer.name
    return _instance(market, start, offers, nodes, named)


def _cohort(offer: Offer, cohort: Cohort, start: int) -> Offer | None:
    stream = _cut(stream_of(offer, cohort), start)
    if not any(stream.capacity) and not any(stream.cash):
        return None
    exits = {
        (ALREADY, left - start): _cut(run, start)
        for (signed, left), run in offer.exits.items()
        if cohort.left is None and signed == cohort.signed and left >= start
    }
    return replace(
        offer,
        name=f"{offer.name}@{cohort.signed}" + ("" if cohort.left is None else f"-{cohort.left}"),
        runs={ALREADY: stream},
        exits=exits,
        signed=cohort.units,
        most=cohort.units,
        least=Fraction(0),
        lines=_lines(offer, start),
    )


def _ahead(offer: Offer, held: Fraction, start: int) -> Offer:
    """What can still be signed of an offer, and what of it was in force from the start."""
    runs = {
        (at if at == ALREADY else at - start): _cut(run, start)
        for at, run in offer.runs.items()
        if at == ALREADY or at >= start
    }
    exits = {
        (at - start, left - start): _cut(run, start)
        for (at, left), run in offer.exits.items()
        if at >= start
    }
    most = max(Fraction(0), offer.most - held)
    return replace(offer, runs=runs, exits=exits, most=most, lines=_lines(offer, start))


def _instance(
    market: Market,
    start: int,
    offers: Sequence[Offer],
    nodes: Sequence[Node],
    named: Mapping[str, str],
) -> Instance:
    resources = tuple(replace(it, available=it.available[start:]) for it in market.resources)
    return Instance(
        periods=market.periods[start:],
        blocks=BLOCKS,
        workloads=market.workloads,
        nodes=tuple(nodes),
        offers=tuple(offers),
        risk=market.risk,
        contingencies=tuple(_hitting(one, named) for one in market.contingencies),
        limits=market.limits,
        resources=resources,
    )


def _hitting(contingency: Contingency, named: Mapping[str, str]) -> Contingency:
    """The contingency takes every cohort of an offer with it."""
    hit = frozenset(name for name, base in named.items() if base in contingency.offers)
    return replace(contingency, offers=hit)


def _cut(stream: Stream, start: int) -> Stream:
    return replace(stream, capacity=stream.capacity[start:], cash=stream.cash[start:])


def _lines(offer: Offer, start: int) -> tuple[Line, ...]:
    return tuple(replace(line, price=line.price[start:]) for line in offer.lines)
