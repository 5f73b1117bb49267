"""Parameter counts: a shape has as many numbers as its publisher says, in total and active."""

import pytest

from tollway.catalog import model, model_names, numbers_of

# Published to one significant digit ("1T").
ROUGH = ("kimi-k2", "kimi-k2-thinking", "kimi-k2.5")


@pytest.mark.parametrize("name", model_names())
def test_a_model_has_as_many_parameters_as_its_publisher_says(name: str) -> None:
    shape = model(name)
    assert shape.total is not None
    tolerance = 0.03 if name in ROUGH else 0.012
    assert numbers_of(shape).total == pytest.approx(shape.total, rel=tolerance)


@pytest.mark.parametrize("name", [name for name in model_names() if model(name).experts])
def test_a_token_meets_as_many_parameters_as_its_publisher_says(name: str) -> None:
    # Publishers differ on whether the input table counts, from which a token reads one row; and
    # most round to a whole billion.
    shape = model(name)
    counted = numbers_of(shape)
    assert shape.active is not None
    nearest = min(
        (counted.active, counted.active - counted.embedding),
        key=lambda count: abs(count - (shape.active or 0)),
    )
    assert nearest == pytest.approx(shape.active, rel=0.02, abs=0.9e9)


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        # gpt-oss model card (arXiv:2508.10925), table 1: the head counts, the input table does not.
        ("gpt-oss-120b", 116.83e9, 5.13e9),
        ("gpt-oss-20b", 20.91e9, 3.61e9),
        # Sums over the published tensors, without multi-token prediction.
        ("qwen3-next-80b-a3b", 79_674_391_296, None),
        ("nemotron-nano-9b-v2", 8_888_227_328, None),
    ],
)
def test_counts_are_exact_to_a_thousandth_where_publishers_are(
    name: str, total: float, active: float | None
) -> None:
    counted = numbers_of(model(name))
    assert counted.total == pytest.approx(total, rel=0.001)
    if active is not None:
        assert counted.active - counted.embedding == pytest.approx(active, rel=0.001)


def test_the_parts_add_up() -> None:
    counted = numbers_of(model("deepseek-r1"))
    assert counted.total - counted.active == counted.experts - counted.active_experts
    assert 11e9 < counted.mtp < 12e9  # "14B of MTP module weights" with its shared tables' 1.9B
    assert numbers_of(model("gemma-3-27b")).embedding == 0
