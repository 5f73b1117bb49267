"""Requests made by the grammar of HTTP/1.1, whole ones and ones with a single fault in them.

What a reader must say of each is known from how it was made, not from another parser.
"""

from dataclasses import dataclass

from gateway_rig import SETTINGS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_reader import KEY, Judge, _read

from tollway.gateway.reader import Arriving, RequestReader

PATH = b"/v1/chat/completions"
AUTH = b"authorization: Bearer " + KEY


@dataclass(frozen=True)
class Made:
    """A request's bytes, and the body that they carry; None where it has to be refused."""

    data: bytes
    body: bytes | None


names = st.sampled_from([b"accept", b"X-Tollway-Tag", b"user-agent", b"x", b"Cookie"])
values = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20
).map(str.encode)
bodies = st.binary(max_size=200)


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks, with the freedom that the grammar leaves."""
    at = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    parts = [body[a:b] for a, b in zip([0, *at], [*at, len(body)], strict=True)]
    out = b""
    for part in parts:
        if part:
            size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(part)
            extension = draw(st.sampled_from([b"", b";a=b"]))
            out += size + extension + b"\r\n" + part + b"\r\n"
    trailer = draw(st.sampled_from([b"", b"x-sum: 1\r\n"]))
    return out + b"0\r\n" + trailer + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> Made:
    """A request as it should be."""
    body = draw(bodies)
    lines = [b"host: x", AUTH]
    lines += [
        b"%b: %b" % one
        for one in draw(
            st.lists(st.tuples(names, values), max_size=4, unique_by=lambda one: one[0])
        )
    ]
    if draw(st.booleans()):
        lines.append(b"content-length: %d" % len(body))
        tail = body
    else:
        lines.append(b"Transfer-Encoding: chunked")
        tail = draw(chunked(body))
    lines = draw(st.permutations(lines))
    return Made(b"\r\n".join([b"POST %b HTTP/1.1" % PATH, *lines, b"", tail]), body)


FAULTS = (
    (b"\r\n", b"\n"),
    (b"\r\n", b"\r"),
    (b"\r\n", b"\r\r\n"),
    (b"host: x", b"host: x\0"),
    (b"host: x", b"host: x\r\n folded"),
    (b"host: x", b"host : x"),
    (b"host: x", b"host: x\r\nhost: x"),
    (b"host: x", b"accept: x"),
    (AUTH, AUTH + b"\r\n" + AUTH),
    (b" HTTP/1.1", b" HTTP/2.0"),
    (b" HTTP/1.1", b" HTTP/1.1 "),
    (b"content-length: ", b"content-length: +"),
    (b"content-length: ", b"content-length: -"),
    (b"content-length: ", b"content-length: 0x"),
    (b"content-length: ", b"content-length: 1\r\ncontent-length: 1"),
    (b"content-length: ", b"transfer-encoding: chunked\r\ncontent-length: "),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked"),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: xchunked"),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 3"),
    (b"Transfer-Encoding: chunked", b"Content-Length: 3\r\nTransfer-Encoding: chunked"),
)
"""In a good request's head -> what makes it one that two readers may take for different things."""


@st.composite
def faulty(draw: st.DrawFn) -> Made:
    """A request with one fault in its head, or in the size of a chunk."""
    good = draw(requests())
    head, _, tail = good.data.partition(b"\r\n\r\n")
    fits = [(old, new) for old, new in FAULTS if old in head]
    sized = b"chunked" in head
    choice = draw(st.integers(0, len(fits) - 1 + sized))
    if choice < len(fits):
        old, new = fits[choice]
        return Made(head.replace(old, new, 1) + b"\r\n\r\n" + tail, None)
    size = draw(st.sampled_from([b"g", b"-1", b" 1", b"0x1", b"f" * 17, b"", b"1 1"]))
    return Made(head + b"\r\n\r\n" + size + b"\r\n" + tail, None)


def _reader() -> RequestReader:
    return RequestReader(SETTINGS, Judge(), Arriving())


def _pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


cuts = st.lists(st.integers(0, 5000), max_size=8)
quiet = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@quiet
@given(st.lists(requests(), min_size=1, max_size=4), cuts)
def test_whole_requests_are_read_as_they_were_made_however_they_are_cut(
    made: list[Made], at: list[int]
) -> None:
    data = b"".join(one.data for one in made)
    wanted = [(PATH, one.body, None) for one in made]
    assert _read(_reader(), [data]) == wanted
    assert _read(_reader(), _pieces(data, at)) == wanted
    assert _read(_reader(), [data[n : n + 1] for n in range(len(data))]) == wanted


@quiet
@given(st.lists(requests(), max_size=2), faulty(), st.lists(requests(), max_size=2), cuts)
def test_a_faulty_request_is_refused_and_nothing_behind_it_is_ever_read(
    before: list[Made], bad: Made, after: list[Made], at: list[int]
) -> None:
    data = b"".join(one.data for one in [*before, bad, *after])
    for pieces in ([data], _pieces(data, at), [data[n : n + 1] for n in range(len(data))]):
        read = _read(_reader(), pieces)
        assert read[:-1] == [(PATH, one.body, None) for one in before]
        assert read[-1][2] == 400


@quiet
@given(requests(), st.binary(min_size=1, max_size=60), cuts)
def test_bytes_behind_a_whole_request_change_nothing_of_it(
    made: Made, noise: bytes, at: list[int]
) -> None:
    data = made.data + noise
    read = _read(_reader(), [data])
    assert read[0] == (PATH, made.body, None)
    assert all(status is not None for _, _, status in read[1:])
    assert _read(_reader(), _pieces(data, at)) == read
    assert _read(_reader(), [data[n : n + 1] for n in range(len(data))]) == read
