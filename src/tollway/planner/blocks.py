"""Hours of the day that are alike, and how much of a workload's demand comes in each of them.

Rules
1. Where hours are known, the busiest of the day make the first block, and so on; of hours that are
   equally busy, the earlier one comes first. Interactive work decides which they are.
2. A block's factor is against the day's mean: whatever its shape, a day's demand is the same.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from tollway.fleet.planning import Demand, Planning
from tollway.planner.program.instance import Block

Factors = tuple[Fraction, ...]
"""Of each block, times the day's mean."""


def blocks_of(plan: Planning) -> tuple[Block, ...]:
    """The plan's blocks, the busiest first."""
    return tuple(Block(name, Fraction(hours, 24)) for name, hours in plan.blocks.items())


def factors_of(
    plan: Planning,
    demands: Mapping[str, Demand],
    hours: Mapping[str, Sequence[Fraction | int]],
    weights: Mapping[str, Fraction | int],
) -> dict[str, Factors]:
    """Each workload's factors. `hours` are 24 amounts of a workload by UTC hour, where they are
    known, which need not sum to anything; `weights` how much there is of each workload."""
    order = _busiest(demands, hours, weights)
    parts: list[list[int]] = []
    for length in plan.blocks.values():
        parts.append(order[:length])
        order = order[length:]
    return {
        name: _factors(plan, demand, hours.get(name), parts) for name, demand in demands.items()
    }


def _busiest(
    demands: Mapping[str, Demand],
    hours: Mapping[str, Sequence[Fraction | int]],
    weights: Mapping[str, Fraction | int],
) -> list[int]:
    """The hours of the day, the busiest first."""
    known = [name for name in demands if name in hours]
    asked = [name for name in known if demands[name].request_class == "interactive"] or known

    def load(hour: int) -> Fraction:
        return sum(
            (Fraction(weights[it]) * hours[it][hour] / sum(hours[it]) for it in asked), Fraction(0)
        )

    return sorted(range(24), key=lambda hour: (-load(hour), hour))


def _factors(
    plan: Planning,
    demand: Demand,
    hours: Sequence[Fraction | int] | None,
    parts: Sequence[Sequence[int]],
) -> Factors:
    lengths = list(plan.blocks.values())
    if hours is not None:
        amounts = [
            Fraction(sum(hours[hour] for hour in part)) / length
            for part, length in zip(parts, lengths, strict=True)
        ]
    else:
        amounts = [Fraction(demand.profile.get(name, 1)) for name in plan.blocks]
    mean = sum(
        (amount * length for amount, length in zip(amounts, lengths, strict=True)), Fraction(0)
    )
    return tuple(amount * 24 / mean for amount in amounts)
