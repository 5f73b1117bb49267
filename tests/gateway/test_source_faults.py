"""What a source's fault comes to: what the client sees, what is booked, where the next one goes."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
from fault_rig import FaultRig, cost
from gateway_rig import (
    BODY,
    DONE,
    LAST,
    SSE,
    Answer,
    Client,
    Seen,
    chunk,
    event,
    json_answer,
    live,
)

from tollway.dispatch.messages import Settle


def says(*parts: bytes, close: bool = False) -> Answer:
    async def answer(seen: Seen) -> None:
        await seen.say(*parts)
        if close:
            seen.writer.close()

    return answer


def reset(seen: Seen) -> None:
    """End a connection with a reset instead of an end."""
    sock = seen.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    seen.writer.transport.abort()


async def _reset_at_once(seen: Seen) -> None:
    reset(seen)


async def _silence(seen: Seen) -> None:
    await seen.reader.read(1)


async def _comments(seen: Seen) -> None:
    await seen.say(SSE)
    while not seen.writer.is_closing():
        await seen.say(chunk(b": still here\n\n"))
        await asyncio.sleep(0.02)


async def _drip(seen: Seen) -> None:
    await seen.say(SSE)
    for at in range(10_000):
        if seen.writer.is_closing():
            return
        await seen.say(chunk(b"data: {"[at : at + 1] or b" "))
        await asyncio.sleep(0.02)


async def _endless_error(seen: Seen) -> None:
    await seen.say(
        b"HTTP/1.1 500 Oops\r\ncontent-type: text/html\r\ncontent-length: 99000000\r\n\r\n"
    )
    while not seen.writer.is_closing():
        await seen.say(b"x" * 65536)


JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
BEFORE: dict[str, tuple[Answer, str, str]] = {
    "500": (says(json_answer(b"{}", "500 Oops")), "status", "nothing"),
    "500 with a huge body": (_endless_error, "status", "nothing"),
    "429": (says(json_answer(b"{}", "429 Slow", b"retry-after: 7\r\n")), "status", "nothing"),
    "error as first event": (
        says(SSE, chunk(b'data: {"error":{"message":"no","code":500}}\n\n') + LAST),
        "error_event",
        "nothing",
    ),
    "reset": (_reset_at_once, "refused", "nothing"),
    "cut": (says(SSE, close=True), "cut", "input"),
    "stall": (_silence, "late", "input"),
    "comments only": (_comments, "late", "input"),
    "slow drip": (_drip, "late", "input"),
    "malformed SSE": (says(SSE, chunk(b"data: {nonsense\n\n")), "malformed", "nothing"),
    "over-long SSE": (says(SSE, chunk(b"data: " + b"x" * 2**21)), "malformed", "nothing"),
    "wrong content type": (
        says(JSON + b"content-length: 2\r\n\r\n{}"),
        "malformed",
        "input",
    ),
    "bad chunk size": (says(SSE + b"zz\r\n"), "malformed", "nothing"),
}
"""Fault -> what the source does, the kind that dispatch is told, what the attempt is booked at."""


@pytest.mark.parametrize("name", BEFORE)
def test_before_content(name: str) -> None:
    answer, kind, booked = BEFORE[name]

    async def url(rig: FaultRig) -> str:
        return (await rig.upstream(answer)).url

    _is_made_good(url, kind, booked)


def _is_made_good(
    url: Callable[[FaultRig], Awaitable[str]], kind: str, booked: str = "nothing"
) -> None:
    """The client sees one clean answer, of the fallback; so does the next one, without a detour."""

    @live
    async def run() -> None:
        async with FaultRig() as rig, rig.client() as client:
            await rig.stand_up(await url(rig))
            await _answered_by_b(client, attempts="2")
            settled = await rig.settlement()
            assert (settled.outcome, settled.code, settled.source) == ("completed", None, "b")
            [failed] = settled.failed
            assert (failed.source, failed.kind) == ("a", kind)
            assert (failed.usage.input > 0, failed.usage.output) == (booked == "input", 0)
            assert failed.cost == cost(failed, 1, 2)
            assert settled.cost == failed.cost + cost(settled, 10, 20)
            await _answered_by_b(client, attempts="1")

    run()


async def _answered_by_b(client: Client, attempts: str) -> None:
    client.stream()
    got = await client.got()
    assert (got.status, got.headers["x-tollway-source"]) == (200, "b")
    assert got.headers["x-tollway-attempts"] == attempts
    assert got.body.endswith(DONE)
    assert b"error" not in got.body


def test_a_source_that_refuses_connections() -> None:
    async def url(rig: FaultRig) -> str:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{closed.getsockname()[1]}/v1"

    _is_made_good(url, "refused")


def test_a_source_whose_name_has_no_address() -> None:
    async def url(rig: FaultRig) -> str:
        return "http://no-such-host.invalid/v1"

    _is_made_good(url, "dns")


def test_a_source_without_the_tls_that_was_declared() -> None:
    async def url(rig: FaultRig) -> str:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n")
            await reader.read(1)
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        rig.mocks.append(server)
        return f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    _is_made_good(url, "tls")


async def _reset_within(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("one")))
    await asyncio.sleep(0.05)  # a reset takes back what the other side has not read yet
    reset(seen)


async def _stall_within(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("one")))
    await seen.reader.read(1)


async def _comments_within(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("one")))
    while not seen.writer.is_closing():
        await seen.say(chunk(b": still here\n\n"))
        await asyncio.sleep(0.02)


async def _drip_within(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("one")))
    while not seen.writer.is_closing():
        await seen.say(chunk(b"x"))
        await asyncio.sleep(0.02)


AFTER: dict[str, tuple[Answer, str]] = {
    "cut": (says(SSE, chunk(event("one")), close=True), "cut"),
    "ended without its end marker": (says(SSE, chunk(event("one")) + LAST), "cut"),
    "reset": (_reset_within, "cut"),
    "stall": (_stall_within, "stall"),
    "comments only": (_comments_within, "stall"),
    "slow drip": (_drip_within, "stall"),
    "malformed SSE": (says(SSE, chunk(event("one")), chunk(b"data: {no\n\n")), "malformed"),
    "over-long SSE": (
        says(SSE, chunk(event("one")), chunk(b"data: " + b"x" * 2**21)),
        "malformed",
    ),
    "error event": (
        says(SSE, chunk(event("one")), chunk(b'data: {"error":{"message":"no"}}\n\n') + LAST),
        "error_event",
    ),
}


@pytest.mark.parametrize("name", AFTER)
def test_after_content(name: str) -> None:
    answer, kind = AFTER[name]

    @live
    async def run() -> None:
        async with FaultRig() as rig, rig.client() as client:
            await rig.stand_up((await rig.upstream(answer)).url)
            client.stream()
            got = await client.got()
            assert (got.status, got.headers["x-tollway-source"]) == (200, "a")
            assert got.body.startswith(event("one"))
            assert f'"code":"upstream_{kind}"'.encode() in got.body
            assert b"[DONE]" not in got.body
            settled = await rig.settlement()
            assert (settled.outcome, settled.code) == ("failed", f"upstream_{kind}")
            assert (settled.source, settled.attempts, settled.failed) == ("a", 1, ())
            _booked_so_far(settled)
            await _answered_by_b(client, attempts="1")

    run()


def _booked_so_far(settled: Settle) -> None:
    usage = settled.usage
    assert usage.input > 0
    assert usage.output == 1
    assert usage.estimated
    assert settled.cost == cost(settled, 1, 2)


@live
async def test_a_body_cut_short_falls_back() -> None:
    async with FaultRig() as rig, rig.client() as client:
        cut = says(JSON + b"content-length: 99\r\n\r\n{", close=True)
        await rig.stand_up((await rig.upstream(cut)).url)
        client.ask()
        got = await client.got()
        assert (got.status, got.body, got.headers["x-tollway-source"]) == (200, BODY, "b")
        settled = await rig.settlement()
        assert (settled.outcome, [one.kind for one in settled.failed]) == ("completed", ["cut"])


@live
async def test_a_huge_body_cut_short_is_broken_off_and_booked_as_failed() -> None:
    async with FaultRig() as rig, rig.client() as client:
        whole = json_answer(b'{"data":"' + b"x" * 3_000_000 + b'"}')
        await rig.stand_up((await rig.upstream(says(whole[:-1000], close=True))).url)
        client.ask()
        got = await client.head()
        assert len(await client.closed()) < int(got.headers["content-length"])
        settled = await rig.settlement()
        assert (settled.outcome, settled.code) == ("failed", "upstream_cut")
        assert settled.usage.estimated
        assert settled.cost == cost(settled, 1, 2) > 0


@live
async def test_a_stale_kept_connection_is_no_failure() -> None:
    async def answer(seen: Seen) -> None:
        if getattr(seen.writer, "used", False):
            seen.writer.close()
            return
        seen.writer.used = True  # type: ignore[attr-defined]
        await seen.say(json_answer(BODY))

    async with FaultRig() as rig, rig.client() as client:
        await rig.stand_up((await rig.upstream(answer)).url)
        for _ in range(3):
            client.ask()
            got = await client.got()
            assert (got.headers["x-tollway-source"], got.headers["x-tollway-attempts"]) == (
                "a",
                "1",
            )
            settled = await rig.settlement()
            assert (settled.outcome, settled.failed) == ("completed", ())


@live
async def test_every_source_failing_is_said_once_and_booked_once() -> None:
    async with FaultRig() as rig, rig.client() as client:
        await rig.stand_up((await rig.upstream(says(json_answer(b"{}", "500 Oops")))).url)
        down = dict(rig.board.upstreams)
        rig.board.upstreams = {"a": down["a"], "b": down["a"]}
        client.stream()
        got = await client.got()
        assert got.status == 502
        assert got.headers["content-type"] == "application/json"
        settled = await rig.settlement()
        assert (settled.outcome, settled.cost) == ("failed", 0)
        assert [failed.source for failed in settled.failed] == ["a", "b"]
