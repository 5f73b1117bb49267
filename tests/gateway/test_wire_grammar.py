"""A source's answers made by the grammar of HTTP/1.1, fed whole, byte by byte and cut anywhere."""

import asyncio
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollway.gateway.outbox import Outbox
from tollway.gateway.wire import UpstreamConnection

KIND = b"content-type: text/event-stream"
bodies = st.binary(max_size=200)


class Seen:
    """The call, its reply, the pool, the loop and the transport: notes what each is told."""

    def __init__(self) -> None:
        self.notes: list[object] = []
        self.body = b""
        self.ends = 0
        self.paused = False
        self.connection: object = None
        self.reply = self
        self.outbox = Outbox(cast(Any, self))
        self.closed = self.kept = False

    # the reply
    def data(self, data: bytes, ended: bool) -> None:
        self.body += data
        self.ends += ended

    # the call
    def ended(self) -> None: ...
    def broken(self, detail: str) -> None:
        self.notes.append("broken")

    def dropped(self, answered: bool, used: bool, why: str) -> None:
        self.notes.append("dropped")

    # the pool
    def release(self, connection: UpstreamConnection) -> None:
        self.kept = True

    def winding(self, connection: UpstreamConnection) -> None: ...
    def forget(self, connection: UpstreamConnection) -> None: ...

    # the loop and the transport
    def call_soon(self, flush: object) -> None: ...
    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def abort(self) -> None:
        self.closed = True


class Call(Seen):
    """As a call has both a request's head and body, and a reply has `head` as what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.reply = Reply()
        self.head = self.body = b"x"


class Reply(Seen):
    def head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.notes.append((status, dict(headers)))


def read(pieces: list[bytes], gone: bool) -> tuple[list[object], bytes, int, list[object], bool]:
    """What the reply was told, its body, its ends, what the call was told, and whether the
    connection may be used again."""
    pool, call = Seen(), Call()
    connection = UpstreamConnection(cast(Any, pool))
    connection.connection_made(cast(asyncio.BaseTransport, pool))
    assert connection.take(cast(Any, call))
    for piece in pieces:
        if not pool.closed:
            connection.data_received(piece)
    if gone and not pool.closed:
        connection.connection_lost(None)
    reply = call.reply
    return reply.notes, reply.body, reply.ends, call.notes, pool.kept and not pool.closed


def every_way(data: bytes, at: list[int], gone: bool) -> list[Any]:
    places = sorted({place % (len(data) + 1) for place in at})
    cut = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    single = [data[n : n + 1] for n in range(len(data))]
    return [read([piece for piece in way if piece], gone) for way in ([data], cut, single)]


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    at = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    parts = [body[a:b] for a, b in zip([0, *at], [*at, len(body)], strict=True) if a < b]
    out = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return out + b"0\r\n" + draw(st.sampled_from([b"", b"x-sum: 1\r\n"])) + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An answer, and its body."""
    body = draw(bodies)
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]))
    if draw(st.booleans()):
        framing, tail = b"content-length: %d" % len(body), body
    else:
        framing, tail = b"transfer-encoding: chunked", draw(chunked(body))
    lines = draw(st.permutations([KIND, framing, b"server: x"]))
    return interim + b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", tail]), body


cuts = st.lists(st.integers(0, 1000), max_size=8)
quiet = settings(max_examples=150, deadline=None)


@quiet
@given(answers(), cuts)
def test_an_answer_is_read_as_it_was_made_and_its_connection_kept(
    made: tuple[bytes, bytes], at: list[int]
) -> None:
    for notes, body, ends, told, kept in every_way(made[0], at, gone=False):
        assert [note[0] for note in notes] == [200]
        assert (body, ends, told, kept) == (made[1], 1, [], True)


@quiet
@given(answers(), st.data(), cuts)
def test_an_answer_cut_short_is_never_taken_for_a_whole_one(
    made: tuple[bytes, bytes], data: st.DataObject, at: list[int]
) -> None:
    short = made[0][: data.draw(st.integers(0, len(made[0]) - 1))]
    for _, body, ends, told, kept in every_way(short, at, gone=True):
        assert made[1].startswith(body)
        assert (ends, told, kept) == (0, ["dropped"], False)


@quiet
@example((b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""), b"H", [])
@example((b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", b"x"), b"HTTP/1.1 200", [])
@given(answers(), st.binary(min_size=1, max_size=40).filter(lambda it: it.strip(b"\r\n")), cuts)
def test_bytes_behind_an_answer_change_nothing_of_it_and_cost_its_connection(
    made: tuple[bytes, bytes], noise: bytes, at: list[int]
) -> None:
    for _, body, ends, told, kept in every_way(made[0] + noise, at, gone=False):
        assert (body, ends, told, kept) == (made[1], 1, [], False)


@quiet
@given(answers(), st.integers(0, 400), st.binary(min_size=1, max_size=4), cuts)
def test_an_answer_with_bytes_changed_is_read_the_same_however_it_is_cut(
    made: tuple[bytes, bytes], place: int, noise: bytes, at: list[int]
) -> None:
    place %= len(made[0])
    data = made[0][:place] + noise + made[0][place + len(noise) :]
    whole, *others = [
        (ends, told == [], body if ends else b"")
        for _, body, ends, told, _ in every_way(data, at, gone=True)
    ]
    assert others == [whole, whole]


def plain(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\n%b\r\ncontent-length: %d\r\n\r\n%b" % (status, KIND, len(body), body)


def read_after(firsts: list[bytes], pieces: list[bytes]) -> tuple[Any, ...]:
    """As `read`, on a connection that has brought other answers before."""
    pool = Seen()
    connection = UpstreamConnection(cast(Any, pool))
    connection.connection_made(cast(asyncio.BaseTransport, pool))
    for first in firsts:
        assert connection.take(cast(Any, Call()))
        connection.data_received(first)
    call, pool.kept = Call(), False
    if not connection.take(cast(Any, call)):
        return ("closed",)
    for piece in pieces:
        if not pool.closed:
            connection.data_received(piece)
    return (
        [_without_length(note) for note in call.reply.notes],
        call.reply.body,
        call.reply.ends,
        call.notes,
        pool.kept and not pool.closed,
    )


def _without_length(note: Any) -> Any:
    status, headers = note
    return status, {k: v for k, v in headers.items() if k != b"content-length"}


@quiet
@given(
    st.lists(bodies, min_size=1, max_size=3),
    st.one_of(bodies.map(plain), answers().map(lambda made: made[0])),
    st.sampled_from([b"", b"x", plain(b"y")]),
    cuts,
)
def test_an_answer_after_others_is_read_as_on_a_fresh_connection(
    before: list[bytes], answer: bytes, behind: bytes, at: list[int]
) -> None:
    data = answer + behind
    places = sorted({place % (len(data) + 1) for place in at})
    cut = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True) if a < b]
    for pieces in ([data], cut):
        fresh = read_after([], pieces)
        assert read_after([plain(body) for body in before], pieces) == fresh


def test_a_head_that_came_before_is_not_parsed_again() -> None:
    pool = Seen()
    connection = UpstreamConnection(cast(Any, pool))
    connection.connection_made(cast(asyncio.BaseTransport, pool))
    told: list[Any] = []
    for body in (b"one", b"another", b"x" * 100):
        call = Call()
        assert connection.take(cast(Any, call))
        connection.data_received(plain(body))
        assert (call.reply.body, call.reply.ends, pool.kept) == (body, 1, True)
        told.append(call.reply.notes)
    # What is remembered has no length, and an answer that is recognised is told what is remembered.
    assert [b"content-length" in note[0][1] for note in told] == [True, False, False]
    assert [_without_length(note[0]) for note in told] == [(200, {b"content-type": KIND[14:]})] * 3


def test_a_source_that_numbers_its_answers_is_not_remembered_for_ever() -> None:
    pool = Seen()
    connection = UpstreamConnection(cast(Any, pool))
    connection.connection_made(cast(asyncio.BaseTransport, pool))
    heads: list[object] = []
    for number in range(30):
        call = Call()
        assert connection.take(cast(Any, call))
        connection.data_received(
            plain(b"x").replace(b"\r\ncontent-l", b"\r\nx-request-id: %d\r\ncontent-l" % number)
        )
        heads.append(connection._known)  # pyright: ignore[reportPrivateUsage]
    assert heads[-1] is heads[10]
