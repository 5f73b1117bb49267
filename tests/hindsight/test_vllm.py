"""vLLM's own log."""

from datetime import UTC, datetime

from left_logs import SECRET, START, json_line, vllm_log

from tollway.hindsight.records import Gaps
from tollway.hindsight.vllm import Vllm, nearest_year


def moment(month: int, day: int, hour: int, minute: int, second: int) -> float:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC).timestamp()


def read(text: str) -> Vllm:
    reader = Vllm(Gaps())
    reader.read("vllm.log", text.encode().splitlines(keepends=True), moment)
    return reader


def test_tokens_are_rates_times_the_time_between_two_lines() -> None:
    reader = read(vllm_log(6))
    calls = list(reader.calls())
    assert sum(call.input for call in calls) == 60_000
    assert sum(call.output for call in calls) == 12_000
    assert sum(call.requests for call in calls) == 6
    assert {call.model for call in calls} == {"own-llama"}
    assert calls[-1].at == START.timestamp() + 40
    assert calls[0].cached == 2_500
    assert reader.rates["own-llama"][0] == (200.0, 4)
    assert SECRET not in repr(calls)


def test_the_time_an_engine_was_idle_is_not_counted() -> None:
    lines = vllm_log(200).splitlines(keepends=True)
    calls = list(read("".join([*lines[:3], *lines[-2:]])).calls())
    assert [call.output for call in calls] == [2_000, 2_000]


def test_the_older_form_of_statistics_is_read_too() -> None:
    text = (
        "INFO 11-10 03:09:29 metrics.py:386] Avg prompt throughput: 1514.3 tokens/s, Avg "
        "generation throughput: 313.4 tokens/s, Running: 35 reqs, Swapped: 0 reqs, Pending: 5 "
        "reqs, GPU KV cache usage: 95.0%, CPU KV cache usage: 0.0%.\n"
    )
    (call,) = read(text).calls()
    assert (call.input, call.output, call.cached) == (15_143, 3_134, 0)


def test_answers_of_the_web_server_count_where_requests_are_not_logged() -> None:
    lines = [line for line in vllm_log(2).splitlines() if "Received" not in line]
    answer = 'INFO:     127.0.0.1:5 - "POST /v1/chat/completions HTTP/1.1" 200 OK'
    (first, second) = read("\n".join([lines[0], answer, answer, lines[1], lines[2]])).calls()
    assert (first.requests, second.requests) == (2, 0)


def test_json_lines_with_usage_are_requests() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    text = json_line({"created": 1794301200, "model": "own", "usage": usage})
    (call,) = read(text).calls()
    assert (call.input, call.output, call.period) == (7, 3, None)


def test_statistics_inside_json_lines_are_read() -> None:
    stats = vllm_log(1).splitlines()[2].replace('"', "'")
    (call,) = read(f'{{"level": "INFO", "message": "{stats}"}}\n').calls()
    assert call.output == 2_000


def test_a_year_is_the_one_that_the_file_was_written_in_or_before() -> None:
    last = datetime(2026, 1, 2, tzinfo=UTC)
    assert nearest_year(datetime(2000, 12, 31, tzinfo=UTC), last).year == 2025
    assert nearest_year(datetime(2000, 1, 2, 12, tzinfo=UTC), last).year == 2026


def test_statistics_of_no_day_are_noted() -> None:
    gaps = Gaps()
    reader = Vllm(gaps)
    text = vllm_log(1).replace("11-10 09", "13-41 09")
    reader.read("vllm.log", text.encode().splitlines(keepends=True), moment)
    assert list(reader.calls()) == []
    assert [one.why for one in gaps] == ["statistics without a time"]
