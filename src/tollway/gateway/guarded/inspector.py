"""Inspects requests beside the loop where they are large, and keeps what inspection needs.

Rules
1. A body of up to `ON_THE_LOOP` bytes is inspected where it is; a longer one in a thread.
2. What takes longer than `guard.patience`, and what cannot be inspected at all, is refused.
3. Somebody is asked in a thread: the book is on a disk.
4. Each key's memory is its own, and of the keys that asked last only so many are kept.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from tollway.errors import TollwayError
from tollway.gateway.guarded.clearing import Cleared, Sent, Ways, clear
from tollway.gateway.http import Refusal
from tollway.gateway.loading import Loaded
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.guard.memory import Memory
from tollway.inspect.guardfiles import own_salt
from tollway.ledger.guarded.approvals import Approval, Approvals, Question
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller

ON_THE_LOOP: Final = 16 * 1024
MOST_WAITING: Final = 256
"""Inspections that may wait for a thread; further requests are refused."""
MOST_KEYS: Final = 10_000
_THREADS: Final = 2

T = TypeVar("T")

Done = Callable[[Cleared | Refusal], None]


class _NotHere(Exception):  # noqa: N818 - it names a place, not a failure
    """It cannot be done on the loop: somebody must be asked, or a thread uses the key's memory."""


class Inspector:
    """The guard of one process. `guard` is None where it could not be read: nothing passes."""

    def __init__(
        self,
        guard: Guard | None,
        folder: Path,
        say: Callable[[str], None],
        utc: Callable[[], float] = time.time,
    ) -> None:
        """To be made within the running loop. Opens the guard's book in `folder`.

        Raises:
            TollwayError: the book, the salt or the file of events cannot be used.
        """
        self.guard = guard
        self.utc = utc
        self.salt = own_salt(folder)
        self._say = say
        self._folder = folder
        self._book = GuardBook(folder / GUARD_BOOK)
        self._approvals = Approvals(self._book)
        self._events = None if guard is None else guard.settings.events
        self._teller = self._new_teller()
        self._pool = ThreadPoolExecutor(_THREADS, "guard")
        self._loop = asyncio.get_running_loop()
        self._memories: OrderedDict[str, tuple[Memory, Lock]] = OrderedDict()
        self._waiting = 0

    def tell(self, event: SecurityEvent) -> None:
        """Have an event kept."""
        self._teller.tell(event)

    def look(self, sent: Sent, done: Done) -> None:
        """Inspect a request; `done` is called with what may be sent, or with why nothing may: at
        once, or from the loop later."""
        guard = self.guard
        if guard is None:
            done(Refusal(503, "guard_unavailable", "The guard's rules cannot be followed now."))
            return
        if len(sent.body) <= ON_THE_LOOP:
            try:
                outcome = self._clear(guard, sent, _never, wait=False)
            except Refusal as refusal:
                done(refusal)
                return
            except _NotHere:
                pass
            else:
                done(outcome)
                return
        self._beside(guard, sent, done)

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Have something inspected in a thread."""
        return self._loop.run_in_executor(self._pool, work)

    def adopt(self, guard: Guard | None) -> None:
        """Go by other rules from now on.

        Raises:
            TollwayError: the file of events cannot be used; the old rules hold.
        """
        events = self._events if guard is None else guard.settings.events
        if events != self._events:
            before, self._events = self._events, events
            try:
                teller = self._new_teller()
            except TollwayError:
                self._events = before
                raise
            old, self._teller = self._teller, teller
            self._loop.run_in_executor(None, old.close)
        self.guard = guard

    def _new_teller(self) -> Teller:
        path = None if self._events is None else self._folder / self._events
        return Teller(self._book, self._say, path)

    def close(self) -> None:
        """Write what waits; nothing is inspected any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._teller.close()
        self._book.close()

    def _beside(self, guard: Guard, sent: Sent, done: Done) -> None:
        if self._waiting >= MOST_WAITING:
            done(Refusal(503, "guard_busy", "Try again soon.", b"retry-after: 1\r\n"))
            return
        self._waiting += 1
        work = self.run(lambda: self._clear(guard, sent, self._approvals.ask))
        late = self._loop.call_later(guard.settings.patience, _late, work)

        def over(work: "asyncio.Future[Cleared]") -> None:
            late.cancel()
            self._waiting -= 1
            done(self._outcome(work))

        work.add_done_callback(over)

    def _outcome(self, work: "asyncio.Future[Cleared]") -> Cleared | Refusal:
        if work.cancelled():
            self._say("guard: an inspection took too long, and its request was refused")
            return Refusal(503, "guard_timeout", "The request could not be inspected in time.")
        error = work.exception()
        if error is None:
            return work.result()
        if isinstance(error, Refusal):
            return error
        self._say(f"guard: a request was refused: {_why(error)}")
        return Refusal(503, "guard_unavailable", "The guard's rules cannot be followed now.")

    def _clear(
        self,
        guard: Guard,
        sent: Sent,
        ask: Callable[[Question, float], Approval],
        *,
        wait: bool = True,
    ) -> Cleared:
        ways = Ways(self.salt, self.utc, ask, self.tell)
        memory, lock = self._memory(sent.key)
        if not lock.acquire(blocking=wait):
            raise _NotHere
        try:
            return clear(guard, sent, memory, ways)
        finally:
            lock.release()

    def _memory(self, key: str) -> tuple[Memory, Lock]:
        """Rule 4."""
        found = self._memories.get(key)
        if found is None:
            found = self._memories[key] = (Memory(), Lock())
            if len(self._memories) > MOST_KEYS:
                self._memories.popitem(last=False)
        else:
            self._memories.move_to_end(key)
        return found


def _never(question: Question, utc: float) -> Approval:
    raise _NotHere


def inspector_of(
    loaded: Loaded, before: Inspector | None, say: Callable[[str], None]
) -> Inspector | None:
    """Who inspects for a fleet, `before` being who did until now; None where nobody is to.

    Raises:
        TollwayError: the guard's book or its file of events cannot be used; `before` is unchanged.
    """
    if loaded.fleet.guard is None:
        if before is not None:
            before.close()
        return None
    if before is None:
        return Inspector(loaded.guard, loaded.folder, say)
    before.adopt(loaded.guard)
    return before


def _late(work: "asyncio.Future[Cleared]") -> None:
    work.cancel()


def _why(error: BaseException) -> str:
    """An exception of ours may quote what it choked on; a `TollwayError` does not."""
    return str(error) if isinstance(error, TollwayError) else type(error).__name__
