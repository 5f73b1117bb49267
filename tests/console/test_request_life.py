"""A request's life: out of the gateway's words, and out of the ledger's."""

import pytest
from ledger_records import NOON, failed, reserve, settle

from tollway.console.requests.drawn import drawn
from tollway.console.requests.life import from_gateway, from_ledger
from tollway.ledger.search import Whole
from tollway.ledger.sqlite import open_for_gateway
from tollway.ledger.sqlite_search import one

TOLD = {
    "id": "r1",
    "phase": "ended",
    "arrived": NOON,
    "sent": NOON + 0.4,
    "ended": NOON + 3.0,
    "outcome": "completed",
    "code": None,
    "attempts": [
        {
            "attempt": 1,
            "source": "<h200>",
            "sent": NOON + 0.4,
            "first": None,
            "ended": NOON + 0.9,
            "end": "status",
            "status": 503,
            "pauses": [],
        },
        {
            "attempt": 2,
            "source": "b200",
            "sent": NOON + 1.0,
            "first": NOON + 1.5,
            "ended": NOON + 3.0,
            "end": "completed",
            "status": None,
            "pauses": [{"offset": 1.0, "seconds": 0.5}],
        },
    ],
}


def test_the_gateways_moments_are_queue_attempts_first_token_gaps_and_end():
    life = from_gateway(TOLD, NOON + 9.0)
    kinds = [[(it.kind, round(it.start, 3), round(it.end, 3)) for it in lane.stretches]
             for lane in life.lanes]  # fmt: skip
    assert kinds == [
        [("queued", 0.0, 0.4)],
        [("failed", 0.4, 0.9)],
        [("waiting", 1.0, 1.5), ("streaming", 1.5, 3.0), ("pause", 2.0, 2.5)],
    ]
    assert [it.words for it in life.marks][-1] == "settled: completed"
    assert "attempt 1 failed: status 503" in [it.words for it in life.marks]
    assert life.until == 3.0
    picture = drawn(life)
    assert picture.count("<rect") == 5
    assert "<h200>" not in picture
    assert "&lt;h200&gt;" in picture
    assert "style=" not in picture


def test_a_stream_that_broke_off_is_marked_where_it_did():
    cut = {**TOLD["attempts"][1], "end": "upstream_cut"}
    life = from_gateway({**TOLD, "outcome": "failed", "attempts": [cut]}, NOON + 9.0)
    (_, lane) = life.lanes
    assert [(it.kind, round(it.end, 3)) for it in lane.stretches if it.kind == "failed"] == [
        ("failed", 3.0)
    ]
    assert "attempt 2 failed: upstream_cut" in [it.words for it in life.marks]


def test_moments_are_in_order_and_no_gap_begins_before_the_first_token():
    early = {**TOLD["attempts"][1], "pauses": [{"offset": 0.4999, "seconds": 0.5}]}
    life = from_gateway({**TOLD, "attempts": [early]}, NOON + 9.0)
    assert [it.at for it in life.marks] == sorted(it.at for it in life.marks)
    words = [it.words for it in life.marks]
    assert words.index("first token from b200") < words.index("a gap of 500 ms between tokens")
    assert life.notes == ()


def test_where_only_the_longest_gaps_are_kept_that_is_said():
    gaps = [{"offset": 0.5 + n / 10, "seconds": 0.05} for n in range(8)]
    many = {**TOLD["attempts"][1], "pauses": gaps}
    life = from_gateway({**TOLD, "attempts": [many]}, NOON + 9.0)
    assert any("8 longest" in note for note in life.notes)


def test_a_request_that_runs_reaches_to_now():
    running = {**TOLD, "ended": None, "phase": "queued", "sent": None, "attempts": []}
    life = from_gateway(running, NOON + 2.0)
    assert [it.kind for lane in life.lanes for it in lane.stretches] == ["queued"]
    assert (life.until, life.marks[-1].words) == (2.0, "now: queued")


@pytest.fixture
def whole(tmp_path):
    ledger = open_for_gateway(tmp_path / "ledger.sqlite")
    try:
        tried = (failed(duration=0.2), failed(2, kind="stall", status=None, duration=0.3))
        ledger.book([reserve(), settle(failed=tried, attempts=3, ttft=0.8, duration=2.0)])
        yield ledger.ask(lambda db: one(db, "r1"))
    finally:
        ledger.close()


def test_the_ledgers_moments_are_one_after_another_and_say_what_is_not_known(whole: Whole):
    life = from_ledger(whole)
    spans = [(it.kind, it.start, it.end) for lane in life.lanes for it in lane.stretches]
    assert spans == [
        ("failed", 0.0, 0.2),
        ("failed", 0.2, 0.5),
        ("waiting", 0.5, 0.8),
        ("streaming", 0.8, 2.0),
    ]
    assert any("does not keep how long it queued" in note for note in life.notes)
    assert any("one after another" in note for note in life.notes)
