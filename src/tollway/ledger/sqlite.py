"""The ledger in one SQLite file.

Rules
1. Write-ahead log, synchronous=NORMAL: a commit survives the death of the process at any moment;
   power loss may take the last moments with it, never the file's integrity.
2. One process settles (it holds the lock file); any other may read, and manage keys.
3. Nothing is added up in the database that could pass 63 bits: see `query` and `rows`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from tollway.dispatch.messages import Reserve, Settle
from tollway.dispatch.opening import Opening, Spent
from tollway.errors import TollwayError
from tollway.ledger import rows, sqlite_drills, sqlite_keys, sqlite_timings, sqlite_usage
from tollway.ledger.database import connect, in_words, within
from tollway.ledger.drills import LastUse, Period, Settled
from tollway.ledger.journal import Journal, turns_of
from tollway.ledger.keys import KeyRecord
from tollway.ledger.labels import Labels
from tollway.ledger.lock import GatewayLock, LedgerInUseError
from tollway.ledger.migrate import is_current, migrate
from tollway.ledger.query import UsageQuery, UsageReport, day_start, month_start
from tollway.ledger.records import Batch, Item, read_records
from tollway.ledger.rolled import one_state
from tollway.ledger.rolling import roll_up
from tollway.ledger.state import make_state_folder
from tollway.ledger.store import LedgerUnavailableError, Reconciled
from tollway.ledger.timings import Lately, Timing
from tollway.simulator.recorded import Heard

T = TypeVar("T")

_LEFTOVERS_AT_ONCE = 1024

_LONGEST_BOOKING = 2.0
"""Seconds that a reader waits for a live gateway to book what it has in its journal."""
_LOOK_AGAIN = 0.005

_MISFITS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    OverflowError,
    ValueError,
    TypeError,
)
"""What a single bad row raises; any other database error concerns the whole store."""


class SqliteLedger:
    """A `Ledger` over one connection. Not for two threads at a time."""

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        held: tuple[GatewayLock, Journal] | None = None,
    ) -> None:
        self.path = path
        self._db = db
        self._held = held
        self._labels = Labels(db)

    @property
    def journal(self) -> Journal:
        """Where its writer keeps what is not booked yet. Only where it was opened for a gateway."""
        if self._held is None:
            raise TollwayError(f"{self.path}: was not opened for a gateway.")
        return self._held[1]

    @property
    def lock_descriptor(self) -> int:
        """Of the lock that is held; whoever inherits it holds the lock too."""
        if self._held is None:
            raise TollwayError(f"{self.path}: was not opened for a gateway.")
        return self._held[0].descriptor

    # --- what the gateway's writer does ------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """See `Booker.take`."""
        self.book(batch.items())

    def book(self, items: Sequence[Item]) -> dict[int, Exception]:
        """See `Ledger.book`. Reservations are booked before settlements, whatever their order; one
        whose settlement is among the items goes into the books with it, and is never open."""
        reserves, settles = rows.sort_out(items)
        with in_words(self.path), self._undone_on_error():
            last = self._begin()
            try:
                self._book(reserves, settles, last)
                faults: dict[int, Exception] = {}
            except _MISFITS:
                self._undo()
                faults = self._book_singly(items, self._begin())
            self._db.execute("COMMIT")
        return faults

    def checkpoint(self) -> None:
        """See `Booker.checkpoint`."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _book(
        self, reserves: Sequence[Reserve], settles: Sequence[rows.Settlement], last: int
    ) -> None:
        db = self._db
        if reserves:
            db.executemany(rows.RESERVE, rows.reserve_rows(reserves))
        if not settles:
            return
        failed = rows.failed_rows([settle for settle, _ in settles])
        if failed:
            db.executemany(rows.FAILED, failed)
        asked = self._asked([settle.request for settle, _ in settles])
        db.executemany(rows.SETTLE, rows.settle_rows(settles, asked, self._labels.number))
        db.executemany(rows.CLOSE, [(request,) for request in asked])
        roll_up(db, last, failed=bool(failed))

    def _asked(self, requests: Sequence[str]) -> dict[str, rows.Asked]:
        """The reservations of these requests that are open."""
        found: dict[str, rows.Asked] = {}
        for at in range(0, len(requests), rows.ASKED_AT_ONCE):
            some = requests[at : at + rows.ASKED_AT_ONCE]
            for request, *asked in self._db.execute(rows.asked_statement(len(some)), some):
                found[request] = tuple(asked)
        return found

    def _book_singly(self, items: Sequence[Reserve | Settle], last: int) -> dict[int, Exception]:
        faults: dict[int, Exception] = {}
        # The sort is stable and puts reservations first, as in a batch without a misfit.
        for position in sorted(range(len(items)), key=lambda at: type(items[at]) is Settle):
            item = items[position]
            self._db.execute("SAVEPOINT one")
            try:
                if isinstance(item, Reserve):
                    self._book([item], [], last)
                else:
                    self._book([], [(item, None)], last)
                    last = self._last()
            except _MISFITS as misfit:
                self._db.execute("ROLLBACK TO one")
                self._labels.forget()
                faults[position] = misfit
                if isinstance(item, Settle):
                    self._db.execute(rows.KEEP_IN_WORDS, tuple(map(ascii, (item, misfit))))
            self._db.execute("RELEASE one")
        return faults

    def _begin(self) -> int:
        """Begin to write. Returns the id of the last settlement so far: what comes after it is
        what this transaction rolls up."""
        self._db.execute("BEGIN IMMEDIATE")
        return self._last()

    def _last(self) -> int:
        return self._db.execute("SELECT coalesce(max(id), 0) FROM settled").fetchone()[0]

    def _undo(self) -> None:
        self._labels.forget()
        # A full disk may have rolled the transaction back already.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._undo()
            raise

    # --- opening -----------------------------------------------------------------------------

    def reconcile(self, utc: float) -> Reconciled:
        """See `Ledger.reconcile`."""
        with in_words(self.path), self._undone_on_error():
            last = self._begin()
            count, amount = sqlite_usage.reserved(self._db, UsageQuery())
            if count:
                now, number = rows.micros(utc), self._labels.number
                found = self._db.execute(rows.OPEN).fetchall()
                lines = [rows.abandoned_row(now, line, number) for line in found]
                self._db.executemany(rows.SETTLE, lines)
                self._db.execute("DELETE FROM reservations")
                roll_up(self._db, last, failed=False)
            self._db.execute("COMMIT")
        return Reconciled(count, amount)

    def opening(self, utc: float, mono: float) -> Opening:
        """See `Ledger.opening`."""
        month = self._spent(month_start(utc), utc)
        day = self._spent(day_start(utc), utc)
        return Opening(
            keys=tuple(record.terms for record in self.keys() if record.revoked is None),
            utc_offset=utc - mono,
            spent=tuple(
                Spent(key=key, tenant=tenant, day=day.get((key, tenant), 0), month=cost)
                for (key, tenant), cost in sorted(month.items())
            ),
        )

    def _spent(self, since: float, utc: float) -> dict[tuple[str, str], int]:
        # To the end of the day, so that whole days are read from the roll-up.
        until = day_start(utc) + 86_400
        report = self.usage(UsageQuery(by=("key", "tenant"), since=since, until=until))
        return {
            (key, tenant): row.totals.cost
            for row in report.rows
            for key, tenant in [row.group]
            if key is not None and tenant is not None
        }

    # --- asking, and keys --------------------------------------------------------------------

    def usage(self, query: UsageQuery) -> UsageReport:
        """See `Ledger.usage`."""
        return sqlite_usage.report(self._db, query)

    def settled(self, period: Period) -> list[Settled]:
        """See `Ledger.settled`."""
        return sqlite_drills.settled(self._db, period)

    def unsettled(self, period: Period) -> int:
        """See `Ledger.unsettled`."""
        return sqlite_drills.unsettled(self._db, period)

    def last_uses(self) -> list[LastUse]:
        """See `Ledger.last_uses`."""
        return sqlite_drills.last_uses(self._db)

    def timings(self) -> list[Timing]:
        """See `Ledger.timings`."""
        return sqlite_timings.timings(self._db)

    def recent(self, since: float, most: int) -> list[Timing]:
        """Timings of what ended since then, at most so many, the last one first."""
        return sqlite_timings.recent(self._db, since, most)

    def heard(self, since: float, until: float) -> list[Heard]:
        """See `Ledger.heard`."""
        return sqlite_timings.heard(self._db, since, until)

    def lately(self, model: str, most: int) -> Lately | None:
        """See `Ledger.lately`."""
        return sqlite_timings.lately(self._db, model, most)

    def add_key(self, record: KeyRecord) -> None:
        """See `Ledger.add_key`."""
        sqlite_keys.add(self._db, record)

    def revoke_key(self, key: str, utc: float) -> bool:
        """See `Ledger.revoke_key`."""
        return sqlite_keys.revoke(self._db, key, utc)

    def keys(self) -> tuple[KeyRecord, ...]:
        """See `Ledger.keys`."""
        return sqlite_keys.load(self._db)

    def keys_version(self) -> int:
        """See `Ledger.keys_version`."""
        return sqlite_keys.version(self._db)

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """What a question of a module beside this one finds: `sqlite_search`, `sqlite_paces`."""
        return question(self._db)

    def one_state(self) -> AbstractContextManager[None]:
        """All that is asked inside is of one state of the ledger."""
        return one_state(self._db)

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Break off what is asked inside once `seconds` have passed, with `TooLongError`."""
        return within(self._db, seconds)

    def close(self) -> None:
        """See `Ledger.close`."""
        self._db.close()
        if self._held is not None:
            lock, journal = self._held
            journal.close()
            lock.release()


def open_for_gateway(path: Path) -> SqliteLedger:
    """The ledger, made or migrated as needed, with all in it that a killed gateway had kept; held
    until it is closed. Reconcile it next.

    Raises:
        LedgerInUseError: another live gateway holds it.
        WrongSchemaError: the file is no ledger, or a newer one.
    """
    with in_words(path), ExitStack() as undo:
        make_state_folder(path.parent)
        lock = GatewayLock(path)
        undo.callback(lock.release)
        db = connect(path, create=True)
        undo.callback(db.close)
        migrate(db, str(path))
        journal = Journal(_journal_of(path))
        undo.callback(journal.close)
        ledger = SqliteLedger(db, path, (lock, journal))
        _book_leftovers(ledger, journal)
        undo.pop_all()
    return ledger


def open_for_bookkeeper(path: Path) -> SqliteLedger:
    """The ledger for the process that books for the gateway which holds it."""
    with in_words(path):
        db = connect(path, create=False)
        # The writer folds the log in after it has reported a batch, not within a commit.
        db.execute("PRAGMA wal_autocheckpoint = 0")
    return SqliteLedger(db, path)


def _book_leftovers(ledger: SqliteLedger, journal: Journal) -> None:
    """Book what a gateway that was killed had in its journal."""
    items = read_records(journal.records())
    for start in range(0, len(items), _LEFTOVERS_AT_ONCE):
        ledger.book(items[start : start + _LEFTOVERS_AT_ONCE])
    journal.clear()


def _journal_of(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def open_for_keys(path: Path) -> SqliteLedger:
    """The ledger for managing keys, beside a live gateway or without one; made if need be.

    Raises:
        LedgerInUseError: it must be migrated first, and a live gateway of another version holds it.
        WrongSchemaError: the file is no ledger, or a newer one.
    """
    with in_words(path), ExitStack() as undo:
        make_state_folder(path.parent)
        db = connect(path, create=True)
        undo.callback(db.close)
        if not is_current(db, str(path)):
            lock = GatewayLock(path)
            try:
                migrate(db, str(path))
            finally:
                lock.release()
        undo.pop_all()
    return SqliteLedger(db, path)


def open_reader(path: Path) -> SqliteLedger:
    """The ledger for reading only, beside a live gateway or without one, with all in it that was
    safe when it was opened.

    Raises:
        TollwayError: there is no ledger at `path`, or its schema is an older one.
        WrongSchemaError: the file is no ledger, or a newer one.
    """
    if not path.is_file():
        raise TollwayError(
            f"{path}: there is no ledger here. Start a gateway (`tollway up`), or say where the "
            "ledger is with --ledger or --state."
        )
    _await_journal(path)
    with in_words(path), ExitStack() as undo:
        db = connect(path, create=False)
        undo.callback(db.close)
        if not is_current(db, str(path)):
            raise TollwayError(
                f"{path}: has an older schema. Start a gateway of this version once: it migrates."
            )
        db.execute("PRAGMA query_only = ON")
        undo.pop_all()
    return SqliteLedger(db, path)


def _await_journal(path: Path) -> None:
    """Have in the books what is in the journal now. A live gateway books it in a moment; what a
    killed one left is booked here, where this user may."""
    seen = turns_of(_journal_of(path))
    if not any(seen):
        return
    with suppress(LedgerInUseError, LedgerUnavailableError):
        open_for_gateway(path).close()
        return
    give_up = monotonic() + _LONGEST_BOOKING
    while monotonic() < give_up:
        now = turns_of(_journal_of(path))
        if not any(turn and turn == later for turn, later in zip(seen, now, strict=True)):
            return
        sleep(_LOOK_AGAIN)
