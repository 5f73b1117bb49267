"""Columns and rows for who serves what: capacity, demand, and shares of what is served.

Rules
1. Interactive work is served in its block, batch work in any block of its period.
2. Of an offer's models for a workload in a period, those are left out that are slower and no
   cheaper than another that serves in it. Before its port and after its withdrawal none serves.
3. A row of capacity is in tokens of the fastest line, so that rows of all offers are alike.
"""

from dataclasses import dataclass, field

from tollway.planner.program.instance import Instance, Line, Offer, Workload
from tollway.planner.program.model import Model, Term
from tollway.planner.program.scale import Scale
from tollway.planner.program.signing import Signings


@dataclass(frozen=True, slots=True)
class Serving:
    """A column: tokens an hour of a line of an offer in a block of a node."""

    node: int
    block: int
    offer: str
    workload: str
    model: str


@dataclass(frozen=True, slots=True)
class Unserved:
    """A column: tokens an hour that are not served, of interactive work in a block, of batch work
    (None) on average."""

    node: int
    block: int | None
    workload: str


@dataclass(slots=True)
class Servings:
    """`used[n]` lists the columns of a node with their offers and lines, and each block's share of
    the hours; `unserved[n]` those of what is not served, with its workload's share of the hours."""

    used: list[list[tuple[int, Offer, Line, float]]] = field(
        default_factory=list[list[tuple[int, Offer, Line, float]]]
    )
    unserved: list[list[tuple[int, Workload, float]]] = field(
        default_factory=list[list[tuple[int, Workload, float]]]
    )


def state_servings(model: Model, instance: Instance, signed: Signings, scale: Scale) -> Servings:
    """All that offers may serve."""
    made = Servings()
    for node, seen in enumerate(instance.nodes):
        made.used.append([])
        made.unserved.append([])
        for offer in instance.offers:
            capacity = signed.capacity[offer.name][node]
            lines = useful(instance, offer, seen.period)
            if capacity is not None and lines:
                _serve(model, instance, made, (node, offer, capacity, lines), scale)
        _demand(model, instance, made, node, scale)
        _limits(model, instance, made, node)
    return made


def useful(instance: Instance, offer: Offer, period: int) -> tuple[Line, ...]:
    """An offer's lines that serve in a period, without those that another of them for the same
    workload is better than."""
    models = {workload.name: workload.models for workload in instance.workloads}
    kept: list[Line] = []
    for line in offer.lines:
        able = line.serves(period) and line.model in models[line.workload]
        if not able or line.tokens <= 0:
            continue
        if not any(_beats(one, line) for one in kept):
            kept = [one for one in kept if not _beats(line, one)]
            kept.append(line)
    return tuple(kept)


def _beats(one: Line, other: Line) -> bool:
    return (
        one.workload == other.workload
        and one.tokens >= other.tokens
        and all(mine <= yours for mine, yours in zip(one.price, other.price, strict=True))
    )


def _serve(
    model: Model,
    instance: Instance,
    made: Servings,
    at: tuple[int, Offer, int, tuple[Line, ...]],
    scale: Scale,
) -> None:
    node, offer, capacity, lines = at
    fastest = max(line.tokens for line in lines)
    for index, block in enumerate(instance.blocks):
        terms: list[Term] = [(capacity, -fastest / scale.tokens)]
        for line in lines:
            name = Serving(node, index, offer.name, line.workload, line.model)
            column = model.column(name)
            made.used[node].append((column, offer, line, float(block.share)))
            terms.append((column, fastest / line.tokens))
        model.row(terms, high=0.0)


def _demand(model: Model, instance: Instance, made: Servings, node: int, scale: Scale) -> None:
    for index, workload in enumerate(instance.workloads):
        wanted = [amount / scale.tokens for amount in instance.nodes[node].demand[index]]
        high = float("inf") if workload.unserved is not None else 0.0
        demand = f"workload {workload.name}" if workload.unserved is None else ""
        served = [
            (model.named[Serving(node, block, offer.name, line.workload, line.model)], block, share)
            for block, share in enumerate(map(float, (one.share for one in instance.blocks)))
            for offer, line in _serving(made, node, workload)
        ]
        if not workload.interactive:
            total = sum(
                amount * float(block.share)
                for amount, block in zip(wanted, instance.blocks, strict=True)
            )
            column = model.column(Unserved(node, None, workload.name), high=high)
            made.unserved[node].append((column, workload, 1.0))
            terms = [(one, share) for one, _, share in served]
            model.row([*terms, (column, 1.0)], low=total, high=total, demand=demand)
            continue
        for block, amount in enumerate(wanted):
            column = model.column(Unserved(node, block, workload.name), high=high)
            share = float(instance.blocks[block].share)
            made.unserved[node].append((column, workload, share))
            terms = [(one, 1.0) for one, at, _ in served if at == block]
            model.row([*terms, (column, 1.0)], low=amount, high=amount, demand=demand)


def _serving(made: Servings, node: int, workload: Workload) -> list[tuple[Offer, Line]]:
    found = {
        (offer.name, line.model): (offer, line)
        for _, offer, line, _ in made.used[node]
        if line.workload == workload.name
    }
    return list(found.values())


def _limits(model: Model, instance: Instance, made: Servings, node: int) -> None:
    """What depends on one value is no more than a share of all: one column for all of it."""
    if not instance.limits:
        return
    used = made.used[node]
    total = model.column(("served", node))
    model.row(
        [*((column, share) for column, _, _, share in used), (total, -1.0)], low=0.0, high=0.0
    )
    for limit in instance.limits:
        values = {offer.attributes.get(limit.attribute, "") for _, offer, _, _ in used} - {""}
        for value in sorted(values):
            terms = [
                (column, share)
                for column, offer, _, share in used
                if offer.attributes.get(limit.attribute) == value
            ]
            name = f"limit {limit.attribute}"
            model.row([*terms, (total, -float(limit.share))], high=0.0, demand=name)
