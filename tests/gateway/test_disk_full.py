"""A disk that is really full, under a running gateway: its ledger, recording and log are on it."""

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_rig import Seen, event, good_body, live
from process_rig import Gate, Gateway, Terms, running
from workers_rig import FOUR, accountant, children, until


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs to be root, and to be allowed to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Two:
    """A stream that waits at its gate; anything else is answered at once."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.asked = 0

    async def __call__(self, seen: Seen) -> None:
        if b'"stream":true' in seen.body:
            await self.gate(seen)
        else:
            self.asked += 1
            await good_body(seen)


async def _status(gateway: Gateway) -> tuple[int, dict[str, str]]:
    got = await (await gateway.asking()).got()
    return got.status, got.headers


async def _unready(gateway: Gateway) -> bool:
    return await gateway.get("/readyz") == 503


async def _until_status(gateway: Gateway, wanted: int) -> dict[str, str]:
    # The first commits may still fit into pages that the log already has.
    async with asyncio.timeout(15):
        while True:
            status, headers = await _status(gateway)
            if status == wanted:
                return headers
            assert status in (200, 503)
            await asyncio.sleep(0.02)


async def _refuses_then_settles(gateway: Gateway, answer: Two, fill: object, empty: object) -> None:
    stream = await gateway.asking(stream=True)
    await stream.head()
    fill()  # type: ignore[operator]
    headers = await _until_status(gateway, 503)
    assert int(headers["retry-after"]) >= 1
    asked = answer.asked
    for _ in range(5):
        assert (await _status(gateway))[0] == 503
    assert answer.asked == asked  # nothing that could not be booked was sent
    await until(lambda: _unready(gateway), 2.0)  # workers are told twice a second
    answer.gate.open.set()
    assert (await stream.chunks()).startswith(event("a"))  # what runs goes on to its end
    empty()  # type: ignore[operator]
    await _until_status(gateway, 200)
    assert gateway.process is not None
    gateway.process.terminate()
    assert await gateway.ended() == 0
    settled = gateway.settled()
    assert set(settled) == {"completed"}
    assert settled["completed"] == answer.asked + 1


EACH = pytest.mark.parametrize("terms", [Terms(), Terms(FOUR)], ids=["one process", "four workers"])


@EACH
def test_a_full_disk_refuses_new_work_and_settles_what_runs(tmp_path: Path, terms: Terms) -> None:
    live(_full_disk)(tmp_path, terms)


async def _full_disk(tmp_path: Path, terms: Terms) -> None:
    with small_disk(tmp_path / "disk") as disk:
        answer = Two()
        async with running(disk, answer, terms=terms) as (gateway, _):

            def fill() -> None:
                with (disk / "filler").open("wb", buffering=0) as file:
                    try:
                        while file.write(b"x" * 4096) == 4096:
                            pass
                    except OSError as error:
                        assert error.errno == 28  # noqa: PT017 - ENOSPC, and nothing else

            await _refuses_then_settles(gateway, answer, fill, (disk / "filler").unlink)


@EACH
def test_a_ledger_that_may_not_grow_refuses_new_work_and_settles_what_runs(
    tmp_path: Path, terms: Terms
) -> None:
    live(_may_not_grow)(tmp_path, terms)


async def _may_not_grow(tmp_path: Path, terms: Terms) -> None:
    answer = Two()
    async with running(tmp_path, answer, terms=terms) as (gateway, _):
        pid = accountant(gateway)  # who holds the ledger's lock, with workers or without
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

        def limit(soft: int) -> None:
            for each in (pid, *children(pid)):  # one of which books
                resource.prlimit(each, resource.RLIMIT_FSIZE, (soft, hard))

        await _refuses_then_settles(gateway, answer, lambda: limit(1), lambda: limit(hard))
