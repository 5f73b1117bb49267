"""From a fleet to a choice: observed before predicted before declared, exact money, no made-up
score."""

from dataclasses import replace

import pytest

from tollway.errors import FaultsFound
from tollway.feel.candidates import Choice, Seen, asks
from tollway.feel.candidates import choose as choose_from
from tollway.feel.observed import Answered
from tollway.feel.reasons import money, reason
from tollway.feel.speeds import ENOUGH
from tollway.feel.uses import USES, Use
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.simulator.felt import predictions
from tollway.units import PicoDollars, Seconds, UtcSeconds

FILE = """
version = 1
[models."llama-3.3-70b"]
quality.any = { score = 71.0, margin = 1.5, of = "our evaluation" }
[models.small]
quality.code = { score = 60.0, margin = 1.5, of = "our evaluation" }
quality.essay = { score = 5.0, of = "votes" }
[models.unscored]
[sources.pool]
kind = "server"
url = "http://127.0.0.1:9000/v1"
chip = "h200"
tp = 4
serves."llama-3.3-70b" = {}
[sources.hosted]
kind = "api"
url = "https://api.example.com/v1"
[sources.hosted.serves.small]
expected_ttft = "200ms"
expected_speed = 50.0
prices = [{ since = 2026-01-01, input = "0.10", cached_input = "0.01", output = "0.0375" }]
[sources.hosted.serves.unscored]
expected_ttft = "200ms"
expected_speed = 50.0
"""
NOW = UtcSeconds(1_790_000_000.0)


def fleet(text: str = FILE) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def choose(fleet: Fleet, use: Use, seen: Seen, users: int = 1) -> Choice:
    """The choice, with the predictions that it needs."""
    predicted = predictions(asks(fleet, use, seen, users), {})
    return choose_from(fleet, use, replace(seen, predicted=predicted), users)


def named(choice: Choice, name: str) -> int:
    return [it.candidate.name for it in choice.placed].index(name)


def test_a_declared_speed_has_no_interval_and_says_so() -> None:
    found = choose(fleet(), USES["code"], Seen(NOW, hour_usd={"h200": 3.0}))
    one = found.placed[named(found, "hosted:small")].candidate
    assert "declared" in one.wait.origin
    assert one.wait.low == one.wait.high == pytest.approx(0.2)


def test_a_source_with_chips_is_predicted_with_its_interval_and_priced_by_the_hour() -> None:
    found = choose(fleet(), USES["agent"], Seen(NOW, hour_usd={"": 3.0}), users=16)
    one = found.placed[named(found, "pool:llama-3.3-70b")].candidate
    assert one.wait.low < one.wait.value < one.wait.high
    assert one.cost.low < one.cost.value < one.cost.high
    assert "predicted for h200 at 16 users" in one.wait.origin


def test_enough_traffic_is_believed_before_a_prediction_and_less_is_not() -> None:
    answers = [Answered(0.3, 0.3 + 99 / 40.0, 100) for _ in range(ENOUGH)]
    pair = ("hosted", "small")
    seen = Seen(NOW, {pair: answers})
    found = choose(fleet(), USES["code"], seen)
    one = found.placed[named(found, "hosted:small")].candidate
    assert one.wait.origin == f"observed over {ENOUGH} answers"
    assert found.details["hosted:small"].speed.tpot.value == pytest.approx(1 / 40)
    fewer = choose(fleet(), USES["code"], Seen(NOW, {pair: answers[1:]}))
    assert "declared" in fewer.placed[named(fewer, "hosted:small")].candidate.wait.origin


def test_an_observed_median_lies_in_its_interval() -> None:
    answers = [Answered(0.1 * at, 0.1 * at + 2.0, 80 + at) for at in range(1, 60)]
    found = choose(fleet(), USES["code"], Seen(NOW, {("hosted", "small"): answers}))
    speed = found.details["hosted:small"].speed
    for figure in (speed.ttft, speed.tpot):
        assert figure.low < figure.value < figure.high
    assert speed.ttft.value == pytest.approx(3.0)


def test_money_is_exact_to_the_pico_dollar() -> None:
    use = replace(USES["code"], input=1001, cached=1000, output=3, turns=7)
    found = choose(fleet(), use, Seen(NOW))
    one = found.placed[named(found, "hosted:small")].candidate
    assert one.cost.value == 7 * (1 * 100_000 + 1000 * 10_000 + 3 * 37_500)
    assert isinstance(one.cost.value, int)


def test_who_has_no_score_or_no_price_is_left_out_with_the_mend() -> None:
    found = choose(fleet(), USES["code"], Seen(NOW))
    why = {one.name: one.why for one in found.left_out}
    assert "unscored has no score for code. Declare yours" in why["hosted:unscored"]
    assert "say what an hour of its chip costs (--price)" in why["pool:llama-3.3-70b"]


def test_scores_of_two_evaluations_are_not_compared() -> None:
    with pytest.raises(FaultsFound) as refused:
        choose(fleet(), USES["essay"], Seen(NOW, hour_usd={"h200": 3.0}))
    assert "their scores cannot be compared" in str(refused.value)
    assert "models.small.quality.essay.of" in str(refused.value)


def test_nobody_to_compare_is_a_fault_with_every_reason() -> None:
    text = FILE.replace("quality.", "# quality.")
    with pytest.raises(FaultsFound) as refused:
        choose(fleet(text), USES["code"], Seen(NOW))
    assert len(refused.value.faults) == 3


def test_a_vendors_public_price_is_taken_where_none_is_declared() -> None:
    text = """
version = 1
[models.haiku]
quality.any = { score = 1, of = "votes" }
[sources.a]
kind = "api"
url = "https://api.anthropic.com/v1"
vendor = "Anthropic"
dialects = ["anthropic"]
serves.haiku = { upstream_model = "claude-haiku-4-5", expected_ttft = "1s", expected_speed = 90.0 }
"""
    use = replace(USES["batch"], input=1_000_000, output=1_000_000)
    found = choose(fleet(text), use, Seen(NOW))
    one = found.placed[0].candidate
    assert "anthropic's public price, read 20" in one.cost.origin
    assert one.cost.value > 0


def test_a_reason_names_who_and_by_how_much() -> None:
    text = FILE.replace("expected_speed = 50.0\nprices", "expected_speed = 5.0\nprices", 1)
    text += """
[sources.other]
kind = "api"
url = "https://other.example.com/v1"
[sources.other.serves.small]
expected_ttft = "100ms"
expected_speed = 90.0
prices = [{ since = 2026-01-01, input = "0.05", output = "0.0375" }]
"""
    found = choose(fleet(text), USES["code"], Seen(NOW))
    loser = found.placed[named(found, "hosted:small")]
    assert loser.verdict == "dominated"
    said = reason(loser, found.placed, USES["code"].axes)
    assert said.startswith("other:small is ahead: the same model; ")
    assert "shorter wait (" in said
    assert said.endswith("$0.000150 cheaper (47%)")


def test_a_batch_is_judged_by_quality_and_cost_alone() -> None:
    assert USES["batch"].axes == ("quality", "cost")
    assert USES["batch"].wait(1.0, 0.01) == pytest.approx(1.0 + 5.0)


def test_an_agents_wait_counts_every_turn_and_the_tools_between_them() -> None:
    use = replace(USES["agent"], output=100, turns=3, pause=Seconds(2.0))
    assert use.wait(0.5, 0.01) == pytest.approx(3 * (0.5 + 1.0) + 2 * 2.0)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (2 * 10**12, "$2.0000"),
        (10**9, "$0.001000"),
        (12_345_678, "$0.00001235"),
        (0, "$0.00000000"),
    ],
)
def test_small_money_is_shown_with_the_places_it_needs(amount: int, words: str) -> None:
    assert money(PicoDollars(amount)) == words


def test_who_is_on_the_frontier_says_what_it_is_best_at_or_what_its_rivals_cost() -> None:
    text = FILE.replace("[models.unscored]", "")
    text = text[: text.index("[sources.hosted.serves.unscored]")]
    for name, ttft, price in (("quick", "100ms", "0.30"), ("cheap", "400ms", "0.05")):
        text += f"""
[sources.{name}]
kind = "api"
url = "https://{name}.example.com/v1"
[sources.{name}.serves.small]
expected_ttft = "{ttft}"
expected_speed = 90.0
prices = [{{ since = 2026-01-01, input = "{price}", output = "0.0375" }}]
"""
    axes = USES["code"].axes
    found = choose(fleet(text), USES["code"], Seen(NOW, hour_usd={"h200": 3.0}))
    why = {it.candidate.name: reason(it, found.placed, axes) for it in found.placed}
    assert {it.verdict for it in found.placed} == {"frontier"}
    assert why["pool:llama-3.3-70b"] == "the best quality"
    assert why["quick:small"] == "the shortest wait"
    assert why["cheap:small"] == "the lowest cost"
    middle = why["hosted:small"]
    assert middle.startswith(
        "nobody is ahead on every axis; by their values, pool:llama-3.3-70b: 11 "
    )
    assert "quick:small: 0.10 s shorter wait (50%), but $0.000600 dearer (188%)" in middle
    assert "cheap:small: $0.000150 cheaper (47%), but 0.20 s longer wait (100%)" in middle


def test_nearly_all_is_not_called_all() -> None:
    text = FILE.replace("expected_speed = 50.0\nprices", "expected_speed = 5.0\nprices", 1)
    text += """
[sources.other]
kind = "api"
url = "https://other.example.com/v1"
[sources.other.serves.small]
expected_ttft = "100ms"
expected_speed = 90.0
prices = [{ since = 2026-01-01, input = "0.05", output = "0.0375" }]
"""
    found = choose(fleet(text), USES["code"], Seen(NOW))
    loser = found.placed[named(found, "hosted:small")]
    assert "shorter wait (>99%)" in reason(loser, found.placed, USES["code"].axes)
