"""Requests out of bytes: whole, cut anywhere, and with a head that came before."""

import pytest
from gateway_rig import KEY, SETTINGS, chunk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.gateway.http import Refusal, Request
from tollway.gateway.reader import LARGEST_BODIES, Arriving, RequestReader

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + KEY + b"\r\n"
ASK = b'{"model":"chat","messages":[{"role":"user","content":"hi"}]}'
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(ASK) + ASK


def _read(reader: RequestReader, pieces: list[bytes]) -> list[tuple[bytes, bytes, int | None]]:
    requests: list[Request] = []
    for piece in pieces:
        requests += reader.feed(piece)
    return [
        (one.path, one.take_body(), one.refusal.status if one.refusal else None) for one in requests
    ]


class Judge:
    """Refuses one path, and every request once `closed`."""

    def __init__(self) -> None:
        self.closed = False
        self.heads = 0

    def admit(self, request: Request) -> None:
        self.heads += 1
        if request.path == b"/no":
            raise Refusal(404, "x", "x")

    def readmit(self, request: Request, first: Request) -> None:
        if self.closed:
            raise Refusal(401, "x", "x")


def _reader(judge: Judge | None = None) -> RequestReader:
    return RequestReader(SETTINGS, judge or Judge(), Arriving())


def test_requests_read_the_same_whole_and_byte_by_byte() -> None:
    data = WHOLE * 3 + HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"ab") + b"0\r\n\r\n"
    whole = _read(_reader(), [data])
    assert len(whole) == 4
    assert whole[3][1] == b"ab"
    assert _read(_reader(), [data[at : at + 1] for at in range(len(data))]) == whole


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.integers(0, len(WHOLE)), st.integers(0, 400))
def test_any_bytes_are_read_or_refused_the_same_however_they_are_cut(
    noise: bytes, keep: int, cut: int
) -> None:
    data = WHOLE[:keep] + noise
    assert _read(_reader(), [data[:cut], data[cut:]]) == _read(
        _reader(), [data[at : at + 1] for at in range(len(data))]
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60), st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)))
def test_a_known_head_is_read_as_an_unknown_one(noise: bytes, start: int, end: int) -> None:
    data = WHOLE[:start] + noise + WHOLE[end:]
    knowing, judge = _reader(), Judge()
    assert len(_read(knowing, [WHOLE])) == 1
    assert _read(knowing, [data]) == _read(_reader(judge), [data])


@pytest.mark.parametrize(
    "length", [b"2", b"02", b"+2", b"-2", b"2 ", b" 2", b"2,2", b"0x2", b"2_", b"2\n", b"2\r", b""]
)
def test_another_length_under_a_known_head_is_read_as_under_an_unknown_one(length: bytes) -> None:
    data = HEAD + b"content-length: " + length + b"\r\n\r\n{}"
    knowing = _reader()
    assert len(_read(knowing, [WHOLE])) == 1
    assert _read(knowing, [data, WHOLE]) == _read(_reader(), [data, WHOLE])


def test_a_known_head_is_not_parsed_again_but_judged_again() -> None:
    judge = Judge()
    reader = _reader(judge)
    longer = HEAD + b"content-length: 12\r\n\r\n" + b"x" * 12
    assert [status for _, _, status in _read(reader, [WHOLE, longer, WHOLE])] == [None] * 3
    assert judge.heads == 1
    judge.closed = True
    assert _read(reader, [WHOLE])[0][1:] == (b"", 401)


def test_a_long_head_is_not_remembered() -> None:
    judge = Judge()
    data = WHOLE.replace(b"\r\n", b"\r\nx: " + b"x" * 4096 + b"\r\n", 1)
    assert len(_read(_reader(judge), [data, data])) == 2
    assert judge.heads == 2


def test_a_head_that_has_begun_is_not_taken_for_a_known_one() -> None:
    reader = _reader()
    assert len(_read(reader, [WHOLE])) == 1
    assert _read(reader, [b"PO", WHOLE])[0][2] == 400


def test_nothing_is_read_after_a_violation() -> None:
    reader = _reader()
    assert _read(reader, [b"GET / HTTP/1.1\nhost: x\n\n", WHOLE]) == [(b"", b"", 400)]


def test_bodies_that_never_become_whole_are_bounded_over_all_connections() -> None:
    arriving = Arriving()
    most = LARGEST_BODIES * SETTINGS.max_body
    part = SETTINGS.max_body - 1
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
    readers = [RequestReader(SETTINGS, Judge(), arriving) for _ in range(LARGEST_BODIES + 2)]
    refused = []
    for reader in readers:
        reader.feed(head % SETTINGS.max_body)
        refused += [one.refusal for one in reader.feed(b"x" * part) if one.refusal is not None]
        assert arriving.held <= most
    assert refused
    assert {one.code for one in refused if one} == {"too_many_bodies"}
    readers[0].feed(b"x")  # whole: the gateway's own limits take over
    for reader in readers:
        reader.let_go()
    assert arriving.held == 0
