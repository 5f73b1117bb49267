"""Scores in SQLite, and the requests that they are made of.

Rules
1. A score is written once and never over.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from tollway.ledger.rows import DAY, MICRO, micros
from tollway.simulator.scores import FIGURES, Claim, Figure, Score, Served

_NANO = 10**9

_SERVED = """
SELECT source, model, utc - duration + before, ttft - before, duration - before, input,
       cached_input, output, outcome = 'completed' AND attempts = 1 AND NOT estimated
  FROM (SELECT *, iif(attempts > 1, (SELECT coalesce(sum(f.duration), 0) FROM failed_attempts AS f
                                      WHERE f.request = r.request), 0) AS before
          FROM requests AS r
         WHERE utc >= ?1 AND utc < ?2 + ?3 AND source IS NOT NULL AND model IS NOT NULL
           AND duration IS NOT NULL AND coalesce(operation, 'chat') <> 'embedding')
 WHERE utc - duration >= ?1 AND utc - duration < ?2
 ORDER BY 3, request
"""

_KEEP = """
INSERT INTO scores (day, source, model, deployment, constants, known_model, chip, engine,
                    provenance, version, made, emulated, fitted_later, near, requests)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, source, model, deployment, constants) DO NOTHING RETURNING id
"""

_READ = """
SELECT id, day, source, model, known_model, chip, engine, constants, deployment, provenance,
       version, made, emulated, fitted_later, near, requests
  FROM scores ORDER BY day, source, model, made
"""


def served(db: sqlite3.Connection, since: float, until: float) -> list[Served]:
    """What arrived from `since` to before `until` (UTC seconds), was settled within a day after
    that, and was had by a source, by when it was sent there. What earlier attempts took is taken to
    have passed before."""
    found = db.execute(_SERVED, (micros(since), micros(until), DAY))
    return [
        Served(
            source=source,
            model=model,
            sent=sent / MICRO,
            ttft=None if ttft is None else ttft / MICRO,
            duration=duration / MICRO,
            input=into,
            cached=cached,
            output=out,
            known=bool(known),
        )
        for source, model, sent, ttft, duration, into, cached, out, known in found
    ]


def keep(db: sqlite3.Connection, scores: Iterable[Score]) -> None:
    """Write what is not there yet, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for one in scores:
            _keep(db, one)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _keep(db: sqlite3.Connection, one: Score) -> None:
    claim = one.claim
    row = db.execute(
        _KEEP,
        (
            *one.key,
            claim.model,
            claim.chip,
            claim.engine,
            one.provenance,
            one.version,
            micros(one.made),
            one.emulated,
            one.fitted_later,
            one.near,
            one.requests,
        ),
    ).fetchone()
    if row is None:  # rule 1
        return
    db.executemany(
        "INSERT INTO score_figures VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(row[0], each.name, each.requests, *map(_nanos, _times(each))) for each in one.figures],
    )


def _times(one: Figure) -> tuple[float, float, float, float]:
    return one.observed, one.predicted, one.low, one.high


def _nanos(seconds: float) -> int:
    return round(seconds * _NANO)


def read(db: sqlite3.Connection) -> list[Score]:
    """Every score, by day, source, model and when it was made."""
    figures: dict[int, list[Figure]] = {}
    rows = db.execute(
        "SELECT score, name, requests, observed, predicted, low, high FROM score_figures"
    )
    for score, name, requests, *times in rows:
        observed, predicted, low, high = (time / _NANO for time in times)
        own = figures.setdefault(score, [])
        own.append(Figure(name, requests, observed, predicted, low, high))
    return [_score(row, figures.get(row[0], [])) for row in db.execute(_READ)]


def _score(row: tuple[Any, ...], figures: Iterable[Figure]) -> Score:
    _, day, source, model, known, chip, engine, constants, deployment, provenance, *rest = row
    version, made, emulated, fitted_later, near, requests = rest
    return Score(
        day=day,
        source=source,
        model=model,
        claim=Claim(known, chip, engine, constants),
        deployment=deployment,
        provenance=provenance,
        version=version,
        made=made / MICRO,
        emulated=bool(emulated),
        fitted_later=bool(fitted_later),
        near=bool(near),
        requests=requests,
        figures=tuple(sorted(figures, key=lambda one: FIGURES.index(one.name))),
    )
