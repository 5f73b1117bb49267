"""A ledger with millions of settled requests, by the ledger's own schema, labels and roll-up.

`python -m bench.ledger_rows PATH [--rows 10_000_000] [--days 90]`. What is drawn is of a fixed
seed, and the last request has just been settled.
"""

import argparse
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tollway.ledger import rows
from tollway.ledger.labels import Labels, Words
from tollway.ledger.rolling import roll_up
from tollway.ledger.sqlite import open_for_gateway

SEED = 20261123
AT_ONCE = 50_000
TENANTS, KEYS, TAGS = 40, 5, 3_000
SOURCES = ("h200", "mi300x", "b200", "anthropic", "openai")
MODELS = ("llama-3.3-70b", "opus", "gpt")
RARE_TENANT, RARE_TAG = "seldom", "one-off"
RARE = 7
"""Requests of the rare tenant and tag; the newest of them lies two thirds of the way back."""
INDEXES = ("settled_utc", "settled_tag", "settled_drilled", "settled_drilled_label")

_INSERT = "INSERT INTO settled VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_FAILED = "INSERT INTO failed_attempts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


def make(path: Path, count: int, days: int, utc: float) -> None:
    """Write the ledger of `count` requests over the `days` before `utc`."""
    open_for_gateway(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -1000000"):
            db.execute(f"PRAGMA {pragma}")
        kept = [db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (it,)).fetchone()[0]
                for it in INDEXES]  # fmt: skip
        for name in INDEXES:
            db.execute(f"DROP INDEX {name}")
        db.execute("BEGIN")
        _fill(db, count, days, utc)
        for sql in kept:
            db.execute(sql)
        roll_up(db, 0, failed=True)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")


def _fill(db: sqlite3.Connection, count: int, days: int, utc: float) -> None:
    draw = random.Random(SEED)
    labels = _labels(Labels(db), draw)
    rare = Labels(db).number(_words("completed", SOURCES[0], MODELS[0], RARE_TENANT, "seldom00"))
    old = {count // 3 - at * 1_000 for at in range(RARE)}
    end, step = rows.micros(utc), days * rows.DAY // count
    for first in range(0, count, AT_ONCE):
        some = range(first, min(first + AT_ONCE, count))
        made = [
            _row(draw, at, end - (count - at) * step, labels, rare if at in old else None)
            for at in some
        ]
        db.executemany(_INSERT, made)
        db.executemany(_FAILED, _failures(made))


def _labels(labels: Labels, draw: random.Random) -> tuple[list[int], list[int]]:
    """Numbers of combinations that went well, and of those that did not."""
    well = [
        labels.number(_words("completed", source, model, f"team-{at:02}", f"k{at:02}{of:05}"))
        for at in range(TENANTS)
        for of in range(KEYS)
        for source in SOURCES
        for model in MODELS
    ]
    ill = [
        labels.number(_words("failed", source, MODELS[0], f"team-{at:02}", f"k{at:02}00000", code))
        for at in range(TENANTS)
        for source in SOURCES
        for code in ("upstream_cut", "upstream_status")
    ]
    draw.shuffle(well)
    return well, ill


def _words(
    outcome: str, source: str, model: str, tenant: str, key: str, code: str | None = None
) -> Words:
    return (outcome, code, source, model, model, "standard", key, tenant, "chat", "chat", None)


def _row(
    draw: random.Random,
    at: int,
    utc: int,
    labels: tuple[list[int], list[int]],
    rare: int | None,
) -> tuple[object, ...]:
    ill = draw.random() < 0.01
    label = rare or draw.choice(labels[ill])
    given, made = int(draw.expovariate(1 / 900)) + 1, int(draw.expovariate(1 / 250)) + 1
    ttft, duration = int(draw.expovariate(4.0) * 10**6), int(draw.expovariate(0.3) * 10**6)
    failed = 1_250 * given if draw.random() < 0.004 else 0
    tag = RARE_TAG if rare else f"job-{draw.randrange(TAGS)}" if draw.random() < 0.1 else None
    cost = given * 1_250 + made * 5_000 + failed
    return (
        *(at + 1, f"{at * 2_654_435_761 % 2**32:08x}-{at:08x}", utc, label, given, given // 3, 0),
        *(made, made // 5, draw.random() < 0.02, cost, failed, 2 if failed else 1),
        *(ttft, ttft + duration, utc - ttft - duration, cost * 2, tag),
        SOURCES[1] if draw.random() < 0.0005 else None,
    )


def _failures(made: list[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    for row in made:
        if row[11]:
            yield (row[1], 1, SOURCES[2], MODELS[0], "cut", 200, row[4], 0, 0, 0, 0, 0, row[11],
                   250_000)  # fmt: skip


def main() -> None:
    """Write it, and say how long that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    asked = parser.parse_args()
    began = time.monotonic()
    make(asked.path, asked.rows, asked.days, time.time())
    size = asked.path.stat().st_size / 2**30
    print(f"{asked.rows:,} requests, {size:.2f} GiB, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
