"""The multiplexer over a machine's only port, and the host's side of it against a hostile guest."""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.sandbox.vm.guest.mux import (
    CONTROL,
    CREDIT,
    DATA,
    END,
    HEADER,
    LARGEST,
    OPEN,
    RESET,
    WINDOW,
    Malformed,
    Mux,
    frame,
)
from tollway.sandbox.vm.link import Incoming, Link, Outgoing

_LASTING = (1, 2, 3, 4)


def host(most: int = 8) -> Mux:
    return Mux(_LASTING, most=most, opens=False)


def guest() -> Mux:
    return Mux(_LASTING, most=0xFFFF, opens=True)


class Pair:
    """A host and a guest whose frames arrive cut anywhere, and what each has received."""

    def __init__(self, cut: random.Random) -> None:
        self.sides = {"host": host(), "guest": guest()}
        self.wires = {"host": bytearray(), "guest": bytearray()}
        self.got: dict[tuple[str, int], bytearray] = {}
        self.cut = cut

    def send(self, side: str, data: bytes) -> None:
        self.wires["guest" if side == "host" else "host"].extend(data)

    def deliver(self) -> None:
        while any(self.wires.values()):
            for side, mux in self.sides.items():
                wire = self.wires[side]
                size = self.cut.choice((1, 7, 300, 5_000))
                piece = bytes(wire[:size])
                del wire[:size]
                for number, kind, payload in mux.feed(piece):
                    if kind == DATA:
                        self.got.setdefault((side, number), bytearray()).extend(payload)
                        if number != CONTROL:
                            self.send(side, mux.grant(number, len(payload)))
                self.send(side, bytes(mux.replies))
                mux.replies.clear()


STEP = st.tuples(
    st.sampled_from(["host", "guest"]),
    st.sampled_from(["open", "data", "end", "reset"]),
    st.integers(0, 5),
    st.binary(max_size=300),
)


@given(st.lists(STEP, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_what_one_side_sends_the_other_gets_in_order_and_both_agree_on_what_is_open(
    steps: list[tuple[str, str, int, bytes]], cut: random.Random
) -> None:
    pair = Pair(cut)
    opened: list[int] = [*_LASTING]
    sent: dict[tuple[str, int], bytearray] = {}
    broken: set[int] = set()
    for side, what, which, payload in steps:
        mux = pair.sides[side]
        number = opened[which % len(opened)]
        if what == "open" and side == "guest" and len(mux.streams) < 10:
            number, data = mux.open(b"8400")
            opened.append(number)
            pair.send(side, data)
        elif what == "data" and mux.room(number):
            piece = payload[: mux.room(number)]
            pair.send(side, mux.data(number, piece))
            other = "guest" if side == "host" else "host"
            sent.setdefault((other, number), bytearray()).extend(piece)
        elif what == "end":
            pair.send(side, mux.end(number))
        elif what == "reset":
            broken.add(number)
            pair.send(side, mux.reset(number))
        if cut.random() < 0.5:
            pair.deliver()
    pair.deliver()
    for (side, number), data in sent.items():
        if number not in broken:
            assert pair.got.get((side, number), bytearray()) == data
    assert pair.sides["host"].streams.keys() == pair.sides["guest"].streams.keys()


def test_frames_are_the_same_whole_byte_by_byte_and_with_more_behind() -> None:
    whole = b"".join(
        (frame(CONTROL, DATA, b"{}"), frame(2, DATA, b"out"), frame(2, END, b""), b"\0\0")
    )
    at_once = host().feed(whole)
    mux = host()
    singly = [event for at in range(len(whole)) for event in mux.feed(whole[at : at + 1])]
    assert at_once == singly == [(0, DATA, b"{}"), (2, DATA, b"out"), (2, END, b"")]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([HEADER.pack(2, DATA, LARGEST + 1)], "32769 bytes"),
        ([HEADER.pack(2, 9, 0)], "kind 9"),
        ([HEADER.pack(2, 0, 0)], "kind 0"),
        ([frame(CONTROL, END, b"")], "control stream"),
        ([frame(99, DATA, b"x")], "never opened"),
        ([frame(7, OPEN, b"8400")], "out of order"),
        ([frame(20, OPEN, b"8400"), frame(19, OPEN, b"8400")], "out of order"),
        ([frame(20, OPEN, b"8" * 65)], "out of order"),
        ([frame(16 + it, OPEN, b"8400") for it in range(9)], "more than 8 streams"),
        ([frame(2, END, b""), frame(2, DATA, b"x")], "more than was granted"),
        ([frame(2, END, b""), frame(2, END, b"")], "ended twice"),
        ([frame(2, END, b"x")], "bytes in it"),
        ([frame(2, DATA, bytes(LARGEST))] * (WINDOW // LARGEST + 1), "more than was granted"),
        ([frame(2, CREDIT, b"\0\0\0\1")], "credit that was not used"),
        ([frame(2, CREDIT, b"")], "credit that was not used"),
    ],
)
def test_a_broken_rule_is_malformed(frames: list[bytes], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        host().feed(b"".join(frames))


def test_a_side_never_sends_more_than_was_granted() -> None:
    mux = guest()
    sent = 0
    while room := mux.room(2):
        sent += len(mux.data(2, bytes(room))) - HEADER.size
    assert sent == WINDOW
    with pytest.raises(ValueError, match="no room"):
        mux.data(2, b"x")


class Wired:
    """A link of the host whose guest the test plays."""

    def __init__(self, link: Link, port: socket.socket) -> None:
        self.link, self.port = link, port
        self.told: list[dict[str, Any]] = []
        self.opened: list[tuple[int, Incoming, Outgoing]] = []

    async def say(self, data: bytes) -> None:
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self.port, data)


@asynccontextmanager
async def wired(connections: int = 4) -> AsyncIterator[Wired]:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    made: list[Wired] = []
    link = Link(
        reader,
        writer,
        lambda message: made[0].told.append(message),  # noqa: PLW0108  # it is made later
        lambda *given: made[0].opened.append(given),
        connections,
    )
    made.append(Wired(link, theirs))
    serving = asyncio.create_task(link.serve())
    try:
        yield made[0]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        theirs.close()


@pytest.mark.parametrize(
    "data",
    [
        frame(CONTROL, DATA, b"not json"),
        frame(CONTROL, DATA, b"[]"),
        frame(CONTROL, DATA, b'{"is": 3}'),
        frame(CONTROL, DATA, b"[" * 30_000),
        frame(16, OPEN, b"port"),
        frame(16, OPEN, b"999999"),
        frame(2, 77, b""),
    ],
)
async def test_whatever_is_malformed_ends_the_link(data: bytes) -> None:
    async with wired() as guest_side:
        await guest_side.say(data)
        assert "rules" in await guest_side.link.lost
        with pytest.raises(ConnectionResetError):
            await guest_side.link.incoming[2].read(10)
        writing = guest_side.link.outgoing[1]
        writing.write(b"x")
        with pytest.raises(ConnectionResetError):
            await writing.drain()


async def test_a_guest_that_leaves_ends_every_stream() -> None:
    async with wired() as guest_side:
        reading = asyncio.create_task(guest_side.link.incoming[2].read(10))
        guest_side.port.shutdown(socket.SHUT_RDWR)
        assert await guest_side.link.lost == "the machine ended"
        with pytest.raises(ConnectionResetError):
            await reading


async def test_a_connection_is_read_and_written_like_any_other() -> None:
    async with wired() as guest_side:
        await guest_side.say(
            frame(16, OPEN, b"8400") + frame(16, DATA, b"ask") + frame(16, END, b"")
        )
        while not guest_side.opened:  # noqa: ASYNC110  # until the link has read it
            await asyncio.sleep(0)  # until the link has read it
        port, reader, writer = guest_side.opened[0]
        assert (port, await reader.read(100), await reader.read(100)) == (8400, b"ask", b"")
        writer.write(b"answer")
        await writer.drain()
        writer.write_eof()
        writer.close()
        # No credit goes to a side that has ended.
        wanted = frame(16, DATA, b"answer") + frame(16, END, b"")
        got = b""
        while len(got) < len(wanted):
            got += await asyncio.get_running_loop().sock_recv(guest_side.port, 4096)
        assert got == wanted


async def test_a_guest_that_reads_nothing_is_not_read() -> None:
    flood = frame(16, OPEN, b"1") + frame(16, RESET, b"") * 2_000
    async with wired() as guest_side:
        # Each RESET of a stream that is over is answered; unread answers must not pile up here.
        saying = asyncio.create_task(guest_side.say(flood * 1 + frame(16, RESET, b"") * 2_000_000))
        done, _ = await asyncio.wait((saying,), timeout=0.5)
        assert not done
        assert guest_side.link.buffered() < 1 << 20
        saying.cancel()


@given(st.binary(max_size=2_000))
@settings(max_examples=500, deadline=None)
def test_no_bytes_make_the_host_fail_in_another_way(data: bytes) -> None:
    mux = host()
    try:
        mux.feed(data)
    except Malformed:
        return
    assert len(mux.streams) <= 8 + len(_LASTING)


FRAME = st.builds(
    frame,
    st.sampled_from([0, 1, 2, 4, 5, 15, 16, 17, 18, 19, 40]),
    st.integers(0, 6),
    st.one_of(
        st.binary(max_size=40),
        st.just(b"\0\0\0\5"),
        st.just(b"8400"),
        st.builds(lambda word: json.dumps({"is": word}).encode(), st.text(max_size=9)),
    ),
)


@given(st.lists(FRAME, max_size=40))
@settings(max_examples=60, deadline=None)
def test_frames_of_any_kind_leave_the_host_bounded(frames: list[bytes]) -> None:
    async def played() -> None:
        async with wired() as guest_side:
            await guest_side.say(b"".join(frames))
            guest_side.port.shutdown(socket.SHUT_WR)
            await guest_side.link.lost
            assert len(guest_side.opened) <= 2 * 4 + 16

    asyncio.run(played())
