"""A bill beside the ledger: nothing is lost, nothing is spread."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger.bills import Amount, Matched, plain, reconcile

DAY = date(2026, 11, 18)
NEXT = DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("gpt-5-mini-2025-08-07", "gpt-5-mini", True),
        ("Claude Sonnet 4.5", "claude-sonnet-4-5-20250929", True),
        ("openai/gpt-5", "GPT-5", True),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5", True),
        ("gpt-5", "gpt-5-mini", False),
        ("gpt-5.1", "gpt-5", False),
        ("claude-opus-4-1", "claude-opus-4", False),
    ],
)
def test_names_that_differ_in_form_only_are_one_model(one: str, other: str, same: bool) -> None:
    assert (plain(one) == plain(other)) is same


def test_what_only_one_side_has_is_named_and_not_spread() -> None:
    billed = [
        Amount(DAY, "gpt-5-2025-08-07", 100),
        Amount(DAY, "gpt-5-2025-08-07", 20),
        Amount(DAY, "web search", 7),
        Amount(NEXT, "", 3),
    ]
    booked = [Amount(DAY, "big", 118), Amount(NEXT, "small", 5)]
    found = reconcile(billed, booked, {"gpt-5": "big", "big": "big"})
    assert found.lines == (
        Matched(DAY, "big", 120, 118),
        Matched(DAY, "web search", 7, None),
        Matched(NEXT, "", 3, None),
        Matched(NEXT, "small", None, 5),
    )
    assert (found.billed, found.booked, found.residual) == (130, 123, 7)
    assert [line.difference for line in found.lines] == [2, 7, 3, -5]


def test_a_name_that_could_be_two_models_is_taken_for_neither() -> None:
    names = {"gpt-5": "new", "gpt-5-2025-08-07": "old"}
    billed = [Amount(DAY, name, 1) for name in ("gpt-5", "gpt-5-2025-08-07", "GPT 5")]
    models = [line.model for line in reconcile(billed, [], names).lines]
    assert models == ["GPT 5", "new", "old"]


AMOUNTS = st.lists(
    st.builds(
        Amount,
        st.dates(DAY, DAY + timedelta(days=2)),
        st.sampled_from(["gpt-5", "GPT-5-2025-08-07", "other", ""]),
        st.integers(-(10**13), 10**13),
    ),
    max_size=12,
)


@given(AMOUNTS, AMOUNTS, st.randoms(use_true_random=False))
def test_differences_add_up_to_the_residual_in_any_order(
    billed: list[Amount], booked: list[Amount], chance: object
) -> None:
    found = reconcile(billed, booked, {"gpt-5": "gpt-5"})
    assert found.billed == sum(it.amount for it in billed)
    assert found.booked == sum(it.amount for it in booked)
    assert sum(line.difference for line in found.lines) == found.residual
    shuffled = list(billed)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert reconcile(shuffled, booked, {"gpt-5": "gpt-5"}) == found
