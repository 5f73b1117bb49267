"""Drills as they are asked for over the admin socket."""

import json

import pytest

from tollway.dispatch.messages import Drill, DrillOver, Event
from tollway.fleet.parse import parse
from tollway.gateway import drills
from tollway.gateway.http import Refusal

SOURCE = '[sources.{0}]\nkind = "server"\nurl = "http://127.0.0.1:{1}/v1"\n[sources.{0}.serves.m]\n'
FLEET = parse(
    {
        "f": "version = 1\n[models.m]\n[models.lone]\n"
        + SOURCE.format("a", 1)
        + "[sources.a.serves.lone]\n"
        + SOURCE.format("b", 2)
        + SOURCE.format("idle", 3)
        + '[routes.chat]\nmodel = "m"\ncandidates = ["a"]\nfallbacks = ["b"]\n'
        + '[routes.m]\nmodel = "m"\ncandidates = ["b"]\n'
    },
    "f",
)


class Board:
    def __init__(self) -> None:
        self.told: list[Event] = []

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def utc(self) -> float:
        return 1_800_000_000.0


def order(**changes: object) -> bytes:
    return json.dumps({"source": "a", "share": 0.01, "seconds": 60, **changes}).encode()


def test_a_drill_is_told_to_dispatch_and_its_routes_are_named() -> None:
    board = Board()
    line, answer = drills.begin(order(), FLEET, None, board)
    assert board.told == [Drill("a", 0.01, 60.0)]
    assert answer["routes"] == ["chat", "lone"]
    assert answer["alone"] == ["lone"]
    assert "a is taken from 0.01" in line
    drills.end(board)
    assert board.told[1:] == [DrillOver()]


@pytest.mark.parametrize(
    ("body", "running", "status", "words"),
    [
        (b"{", None, 400, "cannot be read"),
        (order(extra=1), None, 400, "cannot be read"),
        (order(source="aa"), None, 404, 'Did you mean "a"?'),
        (order(source="idle"), None, 409, "No route uses"),
        (order(share=0), None, 400, "above 0"),
        (order(share=1.5), None, 400, "1 at most"),
        (order(share=1), None, 409, "all is meant"),
        (order(share=0.9999999999), None, 409, "all is meant"),
        (order(seconds=0), None, 400, "3600 s at most"),
        (order(seconds=3601), None, 400, "3600 s at most"),
        (order(), "b", 409, "One drill at a time"),
    ],
)
def test_an_order_that_makes_no_sense_begins_nothing(
    body: bytes, running: str | None, status: int, words: str
) -> None:
    board = Board()
    with pytest.raises(Refusal) as refused:
        drills.begin(body, FLEET, running, board)
    assert refused.value.status == status
    assert words in refused.value.message
    assert board.told == []


def test_the_whole_of_the_traffic_is_taken_from_who_says_so() -> None:
    board = Board()
    drills.begin(order(share=1, all=True), FLEET, None, board)
    assert board.told == [Drill("a", 1.0, 60.0)]
