"""What a sandbox prints."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

from tollway.sandbox.defences import ALL
from tollway.sandbox.order import Limits
from tollway.sandbox.printing import Printing
from tollway.units import Bytes


def feed(to: int, data: bytes) -> threading.Thread:
    def write() -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(to, rest) :]
        except BrokenPipeError:
            pass
        finally:
            os.close(to)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


async def test_what_is_printed_arrives_whole_and_is_counted(tmp_path: Path) -> None:
    printing = Printing(Limits())
    source, end = os.pipe()
    data = os.urandom(3_000_000)
    with (tmp_path / "out").open("wb") as out:
        thread = feed(end, data)
        await printing.copy(source, out.fileno())
    thread.join()
    assert (tmp_path / "out").read_bytes() == data
    assert printing.printed == len(data)
    assert not printing.full.is_set()


async def test_past_the_bound_nothing_is_written_and_it_is_told(tmp_path: Path) -> None:
    printing = Printing(Limits(output=Bytes(1000)))
    source, end = os.pipe()
    with (tmp_path / "out").open("wb") as out:
        thread = feed(end, b"x" * 1_000_000)
        await asyncio.gather(printing.copy(source, out.fileno()), printing.full.wait())
    thread.join()  # it met SIGPIPE's error: the relay no longer reads
    assert (tmp_path / "out").stat().st_size == 1000 == printing.printed


async def test_both_streams_share_the_bound(tmp_path: Path) -> None:
    printing = Printing(Limits(output=Bytes(10)))
    with (tmp_path / "out").open("wb") as out:
        assert printing.write(out.fileno(), b"123456")
        assert not printing.write(out.fileno(), b"123456")
    assert (tmp_path / "out").read_bytes() == b"1234561234"


async def test_there_is_no_bound_without_the_defence(tmp_path: Path) -> None:
    printing = Printing(Limits(output=Bytes(1)), replace(ALL, output=False))
    with (tmp_path / "out").open("wb") as out:
        assert printing.write(out.fileno(), b"123456")


async def test_a_reader_that_is_gone_ends_the_relay(tmp_path: Path) -> None:
    printing = Printing(Limits())
    source, end = os.pipe()
    gone, to = os.pipe()
    os.close(gone)
    thread = feed(end, b"x" * 1_000_000)
    await printing.copy(source, to)
    thread.join()
    os.close(to)


async def test_a_descriptor_that_does_not_block_is_written_whole(tmp_path: Path) -> None:
    printing = Printing(Limits())
    source, end = os.pipe()
    read, to = os.pipe()
    os.set_blocking(to, False)
    got = bytearray()

    def drain() -> None:
        while data := os.read(read, 4096):
            got.extend(data)

    reader = threading.Thread(target=drain)
    thread = feed(end, b"x" * 500_000)
    reader.start()
    await printing.copy(source, to)
    os.close(to)
    reader.join()
    thread.join()
    os.close(read)
    assert len(got) == 500_000
