"""Server-sent events out of a byte stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.gateway.sse import BareCarriageReturn, EventSplitter, plain_data, read_event

PIECES = (
    b"data: ",
    b"{}",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r",
    b": ping",
    b"x",
    b"event: error",
)
streams = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """`data` in pieces, cut at these places."""
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def events_of(pieces: list[bytes], cap: int = 1 << 20) -> tuple[list[bytes], bytes, bool]:
    splitter = EventSplitter(cap)
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.rest(), splitter.overlong


@given(streams, st.lists(st.integers(0, 400), max_size=8))
def test_events_do_not_depend_on_where_the_stream_is_cut(stream: bytes, at: list[int]) -> None:
    whole = events_of([stream])
    assert events_of(cut(stream, at)) == whole
    assert events_of([stream[i : i + 1] for i in range(len(stream))]) == whole


@given(streams)
def test_what_comes_out_is_what_came_in(stream: bytes) -> None:
    events, rest, _ = events_of([stream])
    assert b"".join(events) + rest == stream


@given(streams, st.lists(st.integers(0, 400), max_size=8), st.integers(1, 20))
def test_the_cap_does_not_depend_on_where_the_stream_is_cut(
    stream: bytes, at: list[int], cap: int
) -> None:
    whole = events_of([stream], cap)
    assert events_of(cut(stream, at), cap) == whole
    assert all(len(event) <= cap for event in whole[0])


def test_an_event_of_exactly_the_cap_passes_and_one_byte_more_does_not() -> None:
    event = b"data: abc\n\n"
    assert events_of([event], len(event)) == ([event], b"", False)
    assert events_of([event], len(event) - 1) == ([], b"", True)


def test_an_endless_event_costs_no_more_memory_than_the_cap() -> None:
    splitter = EventSplitter(100)
    for _ in range(50):
        splitter.feed(b"data: aaaa")
    assert splitter.overlong
    assert not splitter


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (b"data: x\n\n", b"", b"x"),
        (b"data:x\r\n\r\n", b"", b"x"),
        (b"data:  x\n\n", b"", b" x"),
        (b"data: a\ndata: b\n\n", b"", b"a\nb"),
        (b"event: error\ndata: x\n\n", b"error", b"x"),
        (b": ping\n\n", b"", b""),
        (b"id: 3\nretry: 10\ndata: x\n\n", b"", b"x"),
        (b"\ndata: x\n\n", b"", b"x"),
        (b"data\n\n", b"", b""),
        (b"database: x\n\n", b"", b""),
    ],
)
def test_name_and_data_of_an_event(event: bytes, name: bytes, data: bytes) -> None:
    assert read_event(event) == (name, data)


@pytest.mark.parametrize("event", [b"data: a\rdata: b\n\n", b"data: a\r\r\n\n", b"\rdata: x\n\n"])
def test_a_carriage_return_alone_is_refused(event: bytes) -> None:
    with pytest.raises(BareCarriageReturn):
        read_event(event)


@given(streams)
def test_the_short_way_reads_what_the_long_way_reads(stream: bytes) -> None:
    for event in events_of([b"data: {" + stream + b"\n\n"])[0]:
        short = plain_data(event)
        if short is not None:
            assert read_event(event) == (b"", short.rstrip(b"\r\n"))
