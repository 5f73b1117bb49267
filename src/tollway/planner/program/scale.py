"""The units in which the solver counts, so that its tolerances mean something."""

from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.program.instance import Instance

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Scale:
    """One of the solver's units is so many tokens an hour, or so many pico-dollars: powers of ten,
    so that the most that comes up is about a hundred."""

    tokens: int
    money: int

    def spend(self, price: int, hours: Fraction | int) -> float:
        """What the solver's unit of tokens an hour costs in so many hours, at a price a million."""
        return float(Fraction(price * self.tokens * hours) / MILLION / self.money)


def scale_of(instance: Instance) -> Scale:
    """Units that suit an instance."""
    tokens = max(
        (max(map(sum, zip(*node.demand, strict=True))) for node in instance.nodes), default=1
    )
    most = 1
    for offer in instance.offers:
        streams = (*offer.runs.values(), *offer.exits.values())
        cash = max((abs(paid) for stream in streams for paid in stream.cash), default=0)
        most = max(most, int(cash * min(offer.most, 100)))
        hours = instance.periods[0].hours
        for line in offer.lines:
            most = max(most, max(line.price) * tokens * hours // MILLION)
    return Scale(_about_a_hundred(tokens), _about_a_hundred(most))


def _about_a_hundred(most: int) -> int:
    return 10 ** max(0, len(str(max(1, most))) - 3)
