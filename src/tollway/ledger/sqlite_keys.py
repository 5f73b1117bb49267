"""Virtual keys in SQLite."""

import json
import sqlite3
from typing import cast

from tollway.fleet.objects import Budget, KeyTerms, Limits, RequestClass
from tollway.ledger.keys import KeyRecord
from tollway.ledger.rows import MICRO, micros
from tollway.units import PicoDollars

_COLUMNS = (
    "id, digest, tenant, name, created, expires, revoked, requests_per_minute, "
    "tokens_per_minute, concurrency, budget_day, budget_month, overdraft, class, routes"
)


def add(db: sqlite3.Connection, record: KeyRecord) -> None:
    """Insert a key."""
    terms = record.terms
    db.execute(
        f"INSERT INTO keys ({_COLUMNS}) "  # noqa: S608 - a constant
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            terms.key,
            record.digest,
            terms.tenant,
            record.name,
            micros(record.created),
            None if record.expires is None else micros(record.expires),
            None if record.revoked is None else micros(record.revoked),
            terms.limits.requests_per_minute,
            terms.limits.tokens_per_minute,
            terms.limits.concurrency,
            terms.budget.day,
            terms.budget.month,
            terms.budget.overdraft,
            terms.request_class,
            None if terms.routes is None else json.dumps(terms.routes),
        ),
    )


def revoke(db: sqlite3.Connection, key: str, utc: float) -> bool:
    """Set the moment of revocation, once."""
    db.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (micros(utc), key))
    return db.execute("SELECT 1 FROM keys WHERE id = ?", (key,)).fetchone() is not None


def load(db: sqlite3.Connection) -> tuple[KeyRecord, ...]:
    """Every key, oldest first."""
    found = db.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY created, id")  # noqa: S608
    return tuple(map(_record, found))


def version(db: sqlite3.Connection) -> int:
    """The counter that triggers move."""
    return db.execute("SELECT version FROM keys_version").fetchone()[0]


def _record(row: tuple[object, ...]) -> KeyRecord:
    (key, digest, tenant, name, created, expires, revoked, *limits) = row
    requests, tokens, concurrency, day, month, overdraft, request_class, routes = limits
    return KeyRecord(
        terms=KeyTerms(
            key=cast("str", key),
            tenant=cast("str", tenant),
            limits=Limits(
                cast("int | None", requests),
                cast("int | None", tokens),
                cast("int | None", concurrency),
            ),
            budget=Budget(
                cast("PicoDollars | None", day),
                cast("PicoDollars | None", month),
                PicoDollars(cast("int", overdraft)),
            ),
            request_class=cast("RequestClass | None", request_class),
            routes=None if routes is None else tuple(json.loads(cast("str", routes))),
        ),
        name=cast("str", name),
        digest=cast("bytes", digest),
        created=cast("int", created) / MICRO,
        expires=None if expires is None else cast("int", expires) / MICRO,
        revoked=None if revoked is None else cast("int", revoked) / MICRO,
    )
