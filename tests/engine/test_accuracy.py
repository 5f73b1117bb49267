"""The shipped constants are as accurate on the shipped results as the documentation says.

Every eighth result, so that it takes a second; `tollway validate` asks about all of them.
"""

import pytest

from tollway.engine import anchors
from tollway.engine.anchors import Anchor, calibrate
from tollway.engine.fitted import CONSTANTS, constants, fitted
from tollway.engine.measured import measured, question_of
from tollway.engine.predict import predict
from tollway.engine.sustain import sustained
from tollway.engine.validation import (
    Report,
    Scored,
    Split,
    accuracy,
    coverage,
    held,
    load_accuracy,
    sliced,
    validate,
)


@pytest.fixture(scope="module")
def report() -> Report:
    rows = [row for row in measured() if row.use == "fit"]
    return validate(rows[::8])


def _of(report: Report, split: Split) -> list[Scored]:
    return [one for one in report.scored if one.split == split]


@pytest.mark.parametrize(
    ("split", "tpot", "ttft"),
    [("fitted", 10, 23), ("model left out", 12, 25), ("chip left out", 12, 28)],
)
def test_median_errors_are_below_what_is_claimed(
    report: Report, split: Split, tpot: float, ttft: float
) -> None:
    answers = _of(report, split)
    one, other = accuracy(answers, "tpot"), accuracy(answers, "ttft", saturated=False)
    assert one is not None
    assert other is not None
    assert one.median < tpot
    assert other.median < ttft
    assert one.p90 < 38
    assert other.p90 < 80


@pytest.mark.parametrize("split", ["model left out", "chip left out"])
def test_intervals_hold_four_fifths_of_what_was_left_out(report: Report, split: Split) -> None:
    for metric in ("tpot", "ttft"):
        share = coverage(held(_of(report, split), metric))
        assert share is not None
        assert 0.74 < share < 0.90


def test_the_largest_load_is_found_near_saturation(report: Report) -> None:
    rows = [row for row in measured() if row.model == "llama-3.1-70b"]
    found = load_accuracy(_of(validate(rows), "model left out"))
    assert found is not None
    assert found.median < 20
    assert report.answered == report.readable


def test_every_result_has_a_source_that_may_be_shipped_and_none_is_dropped() -> None:
    rows = measured()
    assert {row.source for row in rows} == {"inferencex", "aiconfigurator", "gpustack"}
    assert all((row.use == "none") == (row.unanswered is not None) for row in rows)


def test_slices_add_up_to_the_whole(report: Report) -> None:
    answers = _of(report, "fitted")
    for by in ("chip", "model", "framework", "concurrency"):
        assert sum(map(len, sliced(answers, by).values())) == len(answers)


def test_the_file_of_constants_is_whole() -> None:
    written = fitted()
    assert tuple(written["constants"]) == CONSTANTS  # type: ignore[arg-type]
    assert set(written["folds"]) == {"family", "generation"}  # type: ignore[arg-type]


def test_shares_of_peak_are_shares() -> None:
    shared = constants()
    for name in ("weight_read", "kv_read", "math", "expert_math", "link", "score_prefill"):
        assert 0.05 < getattr(shared, name) < 1.0, name


def test_three_results_of_a_slower_deployment_teach_its_slowness() -> None:
    rows = [
        row
        for row in measured()
        if row.model == "llama-3.1-70b" and row.chip == "h200" and row.framework == "vllm"
    ]
    questions = [question_of(row) for row in rows if row.fields["tp"] == "8"]
    slow = anchors.moved(constants(), (0.5, 0.1, 0.2, 0.0, 0.4))
    answers = [predict(question, fitted=slow) for question in questions]
    taught = [
        Anchor(question, answer.tpot.value, answer.ttft.value if answer.ttft else None)
        for question, answer in zip(questions, answers, strict=True)
    ]
    learned = calibrate([taught[0], taught[7], taught[-1]])
    assert learned.factors["launches"] > 1.3
    for question, answer in zip(questions, answers, strict=True):
        again = predict(question, fitted=learned.constants)
        assert again.origin == "measured here"
        assert again.tpot.value == pytest.approx(answer.tpot.value, rel=0.05)


def test_the_sustained_load_keeps_its_promise_and_one_more_step_would_not() -> None:
    row = next(row for row in measured() if row.model == "llama-3.1-70b" and row.use == "fit")
    question = question_of(row)
    found = sustained(question, tpot=0.03)
    assert found.tpot <= 0.03
    assert found.concurrency > 1
    assert sustained(question, tpot=1e-4).concurrency == 0
