"""The drift tests hold their level whatever the noise, and find a shift of the logits of 0.05."""

import random
from math import sqrt

import pytest
from bench.drift_power import HOUR, SUBJECT, Engine, MadeUp, baseline, engine, p_value

from tollway.gateway.watching.asker import drive
from tollway.pins.drift import border, completions, logprobs
from tollway.pins.drift.asking import Heard, Question, Unheard
from tollway.pins.drift.baseline import baseline_text, read_baseline
from tollway.pins.drift.gathering import CannotWatchError, Plan, gather
from tollway.pins.drift.looking import calls_of, confirm, look
from tollway.pins.drift.spending import MONTH, SINGLE, level

HOURLY = level(HOUR, 1)


def at_least(found: int, of: int) -> float:
    """The lower end of a 95% interval (Agresti-Coull)."""
    share = (found + 2) / (of + 4)
    return share - 1.96 * sqrt(share * (1 - share) / (of + 4))


@pytest.mark.parametrize("lists", [True, False])
def test_a_shift_of_a_twentieth_is_found_at_the_hourly_level(lists: bool) -> None:
    found = trials = 0
    for trial in range(24 if lists else 12):
        draws = random.Random(trial)
        made = baseline(engine("0.01", trial, lists), draws)
        assert made.method == ("logprobs" if lists else "border")
        p = p_value(made, engine("0.01", trial, lists, 0.05), draws)
        found, trials = found + (p <= HOURLY), trials + 1
        if lists:
            assert made.calls + calls_of(made) < 500
        assert calls_of(made) <= 120
    assert at_least(found, trials) > (0.8 if lists else 0.4)


@pytest.mark.parametrize("noise", ["none", "0.03 in steps of 0.125", "two replicas 0.1 apart"])
@pytest.mark.parametrize("lists", [True, False])
def test_an_unchanged_engine_is_seldom_called_different(noise: str, lists: bool) -> None:
    small = checks = 0
    for trial in range(10 if lists else 4):
        draws = random.Random(trial)
        same = engine(noise, trial, lists)
        made = baseline(same, draws)
        for _ in range(15):
            small, checks = small + (p_value(made, same, draws) <= 0.05), checks + 1
    # Checks of one baseline share its luck: the interval is that of the baselines alone.
    assert small / checks < 0.05 + 1.96 * sqrt(0.05 * 0.95 / (checks / 15)) + 0.05


def test_identical_answers_are_no_evidence_and_one_that_differs_everywhere_is() -> None:
    rows = [[(-1.0, -2.0)] * 8] * 10
    still = [(0.005, 0.005)] * 10
    assert logprobs.p_value(rows, [(-1.0, -2.0)] * 10, still) == 1.0
    assert logprobs.p_value(rows, [(-1.004, -2.004)] * 10, still) == 1.0  # within the noise
    assert logprobs.p_value(rows, [(-1.1, -1.9)] * 10, still) < 1e-8


def test_a_level_is_held_exactly_where_every_order_is_as_likely() -> None:
    """Over all orders of a bag, the p-value is at or below any level at most so often."""
    values = [(-1.0,), (-1.0,), (-1.5,), (-1.2,), (-1.2,)]
    orders = [[*values[:at], *values[at + 1 :], values[at]] for at in range(5)]
    found = [
        logprobs.p_value([one[:4], other[:4]], [one[4], other[4]], [(0.0,), (0.0,)])
        for one in orders
        for other in orders
    ]
    for below in (0.04, 0.08, 0.2, 0.5):
        assert sum(p <= below for p in found) <= below * len(found)


def test_a_token_that_is_not_listed_is_at_most_as_likely_as_the_least_that_is() -> None:
    assert logprobs.row(("a", "z"), {"a": -0.1, "b": -3.0}) == (-0.1, -3.0)


def test_ties_that_fall_as_before_are_no_surprise_and_ties_that_all_fall_one_way_are() -> None:
    old = [{"a": 8, "b": 8}] * 12
    assert border.p_value(old, [{"a": 5, "b": 5}] * 12) == 1.0
    assert border.p_value(old, [{"a": 10}] * 12) < 1e-8
    assert border.p_value(old, [{}] * 12) == 1.0


def test_short_answers_confirm_another_model_and_not_the_same_one() -> None:
    draws = random.Random(3)
    same = Engine(seed=1)
    made = drive(gather(SUBJECT, Plan(stories=8, answers=8), draws.randrange), MadeUp(same, draws))
    asked = confirm(made, draws.randrange, 0.01)
    assert (drive(asked, MadeUp(same, draws)).p or 0.0) > 0.01
    asked = confirm(made, draws.randrange, 0.01)
    assert (drive(asked, MadeUp(Engine(seed=1, shift=2.0), draws)).p or 1.0) <= 0.01


def test_a_discrepancy_is_as_large_as_any_order_s_where_all_answers_are_the_same() -> None:
    assert completions.p_value([["x"] * 4], [["x"] * 4], random.Random(1).randrange) == 1.0


def test_the_levels_of_a_month_sum_to_the_share_however_many_are_watched() -> None:
    for models in (1, 7, 50):
        checks = MONTH / HOUR * models
        assert checks * level(HOUR, models) == pytest.approx(SINGLE)
    assert SINGLE < 1.0


def test_a_baseline_is_read_as_it_was_written() -> None:
    for lists in (True, False):
        made = baseline(Engine(lists=lists), random.Random(1))
        assert read_baseline(baseline_text(made), "b.json") == made


class Flaky(MadeUp):
    """Doesn't answer some questions."""

    def __init__(self, lost: int) -> None:
        super().__init__(Engine(), random.Random(1))
        self.lost = lost

    def ask(self, question: Question) -> Heard | Unheard:  # type: ignore[override]
        said = super().ask(question)
        return Unheard("it is down") if self.calls % self.lost == 0 else said


def test_a_check_with_too_few_answers_says_nothing_and_why() -> None:
    made = baseline(Engine(), random.Random(1))
    some = drive(look(made, random.Random(1).randrange), Flaky(3))
    assert some.p is not None
    none = drive(look(made, random.Random(1).randrange), Flaky(1))
    assert (none.p, none.why) == (None, "it is down")


def test_a_source_that_is_down_has_no_baseline_and_says_why() -> None:
    with pytest.raises(CannotWatchError, match="it is down"):
        drive(gather(SUBJECT, Plan(), random.Random(1).randrange), Flaky(1))


class Certain(MadeUp):
    """Lists nothing, and is never in two minds."""

    def ask(self, question: Question) -> Heard:
        self.calls += 1
        return Heard("yes")


def test_a_source_without_log_probabilities_or_ties_cannot_be_watched_and_the_budget_holds() -> (
    None
):
    certain = Certain(Engine(), random.Random(1))
    with pytest.raises(CannotWatchError, match="near a tie"):
        drive(gather(SUBJECT, Plan(calls=800), random.Random(1).randrange), certain)
    assert certain.calls <= 800
