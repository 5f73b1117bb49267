"""What the ledger knows of how sources feel: streamed answers of late, and requests a day."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_records import DAY, NOON, reserve, settle

from tollway.cli.feel_source import of_source
from tollway.cli.feel_streams import daily_requests
from tollway.cli.where import Where
from tollway.dispatch.messages import Settle
from tollway.errors import TollwayError
from tollway.feel.observed import Answered
from tollway.ledger.felt import recent_answers, requests_a_day
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(open_for_gateway(tmp_path / "ledger.sqlite")) as found:
        yield found


def book(ledger: SqliteLedger, *items: Settle) -> None:
    assert ledger.book([reserve(item.request) for item in items]) == {}
    assert ledger.book(items) == {}


def test_answers_of_the_last_week_come_by_source_and_model_the_last_ones_first(
    ledger: SqliteLedger,
) -> None:
    book(
        ledger,
        settle("old", utc=NOON - 8 * DAY),
        settle("a", utc=NOON - DAY, ttft=0.5),
        settle("b", utc=NOON, ttft=0.25),
        settle("other", utc=NOON, source="api"),
        settle("whole", utc=NOON, ttft=None),
        settle("cut", utc=NOON, outcome="failed"),
        settle("second", utc=NOON, attempts=2),
    )
    found = recent_answers(ledger, NOON)
    assert found["h200", "llama"] == (Answered(0.25, 1.5, 50), Answered(0.5, 1.5, 50))
    assert set(found) == {("h200", "llama"), ("api", "llama")}


def test_requests_a_day_are_the_mean_of_days_that_had_any(ledger: SqliteLedger) -> None:
    assert requests_a_day(ledger, NOON) is None
    book(ledger, *(settle(f"a{at}", utc=NOON) for at in range(5)))
    book(ledger, *(settle(f"b{at}", utc=NOON - 3 * DAY) for at in range(2)))
    book(ledger, settle("old", utc=NOON - 9 * DAY))
    assert requests_a_day(ledger, NOON) == 3.5


def test_a_source_is_felt_from_the_ledger_where_no_gateway_runs(
    ledger: SqliteLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(ledger, *(settle(f"r{at}", utc=NOON, duration=1.23) for at in range(9)))
    monkeypatch.setattr("time.time", lambda: NOON)
    where = Where(ledger=str(tmp_path / "ledger.sqlite"), state=str(tmp_path))
    felt = of_source("h200:llama", where, 10.0)
    assert felt.rate == pytest.approx(50.0)
    assert "measured: 9 answers that ended in the last 7 days, in the ledger" in felt.origin
    assert "tokens come evenly" in felt.origin
    assert daily_requests(None, where) == (9.0, "the ledger's mean of the last 7 days")
    with pytest.raises(TollwayError, match=r'known: h200\. Did you mean "h200"'):
        of_source("h20", where, 10.0)
