"""What a person is asked, and what they said.

Rules
1. Silence denies: a question that nobody answers in time is denied.
2. An approval is for one thing, named by a digest of all of it: anything else must be asked anew.
3. Who decided, and when, is kept. A decision is not taken back, but an approval can be ended.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Literal, cast

from tollway.errors import TollwayError, did_you_mean
from tollway.guard.event import Concern
from tollway.ledger.guarded.book import GuardBook

State = Literal["pending", "granted", "denied", "silent", "ended"]
"""`silent`: nobody answered in time. `ended`: it was granted, and is used up or past its time."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be approved. `digest` names all of it (rule 2); `words` say it to a person,
    plainly and without secrets; `facts` are the same for machines. `waits` is for how many seconds
    it may be answered, `holds` for how many a yes is good, `uses` how often (None: as often as
    wanted)."""

    digest: str
    concern: Concern
    words: str
    tenant: str | None = None
    task: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    waits: float = 600.0
    holds: float = 3600.0
    uses: int | None = 1
    most: int | None = None
    """So many of one tenant and task may wait; None is any number."""


class CrowdedError(TollwayError):
    """Too many questions wait already."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A question and its answer. Times are UTC seconds; `silent` is until when it may be
    answered, `holds` for how many seconds after a yes it is good."""

    id: str
    digest: str
    concern: Concern
    tenant: str | None
    task: str | None
    words: str
    facts: Mapping[str, Any]
    asked: float
    silent: float
    granted: bool | None
    decided: float | None
    who: str | None
    note: str | None
    holds: float
    uses: int | None

    def state(self, utc: float) -> State:
        """How it stands at `utc`."""
        if self.granted is None or self.decided is None:
            return "pending" if utc < self.silent else "silent"
        if not self.granted:
            return "denied"
        over = utc >= self.decided + self.holds or self.uses == 0
        return "ended" if over else "granted"


class Approvals:
    """The questions of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def ask(self, question: Question, utc: float) -> Approval:
        """The question as it stands: the one that is open or was answered, where that still holds,
        else a new one. A denial holds as long as a yes would.

        Raises:
            CrowdedError: `question.most` wait already.
        """
        with self._book.change() as db:
            wanted = _SELECT + "WHERE digest = ? ORDER BY asked DESC LIMIT 1"
            row = db.execute(wanted, (question.digest,)).fetchone()
            last = None if row is None else _approval(row)
            if last is not None and _stands(last, utc):
                return last
            if question.most is not None:
                wanted = (
                    "SELECT count(*) FROM approvals WHERE concern = ? AND tenant IS ? AND task "
                )
                wanted += "IS ? AND granted IS NULL AND silent > ?"
                values = (question.concern, question.tenant, question.task, utc)
                if db.execute(wanted, values).fetchone()[0] >= question.most:
                    raise CrowdedError(
                        f"{question.most} questions of this {question.concern} wait for a person "
                        "already. Ask again once they are answered."
                    )
            new = _asked(question, utc)
            facts = json.dumps(dict(new.facts))
            db.execute(
                "INSERT INTO approvals VALUES (?,?,?,?,?,?,?,?,?,NULL,NULL,NULL,NULL,?,?)",
                (
                    new.id, new.digest, new.concern, new.tenant, new.task, new.words, facts,
                    new.asked, new.silent, new.holds, new.uses,
                ),
            )  # fmt: skip
        return new

    def take(self, approval: str, utc: float) -> bool:
        """Use a granted approval once; False where it does not hold."""
        with self._book.change() as db:
            row = db.execute(_ONE, (approval,)).fetchone()
            if row is None or _approval(row).state(utc) != "granted":
                return False
            db.execute("UPDATE approvals SET uses = uses - 1 WHERE id = ?", (approval,))
        return True

    def find(self, approval: str) -> Approval | None:
        rows = self._book.read(_ONE, (approval,))
        return _approval(rows[0]) if rows else None

    def all(self) -> tuple[Approval, ...]:
        """Every question, the latest first."""
        rows = self._book.read(_SELECT + "ORDER BY asked DESC, id")
        return tuple(_approval(row) for row in rows)

    def of(self, concern: Concern) -> tuple[Approval, ...]:
        """Every question of one concern, the latest first."""
        rows = self._book.read(f"{_SELECT}WHERE concern = ? ORDER BY asked DESC, id", (concern,))
        return tuple(_approval(row) for row in rows)

    def decide(
        self, approval: str, granted: bool, who: str, utc: float, note: str | None = None
    ) -> Approval:
        """Answer a question.

        Raises:
            TollwayError: there is no such question, or it is not open any more.
        """
        with self._book.change() as db:
            row = db.execute(_ONE, (approval,)).fetchone()
            if row is None:
                ids = [one for (one,) in db.execute("SELECT id FROM approvals")]
                hint = did_you_mean(approval, ids) or "`tollway approvals` shows those there are."
                raise TollwayError(f'approvals: "{approval[:40]}" is not the id of one. {hint}')
            state = _approval(row).state(utc)
            if state != "pending":
                raise TollwayError(
                    f"approvals: {approval} is {_SAID[state]}. What is asked again is a new one."
                )
            db.execute(
                "UPDATE approvals SET granted = ?, decided = ?, who = ?, note = ? WHERE id = ?",
                (int(granted), utc, who, note, approval),
            )
            return _approval(db.execute(_ONE, (approval,)).fetchone())

    def end(self, approval: str) -> bool:
        """End an approval that was granted; False where there is none."""
        with self._book.change() as db:
            wanted = "UPDATE approvals SET uses = 0 WHERE id = ? AND granted = 1"
            return db.execute(wanted, (approval,)).rowcount == 1


_SELECT = (
    "SELECT id, digest, concern, tenant, task, words, facts, asked, silent, granted, decided, who, "
    "note, holds, uses FROM approvals "
)
_ONE = _SELECT + "WHERE id = ?"

_WAITING = (
    "SELECT count(*) FROM approvals WHERE concern = ? AND tenant IS ? AND task IS ? "
    "AND granted IS NULL AND silent > ?"
)

_SAID: Mapping[State, str] = {
    "granted": "granted already",
    "denied": "denied already",
    "silent": "denied, since nobody answered in time",
    "ended": "over",
}


def _stands(last: Approval, utc: float) -> bool:
    state = last.state(utc)
    if state == "denied":
        return last.decided is not None and utc < last.decided + last.holds
    return state in ("pending", "granted")


def _asked(question: Question, utc: float) -> Approval:
    return Approval(
        f"ap_{token_hex(4)}", question.digest, question.concern, question.tenant, question.task,
        question.words, question.facts, utc, utc + question.waits, None, None, None, None,
        question.holds, question.uses,
    )  # fmt: skip


def _approval(row: tuple[Any, ...]) -> Approval:
    facts = cast("dict[str, Any]", json.loads(row[6]))
    granted = None if row[9] is None else bool(row[9])
    id_, digest, concern, tenant, task, words = row[:6]
    decided, who, note, holds, uses = row[10:]
    return Approval(
        id_, digest, concern, tenant, task, words, facts, row[7], row[8], granted, decided, who,
        note, holds, uses,
    )  # fmt: skip
