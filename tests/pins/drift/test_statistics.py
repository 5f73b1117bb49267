"""The drift tests hold their level whatever the noise, and find a shift of the logits of 0.05."""

import random
from itertools import combinations
from math import sqrt

import pytest
from bench.drift_power import (
    HOUR,
    PLAN,
    SUBJECT,
    Engine,
    MadeUp,
    alarmed,
    baseline,
    check,
    engine,
)

from tollway.gateway.watching.asker import drive
from tollway.pins.drift import border, completions, logprobs
from tollway.pins.drift.asking import Heard, Question, Unheard
from tollway.pins.drift.baseline import baseline_text, read_baseline
from tollway.pins.drift.gathering import CannotWatchError, Plan, gather
from tollway.pins.drift.looking import calls_of, confirm, look
from tollway.pins.drift.spending import MONTH, SINGLE, level
from tollway.pins.drift.together import together

HOURLY = level(HOUR, 1)


def at_least(found: int, of: int) -> float:
    """The lower end of a 95% interval (Agresti-Coull)."""
    share = (found + 2) / (of + 4)
    return share - 1.96 * sqrt(share * (1 - share) / (of + 4))


@pytest.mark.parametrize("noise", ["0.01", "0.05", "two replicas 0.1 apart"])
def test_a_shift_of_a_twentieth_is_found_for_fewer_than_500_calls(noise: str) -> None:
    found = trials = 0
    for trial in range(12):
        draws = random.Random(trial)
        made = baseline(engine(noise, trial, lists=True), draws)
        assert made.method == "logprobs"
        assert made.calls + calls_of(made) + calls_of(made, second=True) < 500
        seen = check(made, engine(noise, trial, lists=True, shift=0.05), draws)
        found, trials = found + alarmed(seen, HOURLY), trials + 1
    assert at_least(found, trials) > 0.7


def test_a_shift_of_a_tenth_is_found_without_log_probabilities() -> None:
    found = trials = 0
    for trial in range(8):
        draws = random.Random(trial)
        made = baseline(engine("none", trial, lists=False), draws)
        assert made.method == "border"
        assert made.calls <= PLAN.calls
        seen = check(made, engine("none", trial, lists=False, shift=0.1), draws)
        found, trials = found + alarmed(seen, HOURLY), trials + 1
    assert at_least(found, trials) > 0.3


@pytest.mark.parametrize("noise", ["none", "0.03 in steps of 0.125", "two replicas 0.1 apart"])
@pytest.mark.parametrize("lists", [True, False], ids=["logprobs", "border"])
def test_an_unchanged_engine_is_seldom_called_different(noise: str, lists: bool) -> None:
    small = checks = 0
    for trial in range(6 if lists else 4):
        draws = random.Random(trial)
        same = engine(noise, trial, lists)
        made = baseline(same, draws)
        for second in (False, False, False, False, True):
            seen = drive(look(made, draws.randrange, second=second), MadeUp(same, draws))
            small, checks = small + ((seen.p or 0.0) <= 0.05), checks + 1
    # Looks of one baseline share its luck: the interval is that of the baselines alone.
    assert small / checks < 0.05 + 1.96 * sqrt(0.05 * 0.95 / (checks / 5)) + 0.05


def test_identical_answers_are_no_evidence_and_one_that_differs_is() -> None:
    rows = [(-1.0, -2.0)] * 8
    assert logprobs.prompt_p(rows, [(-1.0, -2.0)], 0.03) == 1.0
    assert logprobs.prompt_p(rows, [(-1.009, -2.009)], 0.03) == 1.0  # within the tolerance
    assert logprobs.prompt_p(rows, [(-1.1, -1.9)], 0.03) == pytest.approx(1 / 9)


def test_a_value_that_the_baseline_heard_is_no_evidence_however_often_it_comes_now() -> None:
    """An engine's batches of several shapes give a prompt a few values; the load says how often."""
    one, other, third = (-1.0, -2.0), (-1.2, -1.7), (-0.9, -2.2)
    rows = [one] * 9 + [other] * 2 + [third]
    for now in ([other] * 3, [third] * 3, [one, other, third]):
        assert logprobs.prompt_p(rows, now, 0.03) == 1.0
    moved = [(-1.15, -1.8)] * 3
    assert logprobs.prompt_p(rows, moved, 0.03) < 0.01


def test_a_level_is_held_exactly_where_every_order_is_as_likely() -> None:
    """Over all choices of the new calls, the p-value is at or below any level at most so often."""
    values = [(-1.0,), (-1.0,), (-1.5,), (-1.2,), (-1.21,), (-1.9,)]
    for new in (1, 2, 3):
        for near in (0.0, 0.03, 0.5):
            found = [
                logprobs.prompt_p(
                    [it for at, it in enumerate(values) if at not in chosen],
                    [values[at] for at in chosen],
                    near,
                )
                for chosen in combinations(range(len(values)), new)
            ]
            for below in (0.04, 0.08, 0.2, 0.5):
                assert sum(p <= below for p in found) <= below * len(found) + 1e-9


def test_prompts_together_hold_the_level_that_each_holds_whatever_the_spared_ones_say() -> None:
    draws = random.Random(2)
    trials = 4000
    for spared in (0, 3):
        for below in (0.05, 0.005):
            found = sum(
                together([1e-12] * spared + [draws.random() for _ in range(10)], spared) <= below
                for _ in range(trials)
            )
            assert found / trials < below + 2.6 * sqrt(below / trials)
    assert together([1e-12] * 4 + [0.5] * 10, 3) < 1e-4  # one more than is spared
    assert together([], 0) == 1.0


def test_no_alarm_before_eleven_of_twenty_prompts_say_what_was_never_heard() -> None:
    unheard = logprobs.prompt_p([(-1.0,)] * 12, [(-1.5,)] * 3, 0.03)
    assert unheard == pytest.approx(1 / 455)
    assert together([unheard] * 10 + [1.0] * 10, 5) > HOURLY
    assert together([unheard] * 11 + [1.0] * 9, 5) <= HOURLY


def test_a_token_that_is_not_listed_is_at_most_as_likely_as_the_least_that_is() -> None:
    assert logprobs.row(("a", "z"), {"a": -0.1, "b": -3.0}) == (-0.1, -3.0)


def test_ties_that_fall_as_before_are_no_surprise_and_ties_that_all_fall_one_way_are() -> None:
    old = [{"a": 8, "b": 8}, {"a": 8, "b": 8}]
    assert border.prompt_p(old, {"a": 5, "b": 5}) == 1.0
    assert border.prompt_p(old, {"a": 10}) < 0.02


def test_a_tie_that_falls_as_it_did_side_by_side_is_no_surprise() -> None:
    alone, beside = {"a": 19, "b": 1}, {"a": 2, "b": 18}
    assert border.prompt_p([alone, beside], {"a": 1, "b": 9}) > 0.5
    assert border.prompt_p([alone], {"a": 1, "b": 9}) < 1e-4


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
