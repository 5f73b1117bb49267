"""Reservations and settlements as rows, and the statements that book a whole batch of them.

Rules
1. Values reach SQL as parameters only.
2. One statement takes many rows, because sqlite3 gives up and takes back the interpreter's lock at
   every step: fifty steps a batch would wait for the event loop fifty times.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from tollway.dispatch.messages import Reserve, Settle

MICRO: Final = 1_000_000
DAY: Final = 86_400 * MICRO
MOST_ROWS: Final = 64
"""Rows a statement. 64 rows of 24 values stay far below SQLite's 32,766 parameters."""

_RESERVED: Final = (
    "request, utc, key, tenant, route, operation, tag, amount, input_tokens, output_tokens"
)
_SETTLED: Final = (
    "request, utc, outcome, code, source, model, upstream_model, tier, input, cached_input, "
    "cache_write, output, reasoning, estimated, cost, failed_cost, attempts, ttft, duration, "
    "substituted, drilled"
)
_WIDTH_RESERVED: Final = _RESERVED.count(",") + 1
_ASKED: Final = "reserved_utc, key, tenant, route, operation, tag, reserved"
_WIDTH_SETTLED: Final = (_SETTLED + _ASKED).count(",") + 2
_OPEN: Final = "utc, key, tenant, route, operation, tag, amount"
_NOBODY: Final = (None,) * (_ASKED.count(",") + 1)

Settlement = tuple[Settle, Reserve | None]
"""A settlement, with the reservation that came in the same batch."""

FAILED: Final = """
INSERT INTO failed_attempts
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
 WHERE NOT EXISTS (SELECT 1 FROM requests WHERE request = ?1)
    ON CONFLICT (request, attempt) DO NOTHING
"""

CLOSE_RESERVATIONS: Final = """
DELETE FROM reservations WHERE request IN (SELECT request FROM requests WHERE id > ?)
"""

KEEP_IN_WORDS: Final = (
    "INSERT INTO unbooked (item, why) VALUES (?, ?) ON CONFLICT (item) DO NOTHING"
)

ABANDON: Final = """
INSERT INTO requests (request, utc, outcome, input, cached_input, cache_write, output, reasoning,
                      estimated, cost, failed_cost, attempts, reserved_utc, key, tenant, route,
                      operation, tag, reserved)
SELECT request, ?, 'abandoned', input_tokens, 0, 0, output_tokens, 0, 1, amount, 0, 0, utc, key,
       tenant, route, operation, tag, amount
  FROM reservations WHERE true
    ON CONFLICT (request) DO NOTHING
"""

_COUNTS: Final = [
    "requests",
    "completed",
    "failed",
    "cancelled",
    "refused",
    "abandoned",
    "estimated",
    "unbilled",
    "input",
    "cached_input",
    "cache_write",
    "output",
    "reasoning",
    "cost_micro",
    "cost_rest",
]
_KEPT: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in _COUNTS)

_ROLL_UP: Final = f"""
INSERT INTO days
SELECT utc / {DAY}, coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''),
       coalesce(source, ''), coalesce(model, ''), sum(requests),
       sum(outcome IS 'completed'), sum(outcome IS 'failed'), sum(outcome IS 'cancelled'),
       sum(outcome IS 'refused'), sum(outcome IS 'abandoned'), sum(estimated), sum(unbilled),
       sum(input), sum(cached_input), sum(cache_write), sum(output), sum(reasoning),
       sum(cost / {MICRO}), sum(cost % {MICRO})
  FROM entries WHERE id > ?
 GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (day, tenant, key, route, source, model) DO UPDATE SET {_KEPT}
"""  # noqa: S608 - constants of this file only

ROLL_UP: Final = tuple(
    _ROLL_UP.replace("FROM entries", f"FROM {view}") for view in ("own_entries", "failed_entries")
)
"""Both for the settlements after a given id; the second one only where attempts failed."""


def micros(seconds: float) -> int:
    """Whole microseconds.

    Raises:
        ValueError, OverflowError: not a number, or not finite.
    """
    return round(seconds * MICRO)


def _marks(rows: int, width: int) -> str:
    one = "(" + ",".join("?" * width) + ")"
    return ",".join([one] * rows)


@cache
def reserve_statement(rows: int) -> str:
    """SQL that books `rows` reservations, given their values in one flat sequence."""
    return (
        f"WITH v({_RESERVED}) AS (VALUES {_marks(rows, _WIDTH_RESERVED)}) "  # noqa: S608 - constants
        f"INSERT INTO reservations ({_RESERVED}) SELECT * FROM v "
        "WHERE NOT EXISTS (SELECT 1 FROM requests AS r WHERE r.request = v.request) "
        "ON CONFLICT (request) DO NOTHING"
    )


@cache
def settle_statement(rows: int) -> str:
    """SQL that books `rows` settlements, given their values in one flat sequence."""
    # A reservation that was booked earlier counts for more than one that came with it: the first
    # is the one that holds.
    known = ", ".join(
        f"iif(r.request IS NULL, v.{mine}, r.{theirs})"
        for mine, theirs in zip(_ASKED.split(", "), _OPEN.split(", "), strict=True)
    )
    asked = ", ".join(f"v.{name}" for name in _SETTLED.split(", "))
    marks = _marks(rows, _WIDTH_SETTLED)
    return (
        f"WITH v({_SETTLED}, {_ASKED}) AS (VALUES {marks}) "  # noqa: S608 - constants
        f"INSERT INTO requests ({_SETTLED}, {_ASKED}) SELECT {asked}, {known} "
        "FROM v LEFT JOIN reservations AS r ON r.request = v.request WHERE true "
        "ON CONFLICT (request) DO NOTHING"
    )


def reserve_chunks(reserves: Sequence[Reserve]) -> Iterator[tuple[str, list[object]]]:
    """Statements with their parameters that book these reservations."""
    for start, rows in _chunks(len(reserves)):
        flat: list[object] = []
        for item in reserves[start : start + rows]:
            flat += (
                item.request,
                micros(item.utc),
                item.key,
                item.tenant,
                item.route,
                item.operation,
                item.tag,
                item.amount,
                item.input_tokens,
                item.output_tokens,
            )
        yield reserve_statement(rows), flat


def sort_out(items: Sequence[Reserve | Settle]) -> tuple[list[Reserve], list[Settlement]]:
    """Reservations that stay open, and settlements, each with its reservation where that is among
    the items too. Of reservations for one request the first counts."""
    asked: dict[str, Reserve] = {}
    for item in items:
        if isinstance(item, Reserve):
            asked.setdefault(item.request, item)
    settles: list[Settlement] = [
        (item, asked.get(item.request)) for item in items if isinstance(item, Settle)
    ]
    for settle, _ in settles:
        asked.pop(settle.request, None)
    return list(asked.values()), settles


def settle_chunks(settles: Sequence[Settlement]) -> Iterator[tuple[str, list[object]]]:
    """Statements with their parameters that book these settlements."""
    for start, rows in _chunks(len(settles)):
        flat: list[object] = []
        for item, reserve in settles[start : start + rows]:
            usage = item.usage
            flat += (
                item.request,
                micros(item.utc),
                item.outcome,
                item.code,
                item.source,
                item.model,
                item.upstream_model,
                item.tier,
                usage.input,
                usage.cached_input,
                usage.cache_write,
                usage.output,
                usage.reasoning,
                usage.estimated,
                item.cost,
                sum([attempt.cost for attempt in item.failed]) if item.failed else 0,
                item.attempts,
                None if item.ttft is None else micros(item.ttft),
                micros(item.duration),
                item.substituted,
                item.drilled,
            )
            flat += (
                _NOBODY
                if reserve is None
                else (
                    micros(reserve.utc),
                    reserve.key,
                    reserve.tenant,
                    reserve.route,
                    reserve.operation,
                    reserve.tag,
                    reserve.amount,
                )
            )
        yield settle_statement(rows), flat


def failed_rows(settles: Sequence[Settle]) -> list[tuple[object, ...]]:
    """Parameters for `FAILED`: the failed attempts of the first settlement of each request."""
    first: dict[str, Settle] = {}
    for item in settles:
        if item.failed:
            first.setdefault(item.request, item)
    return [
        (
            item.request,
            failed.attempt,
            failed.source,
            failed.model,
            failed.kind,
            failed.status,
            failed.usage.input,
            failed.usage.cached_input,
            failed.usage.cache_write,
            failed.usage.output,
            failed.usage.reasoning,
            failed.usage.estimated,
            failed.cost,
            micros(failed.duration),
        )
        for item in first.values()
        for failed in item.failed
    ]


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    """(start, rows) over `count` rows, rows a power of two: a few statements serve every size, and
    stay prepared."""
    start = 0
    while start < count:
        rows = min(MOST_ROWS, 1 << ((count - start).bit_length() - 1))
        yield start, rows
        start += rows
