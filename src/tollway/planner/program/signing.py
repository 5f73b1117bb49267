"""Columns and rows for what is signed and left: units, what excludes what, how much is there.

Rules
1. On every way through the tree at most `most` units are signed, and no more are left than signed.
2. None or at least `least` units are signed at a time, where that says more than a whole unit.
3. Of a group, only one offer is signed on any way through the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tollway.planner.program.claims import Claim, Decision, Leaving, Signing, claims, decisions
from tollway.planner.program.instance import Instance, Offer
from tollway.planner.program.model import Model, Term
from tollway.planner.program.tree import Tree


@dataclass(frozen=True, slots=True)
class Some:
    """A column: whether anything of an offer is signed at a node."""

    offer: str
    node: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A column: whether an offer of a group is first signed at a node."""

    offer: str
    node: int | None


@dataclass(slots=True)
class Signings:
    """`claims[offer][n]` is who gives and costs what at node `n`. `capacity[offer][n]` is the
    column of the units there; None where there are none."""

    claims: dict[str, list[list[Claim]]] = field(default_factory=dict[str, list[list[Claim]]])
    capacity: dict[str, list[int | None]] = field(default_factory=dict[str, list[int | None]])


def state_signings(model: Model, instance: Instance, tree: Tree) -> Signings:
    """All that an instance lets be signed and left."""
    made = Signings()
    for offer in instance.offers:
        decided = decisions(instance, tree, offer)
        made.claims[offer.name] = claims(offer, tree, decided)
        _columns(model, offer, decided)
        _most(model, offer, tree, decided)
        _least(model, offer, decided)
        _left(model, offer, tree, decided)
        made.capacity[offer.name] = _capacity(model, offer, made.claims[offer.name], tree)
    _groups(model, instance, tree)
    _resources(model, instance, tree, made)
    return made


def _room(offer: Offer) -> Fraction:
    """How many units may still be signed."""
    return max(Fraction(0), offer.most - offer.signed)


def _unit(offer: Offer) -> float:
    """What units are counted in: themselves where they are whole, else so that there are few."""
    return 1.0 if offer.whole else 10.0 ** max(0, len(str(int(offer.most))) - 2)


def _columns(model: Model, offer: Offer, decided: Sequence[Decision]) -> None:
    for one in decided:
        if isinstance(one, Signing) and one.node is None:
            model.column(one, low=float(offer.signed), high=float(offer.signed), unit=_unit(offer))
        else:
            before = isinstance(one, Leaving) and one.signed is None
            high = offer.signed if before else _room(offer)
            model.column(one, high=float(high), whole=offer.whole, unit=_unit(offer))


def _most(model: Model, offer: Offer, tree: Tree, decided: Sequence[Decision]) -> None:
    signed = {one.node: model.named[one] for one in decided if isinstance(one, Signing)}
    ways: set[tuple[int, ...]] = set()
    for leaf in tree.leaves:
        ways.add(tuple(signed[node] for node in tree.path[leaf] if node in signed))
    for way in ways:
        if len(way) > 1:
            model.row([(column, 1.0) for column in way], high=float(_room(offer)))


def _least(model: Model, offer: Offer, decided: Sequence[Decision]) -> None:
    if offer.least <= (1 if offer.whole else 0):
        return
    for one in decided:
        if isinstance(one, Signing) and one.node is not None:
            size, some = (
                model.named[one],
                model.column(Some(offer.name, one.node), high=1.0, whole=True),
            )
            model.row([(size, 1.0), (some, -float(offer.least))], low=0.0)
            model.row([(size, 1.0), (some, -float(_room(offer)))], high=0.0)


def _left(model: Model, offer: Offer, tree: Tree, decided: Sequence[Decision]) -> None:
    """What is left of one signing, on each way through the tree that differs in it."""
    left: dict[int | None, dict[int, int]] = {}
    for one in decided:
        if isinstance(one, Leaving):
            left.setdefault(one.signed, {})[one.node] = model.named[one]
    for signed, at in left.items():
        first = model.named[Signing(offer.name, signed)]
        ways = {tuple(at[node] for node in tree.path[leaf] if node in at) for leaf in tree.leaves}
        for way in sorted(ways):
            if way:
                model.row([(first, 1.0), *((column, -1.0) for column in way)], low=0.0)


def _capacity(
    model: Model, offer: Offer, claimed: Sequence[Sequence[Claim]], tree: Tree
) -> list[int | None]:
    columns: list[int | None] = []
    for node, several in enumerate(claimed):
        period = tree.period(node)
        terms = [
            (model.named[one.decision], float(share))
            for one in several
            if (share := one.capacity(period))
        ]
        if not any(value > 0 for _, value in terms):
            columns.append(None)
            continue
        column = model.column(("capacity", offer.name, node), unit=_unit(offer))
        model.row([*terms, (column, -1.0)], low=0.0, high=0.0)
        columns.append(column)
    return columns


def _groups(model: Model, instance: Instance, tree: Tree) -> None:
    """Each offer of a group is first signed at one node of a way at most, and one of them only."""
    groups: dict[str, list[Offer]] = {}
    for offer in instance.offers:
        if offer.group:
            groups.setdefault(offer.group, []).append(offer)
    for group, several in groups.items():
        begun = {offer.name: _begun(model, instance, tree, offer) for offer in several}
        for leaf in tree.leaves:
            terms = [
                (column, 1.0)
                for at in begun.values()
                for node in (None, *tree.path[leaf])
                if (column := at.get(node)) is not None
            ]
            model.row(terms, high=1.0, demand=f"group {group}")


def _begun(model: Model, instance: Instance, tree: Tree, offer: Offer) -> dict[int | None, int]:
    """Columns that are 1 where an offer is first signed: the signings themselves, where there is
    one unit."""
    found = {
        one.node: model.named[one]
        for one in decisions(instance, tree, offer)
        if isinstance(one, Signing)
    }
    if offer.whole and max(offer.most, offer.signed) == 1:
        return found
    begun: dict[int | None, int] = {}
    for node in found:
        low = 1.0 if node is None else 0.0
        begun[node] = model.column(Begun(offer.name, node), low=low, high=1.0, whole=True)
    for node, column in found.items():
        if node is not None:
            before = [begun[one] for one in (None, *tree.path[node]) if one in begun]
            room = float(_room(offer))
            model.row([(column, 1.0), *((one, -room) for one in before)], high=0.0)
    return begun


def _resources(model: Model, instance: Instance, tree: Tree, made: Signings) -> None:
    users = [offer for offer in instance.offers if offer.uses]
    for resource in instance.resources:
        for node in range(len(tree.nodes)):
            period = tree.period(node)
            terms: list[Term] = []
            for offer in users:
                part = float(offer.uses.get(resource.name, 0))
                terms += [
                    (model.named[one.decision], part * one.uses(period))
                    for one in made.claims[offer.name][node]
                ]
            high = float(resource.available[period])
            if any(value for _, value in terms):
                model.row(terms, high=high, demand=f"resource {resource.name}")
