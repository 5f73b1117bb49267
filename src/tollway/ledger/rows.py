"""Reservations and settlements as rows, and the statements that book a whole batch of them.

Rules
1. Values reach SQL as parameters only.
2. A reservation that was booked earlier counts for more than one that came with its settlement: the
   first is the one that holds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tollway.dispatch.messages import Reserve, Settle
from tollway.ledger.labels import Words

MICRO: Final = 1_000_000
DAY: Final = 86_400 * MICRO
ASKED_AT_ONCE: Final = 512
"""Parameters of a question; SQLite takes 32,766."""

_ASKED: Final = "utc, key, tenant, route, operation, tag, amount"
_SETTLED: Final = (
    "request, utc, label, input, cached_input, cache_write, output, reasoning, estimated, cost, "
    "failed_cost, attempts, ttft, duration, reserved_utc, reserved, tag, drilled"
)

Settlement = tuple[Settle, Reserve | None]
"""A settlement, with the reservation that came in the same batch."""

Asked = tuple[int, str, str, str, str, str | None, int]
"""A reservation that was booked earlier: UTC microseconds, then as `Reserve` names them."""

RESERVE: Final = """
INSERT INTO reservations
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE request = ?1)
    ON CONFLICT (request) DO NOTHING
"""

_MARKS: Final = ", ".join("?" * (len(_SETTLED.split(", ")) - 2))
SETTLE: Final = (
    f"INSERT INTO settled ({_SETTLED}) "  # noqa: S608 - constants
    f"VALUES ({_MARKS}, nullif(?, ''), nullif(?, '')) ON CONFLICT (request) DO NOTHING"
)
"""Tag and drilled source are empty where there are none: Python's driver takes as long over a None
as over three other parameters."""

CLOSE: Final = "DELETE FROM reservations WHERE request = ?"

FAILED: Final = """
INSERT INTO failed_attempts
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE request = ?1)
    ON CONFLICT (request, attempt) DO NOTHING
"""

KEEP_IN_WORDS: Final = (
    "INSERT INTO unbooked (item, why) VALUES (?, ?) ON CONFLICT (item) DO NOTHING"
)

OPEN: Final = f"SELECT request, input_tokens, output_tokens, {_ASKED} FROM reservations"  # noqa: S608


def micros(seconds: float) -> int:
    """Whole microseconds.

    Raises:
        ValueError, OverflowError: not a number, or not finite.
    """
    scaled = seconds * MICRO
    return int(scaled + 0.5) if scaled >= 0.0 else -int(0.5 - scaled)


def asked_statement(count: int) -> str:
    """SQL that asks for `count` reservations by request."""
    marks = ",".join("?" * count)
    return f"SELECT request, {_ASKED} FROM reservations WHERE request IN ({marks})"  # noqa: S608


def reserve_rows(reserves: Sequence[Reserve]) -> list[tuple[object, ...]]:
    """Parameters for `RESERVE`."""
    return [
        (
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
        for item in reserves
    ]


def sort_out(items: Sequence[Reserve | Settle]) -> tuple[list[Reserve], list[Settlement]]:
    """Reservations that stay open, and settlements, each with its reservation where that is among
    the items too. Of reservations for one request the first counts."""
    asked: dict[str, Reserve] = {}
    ended: list[Settle] = []
    for item in items:
        if type(item) is Reserve:
            asked.setdefault(item.request, item)
        elif type(item) is Settle:
            ended.append(item)
    settles: list[Settlement] = [(item, asked.get(item.request)) for item in ended]
    for item in ended:
        asked.pop(item.request, None)
    return list(asked.values()), settles


def settle_rows(
    settles: Sequence[Settlement], open_: Mapping[str, Asked], number: Callable[[Words], int]
) -> list[tuple[object, ...]]:
    """Parameters for `SETTLE`. `open_` are the reservations of these that were booked earlier,
    `number` gives the label of words."""
    made: list[tuple[object, ...]] = []
    for item, reserve in settles:
        asked = open_.get(item.request) or _asked(reserve)
        utc, key, tenant, route, operation, tag, amount = asked
        words = (
            item.outcome,
            item.code,
            item.source,
            item.model,
            item.upstream_model,
            item.tier,
            key,
            tenant,
            route,
            operation,
            item.substituted,
        )
        usage = item.usage
        made.append(
            (
                item.request,
                micros(item.utc),
                number(words),
                usage.input,
                usage.cached_input,
                usage.cache_write,
                usage.output,
                usage.reasoning,
                1 if usage.estimated else 0,
                item.cost,
                sum([attempt.cost for attempt in item.failed]) if item.failed else 0,
                item.attempts,
                None if item.ttft is None else micros(item.ttft),
                micros(item.duration),
                utc,
                amount,
                tag or "",
                item.drilled or "",
            )
        )
    return made


_NOBODY: Final = (None, None, None, None, None, None, None)
_Facts = tuple[int | None, str | None, str | None, str | None, str | None, str | None, int | None]


def _asked(reserve: Reserve | None) -> _Facts:
    if reserve is None:
        return _NOBODY
    return (
        micros(reserve.utc),
        reserve.key,
        reserve.tenant,
        reserve.route,
        reserve.operation,
        reserve.tag,
        reserve.amount,
    )


def abandoned_row(
    utc: int, line: tuple[Any, ...], number: Callable[[Words], int]
) -> tuple[object, ...]:
    """Parameters for `SETTLE` of a reservation that nobody will settle: a row of `OPEN`."""
    request, given, generated, reserved, key, tenant, route, operation, tag, amount = line
    words = ("abandoned", None, None, None, None, None, key, tenant, route, operation, None)
    used = (given, 0, 0, generated, 0, 1, amount, 0, 0, None, None)
    return request, utc, number(words), *used, reserved, amount, tag or "", ""


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
