"""What tenants are charged less what they cost, in groups.

Rules
1. The groups add up to the accounts that they are made of.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tollway.ledger.charging import Account, parts

Group = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """Cost and charge of a group, in pico-dollars."""

    cost: int
    charged: int

    @property
    def margin(self) -> int:
        """What is left."""
        return self.charged - self.cost


def grouped(accounts: Sequence[Account], by: Sequence[str]) -> dict[Group, Money]:
    """Cost and charge of each group, by its words."""
    sums: dict[Group, list[int]] = defaultdict(lambda: [0, 0])
    for account in accounts:
        for model, cost, charged in parts(account):
            values = {"tenant": account.tenant, "model": model, "month": f"{account.month:%Y-%m}"}
            group = sums[tuple(values[name] for name in by)]
            group[0] += cost
            group[1] += charged
    order = sorted(sums, key=lambda group: tuple(word or "" for word in group))
    return {group: Money(*sums[group]) for group in order}
