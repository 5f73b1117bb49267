"""Who differs from whom, and what can be said of it; what a check makes of a standing; ends."""

from datetime import date, timedelta
from itertools import combinations

import pytest

from tollway.fleet.parse import parse
from tollway.pins.drift.groups import grouped, odd_ones
from tollway.pins.drift.looking import SUSPECT, Look
from tollway.pins.drift.pacing import DAY, pace
from tollway.pins.drift.standing import (
    Standing,
    after_confirmation,
    after_look,
    after_vanishing,
    cleared,
)
from tollway.pins.shutdown import ending
from tollway.units import Seconds

SOURCE = """[sources.{0}]
kind = "server"
url = "http://127.0.0.1:{1}/v1"
[sources.{0}.serves.m]
{2}
"""


def apart(*pairs: str) -> list[frozenset[str]]:
    return [frozenset(it) for it in pairs]


def test_the_odd_one_differs_from_a_majority_that_agrees() -> None:
    assert odd_ones("abc", apart("ac", "bc")) == ("c",)
    assert odd_ones("abcde", apart("ad", "bd", "cd", "ae", "be", "ce")) == ("d", "e")
    assert odd_ones("abc", []) == ()


def test_of_two_that_differ_nobody_can_say_which_is_wrong() -> None:
    assert odd_ones("ab", apart("ab")) is None
    assert odd_ones("abcd", apart("ac", "ad", "bc", "bd")) is None  # two against two
    assert odd_ones("abc", apart("ab", "bc", "ac")) is None  # everybody against everybody
    assert odd_ones("abc", apart("ac")) is None  # b is like both
    many = "abcdefghijklm"
    assert odd_ones(many, [frozenset(it) for it in combinations(many, 2)]) is None


def test_only_what_is_declared_the_same_is_compared() -> None:
    texts = ['precision = "fp8"', 'precision = "fp8"', 'precision = "bf16"', ""]
    sources = "".join(SOURCE.format(f"s{at}", 9000 + at, it) for at, it in enumerate(texts))
    fleet = parse({"f": f"version = 1\n[models.m]\n{sources}[tenants.t]\n"}, "f")
    assert grouped(fleet) == {"m (fp8)": ("s0/m", "s1/m")}


def test_an_alarm_stays_until_it_is_cleared_whatever_later_checks_say() -> None:
    fine, odd, lost = Look(0.5, 20), Look(1e-6, 20, second=True), Look(None, 3, "it is down")
    standing = after_look(Standing(), fine, 0.001, 1.0)
    assert standing.name == "watched"
    assert after_look(standing, lost, 0.001, 2.0).name == "unwatched"
    standing = after_look(standing, odd, 0.001, 3.0)
    assert (standing.name, standing.alarmed) == ("alarm", 3.0)
    for look in (fine, lost, odd):
        standing = after_look(standing, look, 0.001, 4.0)
        assert (standing.name, standing.alarmed) == ("alarm", 3.0)
    assert standing.calls == 20 + 20 + 20 + 3 + 20
    assert cleared(standing).name == "unwatched"


def test_only_a_second_look_alarms_and_until_it_is_made_the_standing_is_what_it_was() -> None:
    first, lost = Look(1e-9, 20), Look(None, 3, "it is down")
    standing = after_look(Standing(name="watched", why=""), first, 0.001, 1.0)
    assert (standing.name, standing.suspected, standing.level) == ("watched", True, SUSPECT)
    waiting = after_look(standing, lost, 0.001, 2.0)
    assert (waiting.name, waiting.suspected) == ("unwatched", True)
    for p, name in ((0.0011, "watched"), (0.001, "alarm")):
        after = after_look(standing, Look(p, 60, second=True), 0.001, 3.0)
        assert (after.name, after.suspected, after.level) == (name, False, 0.001)


def test_nothing_is_done_before_the_confirmation_or_where_only_the_alarm_is_asked_for() -> None:
    alarm = after_look(Standing(), Look(1e-6, 20, second=True), 0.001, 1.0)
    sure, unsure, none = Look(0.001, 100), Look(0.2, 100), Look(None, 3, "it is down")
    assert after_confirmation(alarm, sure, 0.01, "open-breaker").name == "withdrawn"
    assert after_confirmation(alarm, sure, 0.01, "alarm").name == "alarm"
    for look in (unsure, none):
        assert after_confirmation(alarm, look, 0.01, "open-breaker").name == "alarm"
    assert after_confirmation(Standing(), sure, 0.01, "open-breaker").name == "unwatched"


def test_a_model_that_is_gone_is_an_alarm_without_statistics() -> None:
    gone = after_vanishing(Standing(), "m-2026", 5.0)
    assert (gone.name, gone.alarmed) == ("alarm", 5.0)
    assert after_vanishing(gone, "m-2026", 9.0) is gone


def test_checks_are_further_apart_where_a_day_s_calls_do_not_do() -> None:
    hour = Seconds(3600.0)
    assert pace(hour, [20, 20], 5000) == hour
    assert pace(hour, [20, 120], 1000) == pytest.approx(DAY * 140 / 800)


@pytest.mark.parametrize(
    ("left", "stage", "finding"),
    [(91, None, False), (90, 90, False), (31, 90, False), (30, 30, True), (7, 7, True),
     (0, 7, True), (-3, 7, True)],
)  # fmt: skip
def test_an_end_is_said_90_30_and_7_days_ahead(left: int, stage: int | None, finding: bool) -> None:
    today = date(2026, 11, 1)
    found = ending("a/m", today + timedelta(days=left), today)
    if stage is None:
        assert found is None
        return
    assert found is not None
    assert (found.left, found.stage, found.is_finding) == (left, stage, finding)
    assert ("days ago" in str(found)) == (left < 0)


def test_a_model_whose_end_is_not_announced_has_none() -> None:
    assert ending("a/m", None, date(2026, 11, 1)) is None
