import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.simulator.formats import compact, parse, zipped
from tollway.simulator.trace import Trace, TraceRequest, cut
from tollway.units import Seconds, Tokens

AZURE = b"""TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:18:03.9799600,110,27"""

MOONCAKE = b"""{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 48]}
"""


def rows(trace: Trace) -> list[tuple[float, int, int]]:
    return [(r.at, r.input, r.output) for r in trace.requests]


def test_azures_csv_is_read_with_times_from_the_first_request() -> None:
    assert rows(parse("a.csv", AZURE)) == [(0.0, 4808, 10), (0.052, 3180, 8), (60.0, 110, 27)]


def test_azures_later_files_with_a_zone_are_read_too() -> None:
    text = b"TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n"
    assert rows(parse("a.csv", text)) == [(0.0, 2162, 5)]


def test_json_lines_as_mooncake_writes_them_are_in_milliseconds() -> None:
    assert rows(parse("m.jsonl", MOONCAKE)) == [(0.0, 6955, 52), (3.053, 6472, 26)]


@pytest.mark.parametrize("data", [AZURE, MOONCAKE])
def test_gzip_is_seen_through_whatever_the_name_says(data: bytes) -> None:
    assert parse("x", gzip.compress(data)).requests == parse("x", data).requests


def test_requests_are_in_order_of_arrival_and_ties_keep_the_files_order() -> None:
    text = b"t_ms,input,output\n20,1,1\n10,2,1\n20,3,1\n"
    assert rows(parse("t", text)) == [(0.0, 2, 1), (0.01, 1, 1), (0.01, 3, 1)]


requests = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1
)


@given(requests)
def test_compact_text_reads_back_as_it_was(found: list[tuple[int, int, int]]) -> None:
    found.sort(key=lambda row: row[0])
    first = found[0][0]
    made = tuple(
        TraceRequest(Seconds((ms - first) / 1000), Tokens(i), Tokens(o)) for ms, i, o in found
    )
    assert parse("t", compact(made).encode()).requests == made
    assert parse("t", zipped(compact(made))).requests == made


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"t_ms,input,output\n1,2,3\n1,2\n", "bad.csv:3 has 2 columns, not 3"),
        (b"t_ms,input,output\n1,two,3\n", "bad.csv:2 cannot be read: invalid literal"),
        (b"t_ms,input,output\n1,-2,3\n", "bad.csv:2 has -2 input and 3 output tokens"),
        (b"t_ms,input,output\nnan,2,3\n", "bad.csv:2 has the time nan"),
        (b"TIMESTAMP,ContextTokens,GeneratedTokens\nmonday,1,2\n", "bad.csv:2 cannot be read"),
        (b'{"timestamp": 1, "input_length": 2}\n', "bad.csv:1 cannot be read: Object missing"),
        (b'{"timestamp": 1, "inp', "bad.csv:1 cannot be read: Input data was truncated"),
        (b"when,what\n", "bad.csv begins with 'when,what', which is no trace format"),
        (b"t_ms,input,output\n", "bad.csv holds no requests"),
        (b"", "bad.csv begins with ''"),
        (b"t_ms,input,output\n\xff\xff\n", "bad.csv:2 is not UTF-8 text"),
        (gzip.compress(AZURE)[:-12], "bad.csv is cut short"),
        (b"\x1f\x8bnothing", "bad.csv is not a whole gzip file"),
    ],
)
def test_a_malformed_trace_names_file_and_line(data: bytes, said: str) -> None:
    with pytest.raises(FaultsFound) as caught:
        parse("bad.csv", data)
    assert said in str(caught.value)


def test_every_faulty_line_is_named_up_to_ten() -> None:
    with pytest.raises(FaultsFound) as caught:
        parse("bad.csv", b"t_ms,input,output\n" + b"x,1,1\n" * 30)
    assert [fault.place for fault in caught.value.faults] == [f"bad.csv:{n}" for n in range(2, 12)]


@given(st.binary(max_size=200))
def test_whatever_the_bytes_the_answer_is_a_trace_or_faults(data: bytes) -> None:
    with contextlib.suppress(FaultsFound):
        assert parse("any", data).requests


def test_a_cut_counts_its_times_from_its_start() -> None:
    trace = parse("t", b"t_ms,input,output\n0,1,1\n5000,2,1\n7000,3,1\n15000,4,1\n")
    assert rows(cut(trace, Seconds(5), Seconds(10), None)) == [(0.0, 2, 1), (2.0, 3, 1)]
    assert rows(cut(trace, Seconds(5), None, 1)) == [(0.0, 2, 1)]
    assert cut(trace, Seconds(20), None, None).span == 0.0
