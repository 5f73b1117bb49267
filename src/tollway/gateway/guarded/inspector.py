"""Inspects requests beside the loop where they are large, and keeps what inspection needs.

Rules
1. A body of up to `ON_THE_LOOP` bytes is inspected where it is, as long as little in it has to be
   decoded; any other in a thread.
2. What takes longer than `guard.patience`, and what cannot be inspected at all, is refused, and its
   thread stops.
3. Somebody is asked in a thread: the book is on a disk.
4. Each key's memory is its own, and of the keys that asked last only so many are kept. Of one key's
   requests one at a time has a thread, so none takes all threads, and its memory has one user.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from tollway.errors import TollwayError
from tollway.gateway.guarded.clearing import Cleared, Sent, Ways, clear
from tollway.gateway.http import Refusal
from tollway.gateway.loading import Loaded
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.guard.limit import Limit, OverLimitError
from tollway.guard.memory import Memory
from tollway.inspect.guardfiles import own_salt
from tollway.ledger.guarded.approvals import Approval, Approvals, Question
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller

ON_THE_LOOP: Final = 16 * 1024
MOST_WAITING: Final = 256
"""Inspections that may wait for a thread; further requests are refused."""
MOST_KEYS: Final = 10_000
MOST_OF_A_KEY: Final = 32
"""Of them, of one key."""
_THREADS: Final = 4
QUICK: Final = Limit(bytes=64 * 1024, texts=16)
"""What may be decoded on the loop."""

T = TypeVar("T")

Done = Callable[[Cleared | Refusal], None]


class _NotHere(Exception):  # noqa: N818 - it names a place, not a failure
    """It cannot be done on the loop: somebody must be asked."""


class _Job:
    """One inspection beside the loop. `over` is told once."""

    __slots__ = ("_done", "deadline", "guard", "sent", "told")

    def __init__(self, guard: Guard, sent: Sent, done: Done) -> None:
        self.guard = guard
        self.sent = sent
        self.deadline = time.monotonic() + guard.settings.patience
        self.told = False
        self._done = done

    def late(self) -> bool:
        return self.told or time.monotonic() > self.deadline

    def tell(self, outcome: Cleared | Refusal) -> None:
        if not self.told:
            self.told = True
            self._done(outcome)


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
        self._memories: OrderedDict[str, Memory] = OrderedDict()
        self._lanes: dict[str, deque[_Job]] = {}
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
        if len(sent.body) <= ON_THE_LOOP and sent.key not in self._lanes:
            try:
                outcome = self._clear(guard, sent, _never, QUICK)
            except Refusal as refusal:
                done(refusal)
                return
            except (_NotHere, OverLimitError):
                pass
            else:
                done(outcome)
                return
        self._beside(_Job(guard, sent, done))

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

    def limit(self) -> Limit:
        """How far something may be inspected that begins now."""
        patience = 0.0 if self.guard is None else self.guard.settings.patience
        deadline = time.monotonic() + patience
        return Limit(lambda: time.monotonic() > deadline)

    def _beside(self, job: _Job) -> None:
        lane = self._lanes.get(job.sent.key)
        if self._waiting >= MOST_WAITING or (lane is not None and len(lane) >= MOST_OF_A_KEY):
            job.tell(Refusal(503, "guard_busy", "Try again soon.", b"retry-after: 1\r\n"))
            return
        self._waiting += 1
        if lane is not None:
            lane.append(job)
        else:
            self._lanes[job.sent.key] = deque()
            self._begin(job)
        self._loop.call_later(job.guard.settings.patience, self._late, job)

    def _begin(self, job: _Job) -> None:
        limit = Limit(job.late)
        work = self.run(lambda: self._clear(job.guard, job.sent, self._approvals.ask, limit))
        work.add_done_callback(lambda work: self._over(job, work))

    def _over(self, job: _Job, work: "asyncio.Future[Cleared]") -> None:
        self._waiting -= 1
        lane = self._lanes[job.sent.key]
        if lane:
            self._begin(lane.popleft())
        else:
            del self._lanes[job.sent.key]
        job.tell(self._outcome(work))

    def _late(self, job: _Job) -> None:
        if not job.told:
            self._say("guard: an inspection took too long, and its request was refused")
            job.tell(_too_late())

    def _outcome(self, work: "asyncio.Future[Cleared]") -> Cleared | Refusal:
        error = None if work.cancelled() else work.exception()
        if work.cancelled() or isinstance(error, OverLimitError):
            return _too_late()
        if error is None:
            return work.result()
        if isinstance(error, Refusal):
            return error
        self._say(f"guard: a request was refused: {_why(error)}")
        return Refusal(503, "guard_unavailable", "The guard's rules cannot be followed now.")

    def _clear(
        self, guard: Guard, sent: Sent, ask: Callable[[Question, float], Approval], limit: Limit
    ) -> Cleared:
        ways = Ways(self.salt, self.utc, ask, self.tell, limit)
        return clear(guard, sent, self._memory(sent.key), ways)

    def _memory(self, key: str) -> Memory:
        """Rule 4."""
        found = self._memories.get(key)
        if found is None:
            found = self._memories[key] = Memory()
            if len(self._memories) > MOST_KEYS:
                self._memories.popitem(last=False)
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


def _too_late() -> Refusal:
    return Refusal(503, "guard_timeout", "The request could not be inspected in time.")


def _why(error: BaseException) -> str:
    """An exception of ours may quote what it choked on; a `TollwayError` does not."""
    return str(error) if isinstance(error, TollwayError) else type(error).__name__
