"""Capacity in tokens at a promise is the engine model's, at the best layout."""

from dataclasses import replace

import pytest
from planner_problems import speeds

from tollway.catalog import chip, model
from tollway.engine import EngineSettings, Layout, Question, Workload, predict, sustained
from tollway.errors import TollwayError
from tollway.planner.speeds import TENSOR, Load
from tollway.units import Seconds, TokensPerSecond

CHAT = Load(2000, 400, Seconds(2.0), TokensPerSecond(25.0), "fp8")


def by_hand(tp: int) -> float:
    """Tokens an hour a chip."""
    asked = Question(
        model("llama-3.3-70b"),
        chip("h200"),
        Workload(2000, 400),
        Layout(tp=tp),
        EngineSettings(precision="fp8"),
    )
    users = sustained(asked, 1 / 25, 2.0).concurrency
    busy = Question(
        asked.model, asked.chip, Workload(2000, 400, concurrency=users), asked.layout,
        asked.settings,
    )  # fmt: skip
    return predict(busy).total_tokens.value * 6 * 3600 / tp if users else 0.0


def test_it_is_what_predict_says_at_the_largest_load_that_keeps_the_promise() -> None:
    found = speeds().pace("h200", "llama-3.3-70b", CHAT, 8)
    best = max(TENSOR[:4], key=by_hand)
    assert found.chips == best
    assert found.tokens.value / found.chips == pytest.approx(by_hand(best))
    assert found.origin == "measured"
    assert found.tokens.low < found.tokens.value < found.tokens.high


def test_chips_that_no_whole_replica_can_be_made_of_are_idle() -> None:
    found = speeds().pace("h200", "llama-3.3-70b", CHAT, 8)
    assert found.of(found.chips * 3 + found.chips - 1) == found.of(found.chips * 3)


def test_without_a_promise_the_batch_is_full() -> None:
    promised = replace(CHAT, ttft=None, speed=None)
    chat = speeds().pace("h200", "llama-3.3-70b", CHAT, 8)
    free = speeds().pace("h200", "llama-3.3-70b", promised, 8)
    assert free.users / free.chips > chat.users / chat.chips
    assert free.tokens.value / free.chips > chat.tokens.value / chat.chips


def test_what_cannot_be_is_refused_with_its_reasons() -> None:
    with pytest.raises(TollwayError, match="does not fit"):
        speeds().pace("l4", "llama-3.3-70b", CHAT, 1)
    fast = Load(2000, 400, None, TokensPerSecond(5000.0), "fp8")
    with pytest.raises(TollwayError, match="not even one user 5000 tokens a second"):
        speeds().pace("h200", "llama-3.3-70b", fast, 8)
    with pytest.raises(TollwayError, match="known"):
        speeds().pace("h20O", "llama-3.3-70b", CHAT, 8)


def test_a_name_that_others_use_is_known() -> None:
    other = speeds().pace("H200", "meta-llama/Llama-3.3-70B-Instruct", CHAT, 8)
    assert other == speeds().pace("h200", "llama-3.3-70b", CHAT, 8)
