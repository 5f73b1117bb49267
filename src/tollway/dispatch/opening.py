"""What the ledger knows when dispatch starts."""

import msgspec

from tollway.fleet.objects import KeyTerms


class Spent(msgspec.Struct, frozen=True):
    """Money that a key has settled in the current UTC day and month, in pico-dollars."""

    key: str
    tenant: str
    day: int
    month: int


class Opening(msgspec.Struct, frozen=True):
    """`keys` are the virtual keys that may be used; `spent` also names revoked ones, whose spending
    counts for their tenant. UTC is `utc_offset` seconds ahead of the monotonic clock."""

    keys: tuple[KeyTerms, ...]
    utc_offset: float
    spent: tuple[Spent, ...]
