"""Parts of the watch: reports to the gateway, canaries, listings, the state file, the key."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tollway.dispatch.messages import Event, Restored, Withdrawn
from tollway.errors import TollwayError
from tollway.fleet.drifting import DriftSettings
from tollway.fleet.parse import parse
from tollway.gateway.http import Refusal
from tollway.gateway.metrics import Metrics
from tollway.gateway.watching.asker import heard
from tollway.gateway.watching.canaries import PROMPTS, compared
from tollway.gateway.watching.key import own_key
from tollway.gateway.watching.listing import read_listing
from tollway.gateway.watching.reports import take_report
from tollway.gateway.watching.state import Watched, WatchState
from tollway.pins.drift.groups import ROUNDS
from tollway.pins.drift.standing import Standing
from tollway.units import PicoDollars, Seconds

FLEET = parse(
    {
        "f": 'version = 1\n[models.m]\n[sources.a]\nkind = "server"\n'
        'url = "http://127.0.0.1:1/v1"\n[sources.a.serves.m]\n'
    },
    "f",
)


class Board:
    def __init__(self) -> None:
        self.told: list[Event] = []

    def tell(self, event: Event) -> None:
        self.told.append(event)


def report(**facts: str) -> bytes:
    return json.dumps({"source": "a", "model": "m", "standing": "watched", **facts}).encode()


def test_a_report_is_shown_and_dispatch_goes_by_it() -> None:
    board, metrics, said = Board(), Metrics(), list[str]()
    for body in (
        report(standing="withdrawn", why="it differs", said="ALARM"),
        report(standing="alarm"),
    ):
        take_report(body, FLEET, board, metrics, said.append)
    assert board.told == [Withdrawn("a", "m", "drift: it differs"), Restored("a", "m")]
    assert said == ["drift: a/m: ALARM"]
    page = metrics.render().decode()
    assert 'tollway_drift_standing{source="a",model="m",standing="alarm"} 1' in page
    assert 'tollway_drift_standing{source="a",model="m",standing="withdrawn"} 0' in page


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (report(standing="gone"), 400), (report(source="b"), 404),
     (report(model="n"), 404)],
)  # fmt: skip
def test_a_report_that_makes_no_sense_moves_nothing(body: bytes, status: int) -> None:
    board = Board()
    with pytest.raises(Refusal) as refused:
        take_report(body, FLEET, board, Metrics(), print)
    assert refused.value.status == status
    assert board.told == []


def kept_of(answers: dict[str, str]) -> Watched:
    """Members who have given the same answer again and again, with a number that differs."""
    kept = Watched()
    for member, words in answers.items():
        rounds = [[f"{words} {turn}" for _ in range(PROMPTS)] for turn in range(ROUNDS)]
        kept.canaries[member], kept.asked[member] = rounds, ROUNDS
    return kept


def standings(kept: Watched, members: Sequence[str], take_out: bool) -> dict[str, str]:
    compared(kept, ("m", tuple(members)), 0.01, take_out=take_out)
    return {name: it.name for name, it in kept.standings.items()}


@pytest.mark.parametrize(("take_out", "name"), [(False, "differs"), (True, "withdrawn")])
def test_the_odd_one_of_three_is_shown_or_taken_out(take_out: bool, name: str) -> None:
    kept = kept_of({"a/m": "a river runs", "b/m": "a river runs", "c/m": "The quick fox"})
    assert standings(kept, ["a/m", "b/m", "c/m"], take_out) == {"c/m": name}
    assert kept.asked == {"a/m": 0, "b/m": 0, "c/m": 0}  # answers are compared once


def test_two_that_differ_are_both_named_and_neither_is_taken_out() -> None:
    kept = kept_of({"a/m": "a river runs", "b/m": "The quick fox"})
    assert standings(kept, ["a/m", "b/m"], take_out=True) == {}
    assert kept.differing == {"m": [("a/m", "b/m")]}


def test_one_that_is_as_the_others_again_differs_no_more() -> None:
    kept = kept_of(dict.fromkeys(("a/m", "b/m", "c/m"), "a river runs"))
    kept.standings["c/m"] = Standing(name="differs", why="it did")
    assert standings(kept, ["a/m", "b/m", "c/m"], take_out=False) == {"c/m": "unwatched"}


def test_nothing_is_compared_before_there_is_enough_and_nobody_is_waited_for_for_ever() -> None:
    kept = kept_of({"a/m": "a river runs", "b/m": "The quick fox"})
    assert compared(kept, ("m", ("a/m", "b/m", "down/m")), 0.01, take_out=True) == []
    assert kept.differing == {}
    kept.asked["a/m"] += 3
    compared(kept, ("m", ("a/m", "b/m", "down/m")), 0.01, take_out=True)
    assert kept.differing == {"m": [("a/m", "b/m")]}


def test_a_listing_is_read_with_its_last_days_or_is_none() -> None:
    said = {"data": [{"id": "x", "shutdown_date": "2026-12-11"}, {"id": "y"},
                     {"id": "z", "shutdown_date": 1796860800}]}  # fmt: skip
    assert read_listing(json.dumps(said).encode()) == {
        "x": date(2026, 12, 11), "y": None, "z": date(2026, 12, 10),
    }  # fmt: skip
    for wrong in (b"{", b"[]", b'{"data": []}', b'{"data": [{}]}', b'{"data": 3}',
                  json.dumps({**said, "has_more": True}).encode()):  # fmt: skip
        assert read_listing(wrong) is None


def test_the_state_is_whole_or_the_one_before(tmp_path: Path) -> None:
    state = WatchState(tmp_path)
    with state.changing() as kept:
        kept.standings["a/m"] = Standing(name="alarm", why="it differs", alarmed=3.0)

    def broken() -> None:
        with state.changing() as kept:
            kept.standings.clear()
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert state.read().standings["a/m"].name == "alarm"
    (tmp_path / "drift.json").write_bytes(b"{")
    with pytest.raises(TollwayError, match="Move it away"):
        state.read()


def test_the_key_is_made_once_and_anew_where_its_budget_is_another(tmp_path: Path) -> None:
    def made(budget: int) -> tuple[str, bool]:
        pico = PicoDollars(budget)
        drift = DriftSettings("t", Seconds(60.0), Seconds(9.0), 100, pico, "alarm", "show", None)
        return own_key(tmp_path, tmp_path / "ledger.sqlite", drift, 1.0)

    first, new = made(10)
    assert new
    assert made(10) == (first, False)
    second, new = made(20)
    assert new
    assert second != first
    assert (tmp_path / "drift.key").stat().st_mode & 0o777 == 0o600


def test_an_answer_s_listed_tokens_are_read_and_one_of_two_that_look_alike_is_kept() -> None:
    top = [{"token": "a", "logprob": -2.0}, {"token": "a", "logprob": -1.0}]
    listed = {"content": [{"top_logprobs": top}]}
    body = {
        "model": "m", "system_fingerprint": "fp_1",
        "choices": [{"message": {"content": "a"}, "logprobs": listed}],
    }  # fmt: skip
    said = heard(json.dumps(body).encode())
    assert (said.text, said.first, said.model) == ("a", {"a": -1.0}, "m")
    with pytest.raises(LookupError):
        heard(b"{}")
