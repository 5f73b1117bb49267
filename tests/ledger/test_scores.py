"""Scores beside the books: written once, read without a gateway, made of what sources were sent."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_records import DAY, NOON, failed, reserve, settle
from older_ledger import age

from tollway.dispatch.messages import Settle
from tollway.fleet.usage import Usage
from tollway.ledger.scores import keep_scores, read_scores, served
from tollway.ledger.sqlite import open_for_gateway
from tollway.simulator.scores import Claim, Figure, Score

SCORE = Score(
    day=20_000,
    source="own",
    model="llama",
    claim=Claim("llama-3.1-8b", "h100", "vllm", "abc"),
    deployment="1 x tp 1 h100",
    provenance="measured",
    version="0.1",
    made=NOON,
    emulated=False,
    fitted_later=False,
    near=True,
    requests=500,
    figures=(
        Figure("ttft_p50", 400, 0.123456789, 0.1, 0.07, 0.2),
        Figure("tpot_p50", 300, 0.009, 0.008765432, 0.008, 0.01),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def book(path: Path, *items: Settle) -> None:
    with closing(open_for_gateway(path)) as ledger:
        assert ledger.book([reserve(item.request) for item in items]) == {}
        assert ledger.book(items) == {}


def test_a_score_comes_back_as_it_was_kept(path: Path):
    other = replace(SCORE, day=20_001, emulated=True, fitted_later=True, near=False, figures=())
    keep_scores(path, [SCORE, other])
    assert read_scores(path) == [SCORE, other]


def test_a_prediction_is_never_written_over(path: Path):
    keep_scores(path, [SCORE])
    better = replace(SCORE, version="0.2", figures=(Figure("ttft_p50", 1, 9.0, 9.0, 9.0, 9.0),))
    keep_scores(path, [better])
    assert read_scores(path) == [SCORE]


def test_another_deployment_and_other_constants_are_kept_beside_it(path: Path):
    some = [
        SCORE,
        replace(SCORE, made=NOON + 1, deployment="2 x tp 1 h100"),
        replace(SCORE, made=NOON + 2, claim=replace(SCORE.claim, constants="def")),
    ]
    keep_scores(path, some)
    assert read_scores(path) == some


def test_scores_are_kept_beside_a_live_gateway(path: Path):
    with closing(open_for_gateway(path)):
        keep_scores(path, [SCORE])
        assert read_scores(path) == [SCORE]


def test_without_a_ledger_nobody_was_scored_and_none_is_made(path: Path):
    assert read_scores(path) == []
    assert not path.exists()


def test_a_ledger_of_before_scores_has_none(path: Path):
    open_for_gateway(path).close()
    age(path, 4)
    assert read_scores(path) == []
    keep_scores(path, [SCORE])
    assert read_scores(path) == [SCORE]


def test_what_a_source_was_sent_is_told_by_when_it_was(path: Path):
    book(
        path,
        settle("late", utc=NOON + 10.0, duration=2.0, ttft=0.5),
        settle("early", utc=NOON + 9.0, duration=8.0, ttft=0.5),
        settle("before", utc=NOON + 0.5, duration=1.0),
        settle("after", utc=NOON + DAY + 1.0, duration=0.5),
    )
    found = served(path, NOON, NOON + DAY)
    assert [one.sent for one in found] == [NOON + 1.0, NOON + 8.0]
    one = found[1]
    assert (one.source, one.model, one.ttft, one.duration) == ("h200", "llama", 0.5, 2.0)
    assert (one.input, one.cached, one.output, one.known) == (100, 40, 50, True)


def test_earlier_attempts_have_passed_before_and_are_not_timed(path: Path):
    tried = settle("r", utc=NOON + 10.0, duration=3.0, ttft=1.5, attempts=2, failed=(failed(),))
    book(path, tried)
    [one] = served(path, NOON, NOON + DAY)
    assert (one.sent, one.ttft, one.duration, one.known) == (NOON + 7.5, 1.0, 2.5, False)


def test_what_was_counted_here_or_broke_off_is_load_only(path: Path):
    book(
        path,
        settle("counted", utc=NOON + 5.0, usage=Usage(input=10, output=5, estimated=True)),
        settle("broke", utc=NOON + 5.0, outcome="cancelled"),
        settle("nowhere", utc=NOON + 5.0, outcome="refused", source=None, model=None),
    )
    assert [one.known for one in served(path, NOON, NOON + DAY)] == [False, False]


def test_embeddings_are_no_load_of_an_engine_that_generates(path: Path):
    with closing(open_for_gateway(path)) as ledger:
        ledger.book([reserve("e", operation="embedding"), settle("e", utc=NOON + 5.0)])
    assert served(path, NOON, NOON + DAY) == []
