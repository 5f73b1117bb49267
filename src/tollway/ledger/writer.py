"""The ledger's writer: a thread that commits in groups what the event loop hands it.

Rules
1. Everything that waits goes into one transaction, and is reported with one call into the loop.
2. A reservation is reported after its commit. While the store is down, reservations fail at once.
3. A settlement is never dropped: what the store cannot take is held in memory and tried again.
4. `on_done` is called exactly once an item, in the loop. For a settlement that is held it is
   called with `SettleHeldError`, and not again when it is booked at last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.ledger.store import Booker

OnDone = Callable[[Exception | None], None]
Report = Sequence[tuple[OnDone, Exception | None]]
CallSoon = Callable[[Callable[[Report], None], Report], object]
"""`loop.call_soon_threadsafe`, or anything that runs a function with its argument elsewhere."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When the writer commits, tries again and checkpoints.

    `spacing`: seconds that a commit keeps off the next one for each item it held, up to
    `longest_spacing`: load makes batches larger instead of commits more frequent, and a client
    that asks one request after the other waits for next to nothing.
    `batch`: most items a transaction. `first_retry` doubles up to `last_retry` while the store is
    down. A checkpoint follows every `checkpoint` items.
    """

    spacing: float = 0.0001
    longest_spacing: float = 0.005
    batch: int = 512
    first_retry: float = 0.05
    last_retry: float = 5.0
    checkpoint: int = 5_000


class SettleHeldError(TollwayError):
    """The settlement is not booked yet; the writer holds it and tries again."""


_Waiting = tuple[Reserve | Settle, OnDone | None]
"""An item and whom to tell; None where that has been done. A bare tuple: two a request are made."""


_CLOSE = None
_MOST_FACTS = 10_000


class LedgerWriter:
    """Drives a `Booker` from a thread of its own. `submit` is for one thread, the loop's."""

    def __init__(self, booker: Booker, call_soon: CallSoon, pace: Pace | None = None) -> None:
        self._booker = booker
        self._call_soon = call_soon
        self._pace = pace or Pace()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closing = False
        self._give_up_at: float | None = None
        self._held: list[_Waiting] = []
        # Reservations that failed. A settlement may follow all the same (the client left while it
        # was being reserved): it takes these facts along, so that it is booked to its key.
        self._facts: dict[str, Reserve] = {}
        self._retry_at: float | None = None
        self._retry_wait = self._pace.first_retry
        self._why: Exception | None = None
        self._in_hand = 0
        self._since_checkpoint = 0
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)

    @property
    def pending(self) -> int:
        """Items that are not on disk: queued, in the transaction under way, or held."""
        return self._queue.qsize() + self._in_hand + len(self._held)

    @property
    def down(self) -> Exception | None:
        """Why the last transaction failed; None while the store works."""
        return self._why

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, item: Reserve | Settle, on_done: OnDone) -> None:
        """Hand an item over; `on_done` is called in the loop with None once it is committed.

        Raises:
            TollwayError: the writer has been closed.
        """
        if self._closing:
            raise TollwayError("The ledger's writer is closed: nothing can be booked any more.")
        self._queue.put((item, on_done))

    def close(self, timeout: float) -> int:
        """Book what is left, for at most `timeout` seconds, and stop the thread.

        Returns the number of items that are still not on disk: 0 unless the store is down.
        """
        if not self._closing:
            self._closing = True
            self._give_up_at = monotonic() + timeout
            self._queue.put(_CLOSE)
        if self._thread.is_alive():
            self._thread.join(timeout + self._pace.longest_spacing)
        return self.pending

    # --- in the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        next_commit = 0.0
        closing = False
        while True:
            batch: list[_Waiting] = []
            if not closing:
                closing = self._wait(batch)
            if batch:
                early = next_commit - monotonic()
                if early > 0 and not closing:
                    sleep(early)
                closing = self._take(batch) or closing
            self._work(batch)
            spacing = min(len(batch) * self._pace.spacing, self._pace.longest_spacing)
            next_commit = monotonic() + spacing
            if closing and self._queue.empty() and not self._may_still_book():
                self._checkpoint()
                return

    def _wait(self, batch: list[_Waiting]) -> bool:
        """Wait for an item, or for the time to try held ones again. True: close."""
        timeout = None
        if self._held and self._retry_at is not None:
            timeout = max(0.0, self._retry_at - monotonic())
        try:
            waiting = self._queue.get(timeout=timeout)
        except Empty:
            return False
        if waiting is None:
            return True
        batch.append(waiting)
        return False

    def _take(self, batch: list[_Waiting]) -> bool:
        """Add everything else that waits. True: close."""
        get = self._queue.get_nowait
        closing = False
        for _ in range(min(self._queue.qsize(), self._pace.batch - len(batch))):
            waiting = get()
            if waiting is None:
                closing = True
            else:
                batch.append(waiting)
        return closing

    def _may_still_book(self) -> bool:
        """While closing: wait for the next try at what is held, unless time is up."""
        if not self._held or self._give_up_at is None:
            return False
        left = self._give_up_at - monotonic()
        if left <= 0:
            return False
        if self._retry_at is not None:
            sleep(max(0.0, min(left, self._retry_at - monotonic())))
        return True

    def _work(self, batch: list[_Waiting]) -> None:
        if self._retry_at is not None and monotonic() < self._retry_at:
            self._refuse(batch)
            return
        batch = self._with_facts(self._held + batch)
        if not batch:
            return
        self._held = []
        self._in_hand = len(batch)
        try:
            faults = self._booker.book([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live on
            self._fail(batch, error)
        else:
            self._retry_at = self._why = None
            self._retry_wait = self._pace.first_retry
            self._in_hand = 0
            self._report([(on_done, faults.get(at)) for at, (_, on_done) in enumerate(batch)])
            self._since_checkpoint += len(batch)
            if self._since_checkpoint >= self._pace.checkpoint:
                self._checkpoint()

    def _with_facts(self, batch: list[_Waiting]) -> list[_Waiting]:
        if not self._facts:
            return batch
        facts = [self._facts.pop(item.request, None) for item, _ in batch if type(item) is Settle]
        return [*((fact, None) for fact in facts if fact is not None), *batch]

    def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        self._why = error
        self._retry_at = monotonic() + self._retry_wait
        self._retry_wait = min(self._retry_wait * 2, self._pace.last_retry)
        self._refuse(batch)

    def _refuse(self, batch: list[_Waiting]) -> None:
        """Fail the reservations, and hold the settlements, of a batch that could not be booked."""
        why = self._why or TollwayError("The ledger is not available.")
        report: list[tuple[OnDone | None, Exception | None]] = []
        for item, on_done in batch:
            if isinstance(item, Reserve):
                report.append((on_done, why))
                self._remember(item)
            else:
                report.append(
                    (on_done, SettleHeldError(f"{why} The settlement is held, and tried again."))
                )
                self._held.append((item, None))
        self._in_hand = 0
        self._report(report)

    def _remember(self, reserve: Reserve) -> None:
        self._facts[reserve.request] = reserve
        if len(self._facts) > _MOST_FACTS:
            del self._facts[next(iter(self._facts))]

    def _report(self, outcomes: list[tuple[OnDone | None, Exception | None]]) -> None:
        report = [(on_done, why) for on_done, why in outcomes if on_done is not None]
        if not report:
            return
        try:
            self._call_soon(_tell, report)
        except RuntimeError:
            # The loop has been closed: nobody is left to tell, and what is booked stays booked.
            return

    def _checkpoint(self) -> None:
        self._since_checkpoint = 0
        try:
            self._booker.checkpoint()
        except Exception as error:  # noqa: BLE001 - the next commit will say it to those who wait
            self._why = error


def _tell(report: Report) -> None:
    errors: list[Exception] = []
    for on_done, why in report:
        try:
            on_done(why)
        except Exception as error:  # noqa: BLE001 - the others must still be told
            errors.append(error)
    if errors:
        raise ExceptionGroup("after a ledger commit", errors)
