"""LiteLLM's spend rows."""

import json
from pathlib import Path

from left_logs import SECRET, START, Home, litellm_rows

from tollway.hindsight.litellm import LiteLlm
from tollway.hindsight.records import Call, Gaps
from tollway.units import usd


def read(*rows: dict[str, object]) -> tuple[list[Call], Gaps]:
    gaps = Gaps()
    reader = LiteLlm(gaps)
    reader.read_rows("spend", rows)
    return list(reader.calls()), gaps


ROWS = litellm_rows(Home(Path()), 3)


def test_a_row_is_a_request_with_its_times_its_cache_and_what_it_cost() -> None:
    calls, _ = read(*ROWS)
    first = calls[0]
    assert (first.model, first.provider, first.at) == ("gpt-5.4-mini", "openai", START.timestamp())
    assert (first.input, first.cached, first.output) == (1_000, 500, 100)
    assert first.first is not None
    assert first.took is not None
    assert (round(first.first, 6), round(first.took, 6)) == (0.4, 1.4)
    assert first.stated is not None
    assert f"{usd(first.stated):.4f}" == "0.0025"
    assert SECRET not in repr(calls)


def test_a_request_id_that_comes_twice_is_one_request() -> None:
    assert len(read(*ROWS, *ROWS)[0]) == 3


def test_text_of_csv_and_milliseconds_of_sqlite_say_the_same() -> None:
    row = {
        **ROWS[0],
        "prompt_tokens": "1000",
        "completion_tokens": "100",
        "spend": "0.0025",
        "metadata": json.dumps(ROWS[0]["metadata"]),
        "startTime": START.strftime("%Y-%m-%d %H:%M:%S"),
        "completionStartTime": int((START.timestamp() + 0.4) * 1000),
        "endTime": int((START.timestamp() + 1.4) * 1000),
    }
    assert read(row)[0] == read(ROWS[0])[0]


def test_what_the_proxy_answered_from_its_own_cache_was_not_bought() -> None:
    assert read({**ROWS[0], "cache_hit": "True"})[0] == []


def test_a_first_token_that_is_the_end_was_not_streamed() -> None:
    (call,), _ = read({**ROWS[0], "completionStartTime": ROWS[0]["endTime"]})
    assert call.first is None


def test_a_row_that_makes_no_sense_is_noted() -> None:
    calls, gaps = read(ROWS[0], {**ROWS[1], "startTime": "soon"}, {"request_id": "x"})
    assert len(calls) == 1
    assert [(one.count, one.first) for one in gaps] == [(2, "spend: row 2")]
