"""What a drill came to, and when each source last answered, out of the ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_records import DAY, NOON, reserve, settle

from tollway.ledger.drills import LastUse, Period, Settled, felt
from tollway.ledger.sqlite import open_for_gateway
from tollway.ledger.store import Ledger
from tollway.units import UtcSeconds


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_for_gateway(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def test_the_row_of_a_drilled_request_says_so(ledger: Ledger):
    ledger.book([reserve("a"), reserve("b"), settle("a", drilled="h200"), settle("b")])
    rows = ledger.settled(Period(NOON, NOON, ("chat",)))
    assert sorted(str(row.drilled) for row in rows) == ["None", "h200"]


def test_a_period_holds_what_arrived_in_it_on_its_routes_whenever_it_ended(ledger: Ledger):
    arrived = {"early": NOON - 1, "first": NOON, "last": NOON + 60, "late": NOON + 61}
    for name, utc in arrived.items():
        ledger.book([reserve(name, utc=utc), settle(name, utc=utc + 100, code=name)])
    ledger.book([reserve("other", route="other"), settle("other", code="other")])
    ledger.book([reserve("open", utc=NOON + 5)])
    period = Period(NOON, NOON + 60, ("chat", "never"))
    assert {row.code for row in ledger.settled(period)} == {"first", "last"}
    assert ledger.unsettled(period) == 1
    assert ledger.unsettled(Period(NOON, NOON + 60, ("other",))) == 0


def test_the_last_use_of_each_source_is_known_by_traffic_and_by_drill(ledger: Ledger):
    for name, days, drilled, outcome in (
        ("a", 0, None, "completed"),
        ("b", 3, "mi300x", "completed"),
        ("c", 5, None, "completed"),
        ("d", 9, "mi300x", "failed"),
    ):
        at = NOON + days * DAY
        ledger.book([reserve(name, utc=at), settle(name, utc=at, drilled=drilled, outcome=outcome)])
    midnight = NOON - DAY / 2
    assert ledger.last_uses() == [
        LastUse(
            "chat",
            "h200",
            "llama",
            UtcSeconds(midnight + 5 * DAY),
            UtcSeconds(NOON + 3 * DAY),
        )
    ]


def test_a_group_is_added_up_with_times_of_good_answers_only():
    def row(outcome: str = "completed", **changes: object) -> Settled:
        values: dict[str, object] = {
            "drilled": None,
            "outcome": outcome,
            "code": None,
            "source": "a",
            "ttft": 1.0,
            "duration": 3.0,
            "output": 21,
            "cost": 10**19,
        }
        return Settled(**{**values, **changes})  # pyright: ignore[reportArgumentType]

    group = felt(
        [
            *(row(ttft=float(at), duration=at + 2.0) for at in range(1, 11)),
            row("failed", code="upstream_cut", ttft=99.0, duration=100.0),
            row("refused", code="queue_full", source=None, ttft=None, output=0, cost=0),
            row("refused", code="queue_full", source=None, ttft=None, output=0, cost=0),
            row("cancelled", code="client_left"),
        ]
    )
    assert (group.requests, group.ok, group.failed, group.cancelled) == (14, 10, 3, 1)
    assert dict(group.failures) == {"queue_full": 2, "upstream_cut": 1}
    assert dict(group.sources) == {"a": 10}
    assert (group.ttft_p50, group.ttft_p90, group.speed_p50) == (5.0, 9.0, 10.0)
    assert group.cost == 12 * 10**19


def test_nothing_measured_is_none_and_a_body_in_one_piece_has_no_speed():
    assert felt([]).ttft_p50 is None
    one = Settled(None, "completed", None, "a", 1.0, 1.001, 500, 0)
    assert (felt([one]).ttft_p90, felt([one]).speed_p50) == (1.0, None)
