"""What is written in one turn of the loop goes out together, in order."""

import asyncio

from tollway.gateway.outbox import MOST, Outbox


class Tape:
    """A transport that notes what it is given."""

    def __init__(self, closing: bool = False) -> None:
        self.data: list[bytes] = []
        self.closing = closing

    def write(self, data: bytes) -> None:
        self.data.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


class HalfClosed(Tape):
    """A transport whose sending half is closed."""

    def write(self, data: bytes) -> None:
        raise RuntimeError("Cannot call write() after write_eof()")


def test_writes_of_one_turn_go_out_at_its_end_in_their_order() -> None:
    async def turn() -> None:
        box = Outbox(asyncio.get_running_loop())
        one, two = Tape(), Tape()
        box.write(one, b"a")
        box.write(two, b"b")
        box.write(one, b"c")
        assert one.data == two.data == []
        await asyncio.sleep(0)
        assert (one.data, two.data) == ([b"a", b"c"], [b"b"])
        box.write(one, b"d")
        await asyncio.sleep(0)
        assert one.data == [b"a", b"c", b"d"]

    asyncio.run(turn())


def test_a_flush_writes_at_once_and_nothing_twice() -> None:
    async def turn() -> None:
        box = Outbox(asyncio.get_running_loop())
        tape, closed = Tape(), Tape(closing=True)
        box.write(tape, b"a")
        box.write(closed, b"b")
        box.flush()
        assert (tape.data, closed.data) == ([b"a"], [])
        await asyncio.sleep(0)
        assert tape.data == [b"a"]

    asyncio.run(turn())


def test_a_transport_that_cannot_be_written_to_costs_no_other_its_data() -> None:
    async def turn() -> None:
        box = Outbox(asyncio.get_running_loop())
        broken, tape = HalfClosed(), Tape()
        box.write(broken, b"a")
        box.write(tape, b"b")
        await asyncio.sleep(0)
        assert (broken.closing, tape.data) == (True, [b"b"])

    asyncio.run(turn())


def test_no_more_than_a_bound_waits_for_the_end_of_a_turn() -> None:
    async def turn() -> None:
        box = Outbox(asyncio.get_running_loop())
        tape = Tape()
        box.write(tape, b"a" * MOST)
        assert tape.data == []
        box.write(tape, b"b")
        box.write(tape, b"c")
        assert tape.data == [b"a" * MOST, b"b"]
        await asyncio.sleep(0)
        assert tape.data == [b"a" * MOST, b"b", b"c"]

    asyncio.run(turn())
