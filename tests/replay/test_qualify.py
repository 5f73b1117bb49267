"""Prompts, samples, intervals and verdicts of `tollway qualify`."""

import json

import pytest

from tollway.errors import TollwayError
from tollway.replay.qualify import Prompt, Trial, judge, read_prompts, sample, wilson
from tollway.units import PicoDollars, Seconds

TEXT = "\n".join(
    [
        json.dumps({"prompt": "2+2?", "reference": "4", "max_tokens": 5}),
        "",
        json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": "x", "stream": True}),
    ]
)


def test_a_prompt_is_a_text_or_a_chat_body() -> None:
    first, second = read_prompts(TEXT, "p.jsonl")
    assert first.body == {"messages": [{"role": "user", "content": "2+2?"}], "max_tokens": 5}
    assert (first.line, first.reference) == (1, "4")
    assert second.body == {"messages": [{"role": "user", "content": "hi"}]}
    assert (second.line, second.reference) == (3, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no prompts"),
        ("\n\n", "holds no prompts"),
        ("{", "line 1 is not JSON"),
        ('{"prompt": "x"}\n[]', "line 2 is not an object"),
        ('{"prompt": 5}', "line 1 has no prompt"),
        ('{"text": "x"}', "line 1 has no prompt"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_line(text: str, words: str) -> None:
    with pytest.raises(TollwayError, match=words):
        read_prompts(text, "p.jsonl")


def test_a_sample_depends_on_the_seed_alone_and_repeats_nothing() -> None:
    prompts = [Prompt(line, {"messages": []}) for line in range(100)]
    chosen = sample(prompts, 20, 7)
    assert chosen == sample(prompts, 20, 7)
    assert chosen != sample(prompts, 20, 8)
    assert len({prompt.line for prompt in chosen}) == 20
    assert sample(prompts, 500, 7) == prompts


@pytest.mark.parametrize(
    ("good", "asked", "low", "high"),
    # Published values: Newcombe 1998, table I, method 3 (score, without continuity correction).
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(good: int, asked: int, low: float, high: float) -> None:
    assert wilson(good, asked) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(asked - good, asked)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def trials(pair: str, good: int, asked: int, answered: int | None = None) -> list[Trial]:
    told = asked if answered is None else answered
    return [
        Trial(
            pair,
            Prompt(at, {"messages": []}),
            "text" if at < told else None,
            None if at < told else "503 no_healthy_source",
            Seconds(float(at + 1)),
            at < good,
        )
        for at in range(asked)
    ]


def test_a_source_is_worse_only_where_the_intervals_do_not_meet() -> None:
    rows = judge(
        ["a:m", "b:m", "c:m", "d:m"],
        [
            *trials("a:m", 45, 50),
            *trials("b:m", 40, 50),
            *trials("c:m", 25, 50),
            *trials("d:m", 0, 50, answered=0),
        ],
        {"a:m": PicoDollars(100)},
    )
    assert [row.worse for row in rows] == [False, False, True, True]
    assert [row.first for row in rows] == [True, False, False, False]
    assert (rows[0].latency_p50, rows[0].latency_p90, rows[0].cost) == (25.0, 45.0, 100)
    assert (rows[3].answered, rows[3].latency_p50) == (0, None)
    assert rows[3].failures == ("503 no_healthy_source",)


def test_of_a_few_prompts_little_is_known() -> None:
    rows = judge(["a:m", "b:m"], [*trials("a:m", 3, 3), *trials("b:m", 2, 3)], {})
    assert not rows[1].worse
    assert rows[1].high - rows[1].low > 0.5
