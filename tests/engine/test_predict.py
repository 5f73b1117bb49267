"""Predictions: every figure has an interval, nothing is guessed in silence, what cannot be is
refused."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from engine_silicon import slower
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.catalog import chip, model
from tollway.engine import (
    EngineSettings,
    Layout,
    PrefillPool,
    Question,
    Speculation,
    Workload,
    deploy,
    predict,
)
from tollway.errors import TollwayError

FP8 = EngineSettings(
    precision="fp8", kv_precision="fp8", batch_tokens=8192, sequences=256, memory_share=0.9
)


def _ask(
    chip_name: str = "h200",
    model_name: str = "llama-3.3-70b",
    users: int = 16,
    tp: int = 8,
    settings: EngineSettings = FP8,
) -> Question:
    return Question(
        model=model(model_name),
        chip=chip(chip_name),
        workload=Workload(1024, 1024, concurrency=users),
        layout=Layout(tp=tp),
        settings=settings,
        chip_hour_usd=3.0,
    )


def test_every_figure_lies_inside_its_interval() -> None:
    answer = predict(_ask())
    for one in (answer.ttft, answer.tpot, answer.user_tokens, answer.chip_tokens, answer.energy):
        assert one is not None
        assert 0 < one.low < one.value < one.high
    assert sum(answer.shares.values()) == pytest.approx(1.0)
    assert answer.warnings == ()


def test_price_energy_and_throughput_say_the_same_thing() -> None:
    answer = predict(_ask())
    assert answer.usd_per_mtok is not None
    assert answer.energy is not None
    chip_second = 3.0 / 3600
    assert answer.usd_per_mtok.value == pytest.approx(chip_second / answer.chip_tokens.value * 1e6)
    assert answer.energy.value == pytest.approx(700 / answer.chip_tokens.value)


def test_littles_law_holds_between_users_and_rate() -> None:
    answer = predict(_ask(users=32))
    assert answer.ttft is not None
    life = answer.ttft.value + 1023 * answer.tpot.value
    # A little less than 32: at the end of the load nobody asks again.
    assert 28 < answer.requests.value * life < 32.5


@settings(max_examples=15, deadline=None)
@given(st.floats(1.05, 4.0), st.integers(1, 64))
def test_more_bandwidth_never_answers_later(factor: float, users: int) -> None:
    one = _ask(users=users)
    other = replace(one, chip=slower(one.chip, factor))
    assert predict(other).tpot.value <= predict(one).tpot.value


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 200), st.integers(1, 100))
def test_more_users_never_make_a_stream_faster(users: int, more: int) -> None:
    few, many = predict(_ask(users=users)), predict(_ask(users=users + more))
    assert many.tpot.value >= 0.995 * few.tpot.value


def test_nearer_to_what_was_measured_is_narrower() -> None:
    def width(question: Question) -> float:
        tpot = predict(question).tpot
        return tpot.high / tpot.low

    known = width(_ask("h200", "llama-3.1-70b"))
    new_model = width(_ask("h200", "llama-3.1-405b"))
    new_vendor = width(_ask("mi355x", "llama-3.1-70b"))
    assert known <= new_model < new_vendor
    assert new_vendor > 4


def test_a_vendor_that_nobody_measured_gets_scenarios() -> None:
    answer = predict(_ask("mi355x"))
    assert answer.origin == "spec sheet"
    assert [one.slowdown for one in answer.scenarios] == [1.0, 2.0, 4.0]
    assert predict(_ask("h200")).scenarios == ()


def test_without_a_published_rate_there_is_no_ttft_unless_one_is_assumed() -> None:
    question = _ask("crescent-island-480", users=2, tp=1)
    blind = predict(question)
    assert blind.ttft is None
    assert "bf16_tflops=LO..HI" in blind.refused[0]
    seeing = predict(replace(question, assumed_flops=(200e12, 600e12)))
    assert seeing.ttft is not None
    assert seeing.refused == ()
    # Thrice the rate is a range in the answer, on top of the interval.
    assert seeing.ttft.high / seeing.ttft.low > 6


def test_a_range_of_bandwidth_is_a_range_of_tpot() -> None:
    question = _ask("crescent-island-480", users=1, tp=1)
    low = predict(replace(question, chip=question.chip.at(0.0)))
    high = predict(replace(question, chip=question.chip.at(1.0)))
    both = predict(question).tpot
    assert both.high == pytest.approx(low.tpot.high)
    assert both.low == pytest.approx(high.tpot.low)


def test_a_second_tier_holds_what_the_first_cannot_and_is_named_when_it_binds() -> None:
    station = replace(
        _ask("dgx-station", "deepseek-v3", users=1, tp=1),
        settings=EngineSettings(kv_precision="fp8", memory_share=0.95),
    )
    with pytest.raises(TollwayError, match="does not fit"):
        predict(station)
    spilled = predict(replace(station, settings=replace(station.settings, tiers=2)))
    first, second = spilled.memory
    assert first.weights + second.weights == pytest.approx(673e9, rel=0.01)
    assert second.binding
    assert not first.binding


def test_prefill_on_other_chips_leaves_streams_alone() -> None:
    load = Workload(8000, 500, concurrency=64)
    together = replace(_ask(), workload=load)
    apart = replace(together, prefill=PrefillPool(chip("h100"), Layout(tp=8), replicas=2))
    one, other = predict(together), predict(apart)
    assert other.tpot.value < one.tpot.value
    assert other.chips == 24
    assert other.running + other.waiting == pytest.approx(64, rel=0.1)


def test_accepted_drafts_make_streams_faster_and_rejected_ones_slower() -> None:
    plain = predict(_ask(users=4)).tpot.value
    good = replace(FP8, speculation=Speculation(3, 2.0))
    bad = replace(FP8, speculation=Speculation(3, 0.0))
    assert predict(_ask(users=4, settings=good)).tpot.value < 0.6 * plain
    assert predict(_ask(users=4, settings=bad)).tpot.value > plain


def test_a_cached_prefix_shortens_the_wait() -> None:
    long = Workload(16_000, 100, concurrency=4)
    cold = predict(replace(_ask(), workload=long)).ttft
    warm = predict(replace(_ask(), workload=long, settings=replace(FP8, prefix_share=0.9))).ttft
    assert cold is not None
    assert warm is not None
    assert warm.value < 0.5 * cold.value


def test_requests_by_rate_are_slower_the_more_come() -> None:
    def at(rate: float) -> float:
        answer = predict(replace(_ask(), workload=Workload(1024, 256, rate=rate)))
        assert answer.ttft is not None
        return answer.ttft.value + 255 * answer.tpot.value

    assert at(0.5) < at(8.0) < at(40.0)


def test_guesses_that_move_the_answer_are_said() -> None:
    question = _ask(model_name="deepseek-v3", users=700, settings=EngineSettings())
    words = " ".join(predict(question).warnings)
    assert "max_num_seqs" in words
    assert "KV precision" in words
    assert "several tokens a step" in words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workload": Workload(0, 10)}, "at least one token"),
        ({"workload": Workload(10, 10, concurrency=0)}, "concurrency is 0"),
        ({"workload": Workload(10, 10, rate=0.0)}, "rate is 0"),
        (
            {"workload": Workload(120_000, 60_000)},
            "more than the context of 131072 tokens that llama-3.3-70b was made for",
        ),
        (
            {"workload": Workload(900, 200), "settings": replace(FP8, context=1000)},
            "more than the context of 1000 tokens that is declared",
        ),
        (
            {"workload": Workload(900, 200), "settings": replace(FP8, blocks=50)},
            "more than the context of 800 tokens that fits: .* bytes a token",
        ),
        ({"layout": Layout(tp=3)}, "does not divide the 64 heads"),
        ({"layout": Layout(tp=8, ep=3)}, "ep 3 does not divide the 8 chips"),
        ({"settings": EngineSettings(prefix_share=1.0)}, "prefix_share is 1"),
        ({"settings": EngineSettings(speculation=Speculation(2, 3.0))}, "3 of 2 drafted tokens"),
    ],
)
def test_a_question_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        predict(replace(_ask(), **changes))  # type: ignore[arg-type]


def _width(question: Question) -> float:
    tpot = predict(question).tpot
    return tpot.high / tpot.low


def test_a_model_is_known_by_its_shape_and_not_by_its_name() -> None:
    assert predict(_ask(model_name="llama-3.3-70b")).origin == "measured"
    assert predict(_ask(model_name="deepseek-v3.2", settings=EngineSettings())).origin == (
        "extrapolated"
    )


def test_guessed_seats_and_budgets_widen_the_interval_where_they_matter() -> None:
    guessed = replace(FP8, batch_tokens=None, sequences=None)
    assert _width(_ask(users=64, settings=guessed)) > 1.1 * _width(_ask(users=64))
    assert _width(_ask(users=1, settings=guessed)) == pytest.approx(_width(_ask(users=1)))


def test_requests_unlike_those_measured_widen_the_interval() -> None:
    plain = _ask(users=64)
    once = replace(plain, workload=Workload(1024, 1024, concurrency=64, requests=64))
    timed = replace(plain, workload=Workload(1024, 1024, rate=2.0))
    assert _width(once) > 1.5 * _width(plain)
    assert _width(timed) > 1.1 * _width(plain)


def test_a_pair_is_as_far_from_what_was_measured_as_the_further_of_its_chips() -> None:
    near = replace(_ask(), prefill=PrefillPool(chip("b200"), Layout(tp=8)))
    far = replace(_ask(), prefill=PrefillPool(chip("mi355x"), Layout(tp=8)))
    assert predict(near).origin == "interpolated"
    assert predict(far).origin == "spec sheet"
    assert _width(far) > 2 * _width(near)


def test_ranges_of_the_chip_that_prefills_are_ranges_of_the_answer() -> None:
    island = chip("crescent-island-480")
    known = replace(island, flops=MappingProxyType({"bf16": 4e14}))
    unsure = PrefillPool(known, Layout(tp=8))
    sure = PrefillPool(known.at(0.5), Layout(tp=8))
    wide = predict(replace(_ask(), prefill=unsure)).ttft
    narrow = predict(replace(_ask(), prefill=sure)).ttft
    assert wide is not None
    assert narrow is not None
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high / wide.low > narrow.high / narrow.low


def test_a_prefill_pool_that_never_rests_is_what_binds() -> None:
    load = Workload(8000, 100, concurrency=128)
    pair = replace(_ask(), workload=load, prefill=PrefillPool(chip("h100"), Layout(tp=4)))
    assert predict(pair).binds == "prefill"
    assert predict(replace(pair, workload=Workload(100, 1000, concurrency=4))).binds != "prefill"


def test_throughput_at_a_rate_is_what_is_asked_for_while_the_engine_keeps_up() -> None:
    idle = predict(replace(_ask(), workload=Workload(1024, 1024, rate=0.5, requests=32)))
    assert idle.total_tokens.value == pytest.approx(0.5 * 1024)
    busy = predict(replace(_ask(), workload=Workload(1024, 1024, rate=100.0)))
    assert busy.total_tokens.value < 0.5 * 100 * 1024


def test_the_cache_precision_is_no_guess_where_the_checkpoint_states_it() -> None:
    for name in ("gpt-oss-120b", "llama-3.3-70b", "deepseek-r1"):
        shape = model(name)
        stated = [one.precision for one in shape.checkpoints.values() if one.kv_precision]
        for precision in shape.checkpoints:
            asked = _ask(model_name=name, settings=replace(FP8, precision=precision))
            asked = replace(asked, settings=replace(asked.settings, kv_precision=None))
            words = " ".join(predict(asked).warnings)
            assert ("KV precision" in words) is (precision not in stated)


def test_an_engine_of_ones_own_computes_prompts_as_it_says() -> None:
    apart = replace(FP8, prefill="separate")
    assert deploy(model("qwen3-32b"), chip("h200"), 2, apart).mixing == "apart"
    free = replace(FP8, memory_share=0.9, memory_of="free")
    whole = deploy(model("qwen3-32b"), chip("h200"), 2, FP8).capacity.kv
    assert deploy(model("qwen3-32b"), chip("h200"), 2, free).capacity.kv != whole


def test_a_version_that_was_never_measured_widens_the_interval() -> None:
    one, other = (_ask(settings=replace(FP8, version=name)) for name in ("0.19.0", "0.12.0"))
    assert _width(one) == pytest.approx(_width(_ask()))
    assert _width(other) > 1.3 * _width(one)
