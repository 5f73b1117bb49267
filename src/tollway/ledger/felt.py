"""What the ledger knows of how sources feel: streamed answers of late, and requests a day."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tollway.feel.observed import Answered
from tollway.ledger import sqlite_timings
from tollway.ledger.database import connect, in_words
from tollway.ledger.query import UsageQuery, day_start
from tollway.ledger.sqlite import open_reader

DAYS = 7
DAY = 86_400.0
MOST = 20_000
"""Answers that are looked at: a median needs no more, and a page has 300 ms."""

Answers = Mapping[tuple[str, str], tuple[Answered, ...]]


def recent_answers(path: Path, now: float) -> Answers:
    """Answers of the last `DAYS` by source and model, the last ones first; none where there is no
    ledger.

    Raises:
        TollwayError: the file is no ledger of this version.
    """
    if not path.is_file():
        return {}
    open_reader(path).close()  # what the journal holds is in the books now
    with in_words(path), closing(connect(path, create=False)) as db:
        found: dict[tuple[str, str], list[Answered]] = {}
        for one in sqlite_timings.recent(db, now - DAYS * DAY, MOST):
            answer = Answered(one.ttft, one.duration, one.output)
            found.setdefault((one.source, one.model), []).append(answer)
    return {pair: tuple(answers) for pair, answers in found.items()}


def requests_a_day(path: Path, now: float) -> float | None:
    """Completed requests a day over the last `DAYS`, from the first day with any; None where there
    is no ledger, or nothing in it.

    Raises:
        TollwayError: the file is no ledger of this version.
    """
    if not path.is_file():
        return None
    with closing(open_reader(path)) as store:
        report = store.usage(UsageQuery(by=("day",), since=day_start(now) - (DAYS - 1) * DAY))
    if not report.total.completed:
        return None
    return report.total.completed / len(report.rows)
