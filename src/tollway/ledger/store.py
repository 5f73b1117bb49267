"""What every ledger store promises, whichever database is below it.

Rules
1. A reservation or a settlement is booked once per request id; repeating it changes nothing.
2. A settlement is booked even without a reservation: then who asked is unknown (None), and the
   money and the tokens are there.
3. A settled request cannot be reserved again.
4. What does not fit a row fails alone, never with its batch-mates; a settlement that does not fit
   is kept in words beside the books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tollway.dispatch.opening import Opening
from tollway.errors import TollwayError
from tollway.ledger.drills import LastUse, Period, Settled
from tollway.ledger.keys import KeyRecord
from tollway.ledger.query import UsageQuery, UsageReport
from tollway.ledger.records import Batch, Item
from tollway.ledger.timings import Lately, Timing
from tollway.simulator.recorded import Heard


class LedgerUnavailableError(TollwayError):
    """The store could not commit, and nothing of the batch was written: full disk, I/O error."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Open reservations that a crash had left: how many, and their sum in pico-dollars."""

    count: int
    amount: int


class Booker(Protocol):
    """The part of a ledger that the writer thread drives."""

    def take(self, batch: Batch) -> None:
        """Book everything in one transaction. What does not fit is kept in words.

        Raises:
            LedgerUnavailableError: nothing was committed.
        """
        ...

    def checkpoint(self) -> None:
        """Fold the log into the database, as far as that goes without waiting for anyone."""
        ...


class Ledger(Booker, Protocol):
    """A whole ledger."""

    def book(self, items: Sequence[Item]) -> dict[int, Exception]:
        """Book everything in one transaction.

        Returns the items that do not fit, by position in `items`; all others are committed.

        Raises:
            LedgerUnavailableError: nothing was committed.
        """
        ...

    def reconcile(self, utc: float) -> Reconciled:
        """Settle every open reservation at its amount, as `abandoned` and estimated, at `utc`.

        Only for the process that holds the ledger, and before it reserves anything.
        """
        ...

    def opening(self, utc: float, mono: float) -> Opening:
        """What dispatch starts from, at the moment that is both `utc` and `mono`."""
        ...

    def usage(self, query: UsageQuery) -> UsageReport:
        """What was used, in groups."""
        ...

    def settled(self, period: Period) -> list[Settled]:
        """The settled requests of a period, in no order."""
        ...

    def unsettled(self, period: Period) -> int:
        """How many requests of a period are still open."""
        ...

    def last_uses(self) -> list[LastUse]:
        """Every (route, source, model) that has completed a request, and when it last did."""
        ...

    def timings(self) -> list[Timing]:
        """Each request that ended well at its first attempt with usage stated by the source, by
        arrival in UTC seconds."""
        ...

    def heard(self, since: float, until: float) -> list[Heard]:
        """What arrived from `since` to before `until` (UTC seconds) and has been settled, by
        arrival."""
        ...

    def lately(self, model: str, most: int) -> Lately | None:
        """What of the last `most` settled requests were whole answers of a model; None where none
        were."""
        ...

    def add_key(self, record: KeyRecord) -> None:
        """Keep a new key. Its id must be new."""
        ...

    def revoke_key(self, key: str, utc: float) -> bool:
        """End a key from `utc` on; False where there is none of this id. Revoking twice keeps the
        first moment."""
        ...

    def keys(self) -> tuple[KeyRecord, ...]:
        """All keys, revoked and expired ones too, in the order of their creation."""
        ...

    def keys_version(self) -> int:
        """A number that moves whenever a key is created or revoked, by whatever process."""
        ...

    def close(self) -> None:
        """Let the store go, and the lock on it."""
        ...
