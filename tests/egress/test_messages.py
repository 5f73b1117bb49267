"""The reader of messages: fed whole, byte by byte, and with bytes behind."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.egress.messages import (
    Caps,
    Event,
    Head,
    MessageError,
    MessageReader,
    carried,
    chunk,
    written,
)

CAPS = Caps(4096, 20)
REQUEST = (
    b"POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"


def events(reader: MessageReader) -> list[Event]:
    found: list[Event] = []
    while (event := reader.next()) is not None:
        if found and isinstance(event, bytes) and isinstance(found[-1], bytes):
            found[-1] += event
        else:
            found.append(event)
    return found


def request_reader(strict: bool = True) -> MessageReader:
    return MessageReader("request", CAPS, strict=strict)


def read(data: bytes, pieces: list[int]) -> list[Event]:
    reader, found = request_reader(), list[Event]()
    for start, end in zip([0, *pieces], [*pieces, len(data)], strict=True):
        reader.feed(data[start:end])
        for event in events(reader):
            if found and isinstance(event, bytes) and isinstance(found[-1], bytes):
                found[-1] += event
            else:
                found.append(event)
    return found


@given(st.lists(st.integers(0, 2 * len(REQUEST)), max_size=8).map(sorted))
def test_a_request_reads_the_same_however_it_is_cut(pieces: list[int]) -> None:
    found = read(REQUEST * 2, pieces)
    head = found[0]
    assert isinstance(head, Head)
    assert (head.method, head.target, head.chunked, head.length) == ("POST", b"/a?b", True, None)
    assert found[1:3] == [b"abcde", "end"]
    assert found[3:] == found[:3]


def test_byte_by_byte_it_reads_the_same() -> None:
    assert read(REQUEST, list(range(1, len(REQUEST)))) == read(REQUEST, [])


def test_an_answer_is_read_and_what_follows_it_is_told() -> None:
    reader = MessageReader("answer", CAPS, strict=True)
    reader.feed(ANSWER)
    head, body, end = events(reader)
    assert isinstance(head, Head)
    assert (head.status, head.value(b"x"), body, end) == (200, b"y", b"hello", "end")
    assert reader.keep_alive
    assert not reader.begun
    reader.feed(b"HTTP")
    assert reader.begun


def test_what_is_behind_a_connect_is_kept() -> None:
    reader = request_reader()
    reader.feed(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01")
    head = reader.next()
    assert isinstance(head, Head)
    assert (head.method, head.target, reader.rest) == ("CONNECT", b"a:443", b"\x16\x03\x01")
    with pytest.raises(MessageError, match="A tunnel ends"):
        reader.next()


def test_after_a_fault_nothing_is_read() -> None:
    reader = request_reader()
    reader.feed(b"GET / HTTP/1.1\nHost: x\n\n")
    for _ in range(2):
        with pytest.raises(MessageError):
            reader.next()
        reader.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize(
    "twice",
    [b"Host: x", b"Authorization: a", b"Content-Type: a", b"Expect: 100-continue",
     b"Content-Encoding: gzip", b"Proxy-Authorization: a"],
)  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_a_header_that_may_come_once_comes_once(twice: bytes, strict: bool) -> None:
    reader = request_reader(strict)
    reader.feed(b"GET / HTTP/1.1\r\n" + twice + b"\r\n" + twice + b"\r\n\r\n")
    if strict:
        with pytest.raises(MessageError, match="may come once"):
            reader.next()
    else:
        assert isinstance(reader.next(), Head)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 5000, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 5000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 30 + b"\r\n", 431),
        (REQUEST.removesuffix(b"\r\n") + b"T: v\r\n" * 30, 431),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
    ],
)  # fmt: skip
def test_heads_and_trailers_have_bounds(data: bytes, status: int) -> None:
    reader = request_reader()
    reader.feed(data)
    with pytest.raises(MessageError) as found:
        events(reader)
    assert found.value.status == status or (status == 505 and found.value.status == 400)


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    for kind in ("request", "answer"):
        reader = MessageReader(kind, CAPS, strict=True)
        reader.feed(data)
        with suppress(MessageError):
            events(reader)


def test_headers_of_the_hop_do_not_go_on() -> None:
    headers = ((b"Connection", b"X-a, close"), (b"x-A", b"1"), (b"TE", b"x"), (b"B", b"2"),
               (b"Keep-Alive", b"1"), (b"Alt-Svc", b"h3"), (b"Host", b"x"))  # fmt: skip
    assert carried(headers, (b"host",)) == ((b"B", b"2"),)


@pytest.mark.parametrize("value", [b"a\r\nB: c", b"a\nb", b"a\rb", b"a\0b"])
def test_no_header_that_is_written_ends_its_line(value: bytes) -> None:
    with pytest.raises(MessageError):
        written(b"GET / HTTP/1.1", [(b"A", value)])


def test_an_empty_chunk_does_not_end_a_body() -> None:
    assert chunk(b"") == b""
    assert chunk(b"abc") == b"3\r\nabc\r\n"
