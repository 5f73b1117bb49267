"""What tenants are charged less what they cost, in groups.

Rules
1. The groups add up to the accounts that they are made of.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollway.ledger.charging import Account

Group = tuple[str | None, ...]

DIMENSIONS = ("tenant", "key", "model", "source", "month")
"""What margins can be grouped by. By key only where the accounts are of each key."""


@dataclass(frozen=True, slots=True)
class Money:
    """Cost and charge of a group, in pico-dollars."""

    cost: int
    charged: int

    @property
    def margin(self) -> int:
        """What is left."""
        return self.charged - self.cost


def total(groups: Mapping[Group, Money]) -> Money:
    """The exact sum."""
    cost = sum(it.cost for it in groups.values())
    return Money(cost, sum(it.charged for it in groups.values()))


def grouped(accounts: Sequence[Account], by: Sequence[str]) -> dict[Group, Money]:
    """Cost and charge of each group, by its words."""
    sums: dict[Group, list[int]] = defaultdict(lambda: [0, 0])
    for account in accounts:
        own = {"tenant": account.tenant, "month": f"{account.month:%Y-%m}"}
        words = [(name in own, own.get(name, name)) for name in by]
        for part in account.parts:
            group = sums[
                tuple([word if known else getattr(part, str(word)) for known, word in words])
            ]
            group[0] += part.cost
            group[1] += part.charged
    order = sorted(sums, key=lambda group: tuple(word or "" for word in group))
    return {group: Money(*sums[group]) for group in order}
