"""The ledger's writer: what the event loop hands it is safe at once, and in the database soon.

Rules
1. A record is in the journal before `submit` returns: it outlives the process. What gathers for a
   moment goes into the database together, from a thread.
2. While the database cannot be written, reservations fail at once.
3. A settlement is never dropped: the thread tries again until the database takes it.
4. `submit` returns None where the item is safe, `SettleHeldError` for a settlement while the
   database cannot be written, and otherwise why nothing of a reservation was kept.
5. A reservation that could not be booked is refused before it is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from time import monotonic, sleep
from typing import Final, Protocol

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.ledger.journal import Journal, JournalFullError
from tollway.ledger.records import Batch, Item, encode
from tollway.ledger.store import Booker


class Loop(Protocol):
    """What the writer needs of the event loop."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> object: ...
    def call_soon_threadsafe(self, callback: Callable[..., None], *args: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """When the writer books, tries again and checkpoints.

    `gather`: seconds that items are collected for before they go into the database. `first_retry`
    doubles up to `last_retry` while the database is down. A checkpoint follows every `checkpoint`
    items.
    """

    gather: float = 0.2
    first_retry: float = 0.05
    last_retry: float = 5.0
    checkpoint: int = 20_000


class SettleHeldError(TollwayError):
    """The settlement is not in the database; the writer holds it and tries again."""


_MOST_FACTS: Final = 10_000
_MOST: Final = 2**62


class LedgerWriter:
    """Drives a `Booker` from a thread of its own. Everything but `join` is for the loop."""

    def __init__(
        self, booker: Booker, journal: Journal, loop: Loop, pace: Pace | None = None
    ) -> None:
        self._booker = booker
        self._journal = journal
        self._loop = loop
        self._pace = pace or Pace()
        self._fresh = 0  # since the last batch
        self._rest: list[Item] = []  # of these, what no journal took
        self._booking = False
        self._gathering = False
        self._submitted = 0
        self._why: Exception | None = None
        # Reservations that were refused. A settlement may follow all the same (the client left
        # meanwhile): it takes these facts along, so that it is booked to its key.
        self._facts: dict[str, Reserve] = {}
        self._closing = False
        # The thread's own, but for reading.
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self._booked = 0
        self._since_checkpoint = 0
        self._closed = Event()
        self._give_up_at = 0.0
        self._writing = Thread(target=self._run, name="ledger-writer", daemon=True)

    @property
    def pending(self) -> int:
        """Items that are not in the database."""
        return self._submitted - self._booked

    @property
    def down(self) -> Exception | None:
        """Why the last transaction failed; None while the database works."""
        return self._why

    def start(self) -> None:
        """Start the thread."""
        self._writing.start()

    def submit(self, item: Item) -> Exception | None:
        """Keep an item (rule 4).

        Raises:
            TollwayError: the writer has been closed.
        """
        if self._closing:
            raise TollwayError("The ledger's writer is closed: nothing can be booked any more.")
        why = self._reserve(item) if isinstance(item, Reserve) else self._settle(item)
        if self._fresh:
            if not self._gathering:
                self._gather()
            elif self._journal.crowded:
                self._hand_over()
        return why

    def stop(self, timeout: float) -> None:
        """Take nothing more, and have what is left booked, for at most `timeout` seconds."""
        if self._closing:
            return
        self._closing = True
        self._give_up_at = monotonic() + timeout
        self._closed.set()
        self._queue.put(self._take())
        self._queue.put(None)

    def join(self) -> int:
        """Wait for the thread to end, from any thread, after `stop`.

        Returns the number of items that are still not in the database: 0 unless it is down. The
        journal keeps those for the next start.
        """
        if self._writing.is_alive():
            self._writing.join(max(self._give_up_at - monotonic(), 0.0) + 1.0)
        left = self.pending
        if not left:
            self._journal.clear()
        return left

    # --- on the loop -----------------------------------------------------------------------------

    def _reserve(self, item: Reserve) -> Exception | None:
        """Keep a reservation, or say why not."""
        why = self._why or _misfit(item) or self._keep(item)
        if why is not None:
            self._facts[item.request] = item
            if len(self._facts) > _MOST_FACTS:
                del self._facts[next(iter(self._facts))]
        return why

    def _settle(self, item: Settle) -> Exception | None:
        """Keep a settlement, or say that it is held."""
        facts = self._facts.pop(item.request, None) if self._facts else None
        why = None if facts is None else self._why or self._keep(facts)
        if facts is not None and why is not None:
            self._hold(facts)
        why = why or self._why or self._keep(item)
        if why is None:
            return None
        self._hold(item)
        return SettleHeldError(f"{why} The settlement is held.")

    def _keep(self, item: Item) -> Exception | None:
        """Make an item safe, or say why not."""
        try:
            self._journal.append(encode(item))
        except (JournalFullError, ValueError, OverflowError) as error:
            return error
        self._fresh += 1
        self._submitted += 1
        return None

    def _hold(self, item: Item) -> None:
        """Have an item booked that no journal has."""
        self._rest.append(item)
        self._fresh += 1
        self._submitted += 1

    def _gather(self) -> None:
        self._gathering = True
        self._loop.call_later(self._pace.gather, self._hand_over)

    def _hand_over(self) -> None:
        """Give the thread what has gathered, unless it still has its hands full."""
        self._gathering = self._booking
        if self._booking or self._closing or not self._fresh:
            return
        self._booking = self._gathering = True
        self._queue.put(self._take())

    def _take(self) -> Batch:
        rest, self._rest = self._rest, []
        self._fresh = 0
        return Batch(rest, self._journal.turn(), self._journal)

    def _was_booked(self) -> None:
        if self._closing:
            return
        self._why = None
        self._booking = self._gathering = False
        self._journal.clear_other()
        if self._journal.crowded:
            self._hand_over()
        elif self._fresh:
            self._gather()

    def _was_not_booked(self, error: Exception) -> None:
        self._why = error

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            batch = self._queue.get()
            if batch is None or (len(batch) and not self._book(batch)):
                break
            self._say(self._was_booked)
            if self._since_checkpoint >= self._pace.checkpoint:
                self._checkpoint()
        self._checkpoint()

    def _book(self, batch: Batch) -> bool:
        """Book a batch, however long it takes; False where the time to close is up."""
        wait = self._pace.first_retry
        while True:
            try:
                self._booker.take(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live on
                self._say(self._was_not_booked, error)
                if not self._may_try_again(wait):
                    return False
                wait = min(wait * 2, self._pace.last_retry)
            else:
                self._booked += len(batch)
                self._since_checkpoint += len(batch)
                return True

    def _may_try_again(self, wait: float) -> bool:
        """Wait for the next try; False where the time to close is up."""
        if not self._closed.is_set():
            self._closed.wait(wait)
            return True
        left = self._give_up_at - monotonic()
        if left > 0:
            sleep(min(wait, left))
        return left > 0

    def _say(self, what: Callable[..., None], *about: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *about)
        except RuntimeError:
            # The loop has been closed: nobody is left to tell, and what is booked stays booked.
            return

    def _checkpoint(self) -> None:
        self._since_checkpoint = 0
        try:
            self._booker.checkpoint()
        except Exception:  # noqa: BLE001 - whatever it is, the next transaction will say it
            return


def _misfit(item: Reserve) -> Exception | None:
    """Rule 5."""
    # Tokens are bounded by what is read of a request, and a clock is finite.
    if -_MOST < item.amount < _MOST:
        return None
    return ValueError(f"a reservation of {item.amount} pico-dollars does not fit the ledger")
