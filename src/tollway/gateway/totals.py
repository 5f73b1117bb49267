"""What a key has used, read from the ledger beside the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec

from tollway.gateway.log import Log
from tollway.ledger.query import Totals, UsageQuery
from tollway.ledger.sqlite import open_reader
from tollway.units import usd


def ask_totals(
    ledger: Path, key: str, tag: str | None, log: Log, done: Callable[[bytes | None], None]
) -> None:
    """Call `done` with the JSON of `GET /v1/usage`, or None where the ledger cannot be read."""
    loop = asyncio.get_running_loop()
    reading = loop.run_in_executor(None, _read, ledger, key, tag)

    def answer(read: asyncio.Future[bytes]) -> None:
        error = None if read.cancelled() else read.exception()
        if error is not None:
            log.fault(error)
        done(None if read.cancelled() or error is not None else read.result())

    reading.add_done_callback(answer)


def _read(ledger: Path, key: str, tag: str | None) -> bytes:
    """Settled totals of a key, by source. `cost` is pico-dollars."""
    store = open_reader(ledger)
    try:
        report = store.usage(UsageQuery(by=("source",), key=key, tag=tag))
    finally:
        store.close()
    rows = [{"source": row.group[0], **_shown(row.totals)} for row in report.rows]
    answer = {"key": key, "tag": tag, "total": _shown(report.total), "rows": rows}
    return msgspec.json.encode({**answer, "open": report.open_count})


def _shown(totals: Totals) -> dict[str, object]:
    return {**asdict(totals), "cost_usd": str(usd(totals.cost))}
