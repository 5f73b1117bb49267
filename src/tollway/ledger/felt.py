"""What the ledger knows of how sources feel: streamed answers of late, and requests a day."""

from collections.abc import Mapping

from tollway.feel.observed import Answered
from tollway.ledger.query import UsageQuery, day_start
from tollway.ledger.sqlite import SqliteLedger

DAYS = 7
DAY = 86_400.0
MOST = 20_000
"""Answers that are looked at: a median needs no more, and a page has 300 ms."""

Answers = Mapping[tuple[str, str], tuple[Answered, ...]]


def recent_answers(ledger: SqliteLedger, now: float) -> Answers:
    """Answers of the last `DAYS` by source and model, the last ones first."""
    found: dict[tuple[str, str], list[Answered]] = {}
    for one in ledger.recent(now - DAYS * DAY, MOST):
        answer = Answered(one.ttft, one.duration, one.output)
        found.setdefault((one.source, one.model), []).append(answer)
    return {pair: tuple(answers) for pair, answers in found.items()}


def requests_a_day(ledger: SqliteLedger, now: float) -> float | None:
    """Completed requests a day over those of the last `DAYS` that had any; None where none had."""
    since = day_start(now) - (DAYS - 1) * DAY
    report = ledger.usage(UsageQuery(by=("day",), since=since))
    busy = sum(row.totals.completed > 0 for row in report.rows)
    return report.total.completed / busy if busy else None
