"""A problem with one thing otherwise: what answers are made of.

Rules
1. A variant says whether it only allows more or only allows less than the problem it is made from:
   what is cheaper for sure is then known without a solver.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from tollway.planner.program.instance import ALREADY, Instance, Offer


def without_contingency(problem: Instance, name: str) -> Instance:
    """The problem in which one contingency is not prepared for. It allows more.

    Raises:
        KeyError: there is no such contingency.
    """
    left = tuple(one for one in problem.contingencies if one.name != name)
    if len(left) == len(problem.contingencies):
        raise KeyError(name)
    return replace(problem, contingencies=left)


def without_exits(problem: Instance, names: Iterable[str]) -> Instance:
    """The problem in which we can give no notice to these offers. It allows less."""
    bound = frozenset(names)
    return _changed(problem, {one.name: replace(one, exits={}) for one in _named(problem, bound)})


def without_signing(problem: Instance, names: Iterable[str], until: int | None = None) -> Instance:
    """The problem in which these offers are not signed before period `until`, or never (None). What
    is in force stays. It allows less."""
    barred = frozenset(names)
    return _changed(problem, {one.name: _barred(one, until) for one in _named(problem, barred)})


def left_in(problem: Instance, name: str, period: int | None) -> Instance:
    """The problem in which whatever there is of an offer by `period` is left by notice in that
    period, in every scenario, or never left (None). Signings after it are out. It allows less.

    Raises:
        KeyError: there is no such offer, or nothing of it can be left in that period.
    """
    (offer,) = _named(problem, {name}) or (None,)
    if offer is None:
        raise KeyError(name)
    if period is None:
        return _changed(problem, {name: replace(offer, exits={})})
    runs = {signed: run for (signed, left), run in offer.exits.items() if left == period}
    if not runs or (offer.signed and ALREADY not in runs):
        raise KeyError(f"{name} in period {period}")
    return _changed(problem, {name: replace(offer, runs=runs, exits={})})


def weighted(problem: Instance, weight: Fraction) -> Instance:
    """The problem with another weight of CVaR."""
    return replace(problem, risk=replace(problem.risk, weight=weight))


def _barred(offer: Offer, until: int | None) -> Offer:
    def open_(signed: int) -> bool:
        return signed == ALREADY or (until is not None and signed >= until)

    return replace(
        offer,
        runs={signed: run for signed, run in offer.runs.items() if open_(signed)},
        exits={when: run for when, run in offer.exits.items() if open_(when[0])},
    )


def _named(problem: Instance, names: Iterable[str]) -> list[Offer]:
    wanted = frozenset(names)
    return [one for one in problem.offers if one.name in wanted]


def _changed(problem: Instance, offers: Mapping[str, Offer]) -> Instance:
    changed = tuple(offers.get(one.name, one) for one in problem.offers)
    return replace(problem, offers=changed)
