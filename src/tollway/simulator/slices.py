"""Parts of a chip: what a fraction of it can do, by hardware partition or by taking turns.

Rules
1. A MIG slice has so many of 7 parts of the arithmetic and so many of 8 of the memory, with its
   bandwidth (NVIDIA MIG User Guide, profiles 1g to 7g of A100, H100, H200, B200: the same shares).
2. Engines that take turns each have their part of the memory and, as if all were always busy, the
   same part of the time. What one leaves idle speeds up the others in life: this is the slow end.
3. What runs on a part is one engine on one chip: no part is joined with another.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from tollway.catalog import Chip

MIG_CHIPS: Final = ("a100", "h100", "h200", "b200", "b300", "gh200", "gb200", "gb300")
"""Names that begin so are chips with the profiles of rule 1."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a chip: shares of its arithmetic and of its memory."""

    name: str
    compute: Fraction
    memory: Fraction

    @property
    def whole(self) -> bool:
        """Whether it is all of the chip."""
        return self.compute == 1


WHOLE: Final = Part("whole", Fraction(1), Fraction(1))
MIG: Final = (
    Part("mig-1g", Fraction(1, 7), Fraction(1, 8)),
    Part("mig-2g", Fraction(2, 7), Fraction(2, 8)),
    Part("mig-3g", Fraction(3, 7), Fraction(4, 8)),
    Part("mig-4g", Fraction(4, 7), Fraction(4, 8)),
)
TURNS: Final = tuple(Part(f"turn-of-{n}", Fraction(1, n), Fraction(1, n)) for n in (4, 3, 2))


def parts_of(chip: Chip) -> tuple[Part, ...]:
    """Every part that one engine may have of this chip, the smallest first, the whole last."""
    cut = MIG if chip.name.startswith(MIG_CHIPS) else ()
    return (*sorted((*cut, *TURNS), key=lambda part: (part.compute, part.memory)), WHOLE)


def part_of(chip: Chip, part: Part) -> Chip:
    """The part as a chip of its own, without links to others."""
    if part.whole:
        return chip
    share, memory = float(part.compute), float(part.memory)
    # Who takes turns has all the bandwidth for a part of the time: the same bytes a second.
    tiers = tuple(
        replace(
            tier,
            size=int(tier.size * part.memory),
            bandwidth=None if tier.bandwidth is None else tier.bandwidth * memory,
        )
        for tier in chip.memory[:1]
    )
    return replace(
        chip,
        memory=tiers,
        flops=MappingProxyType({kind: rate * share for kind, rate in chip.flops.items()}),
        link=None,
        domain=1,
    )


def packed(wanted: list[Part]) -> list[list[Part]]:
    """The parts on as few chips as first-fit-decreasing finds (at most 11/9 of the fewest and one
    more: Johnson 1973). Partitions and turns are not mixed on one chip."""
    chips: list[list[Part]] = []
    for part in sorted(wanted, key=lambda one: (-one.memory, -one.compute, one.name)):
        for held in chips:
            if _fits(held, part):
                held.append(part)
                break
        else:
            chips.append([part])
    return chips


def _fits(held: list[Part], part: Part) -> bool:
    alike = (held[0] in MIG) == (part in MIG)
    compute = sum((one.compute for one in held), part.compute)
    memory = sum((one.memory for one in held), part.memory)
    return alike and compute <= 1 and memory <= 1
