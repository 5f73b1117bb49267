"""The upstream's side: what sources do wrong, and how their connections are kept."""

import asyncio
import socket
import ssl
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from gateway_rig import (
    BODY,
    DONE,
    LAST,
    SSE,
    TIMEOUTS,
    Mock,
    Rig,
    Seen,
    chunk,
    event,
    good_body,
    good_stream,
    json_answer,
    live,
    source,
)

from tollway.dispatch import messages as m
from tollway.gateway.upstream import Origin
from tollway.units import Seconds


def reset(seen: Seen) -> None:
    """End a connection with a reset instead of an end."""
    sock = seen.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    seen.writer.transport.abort()


async def _nothing(seen: Seen) -> None:
    seen.writer.close()


async def _reset_at_once(seen: Seen) -> None:
    reset(seen)


def _says(*parts: bytes, close: bool = False) -> object:
    async def answer(seen: Seen) -> None:
        await seen.say(*parts)
        if close:
            seen.writer.close()

    return answer


JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM_FAULTS = {
    "closed without an answer": (_nothing, "refused"),
    "reset without an answer": (_reset_at_once, "refused"),
    "500": (_says(json_answer(b"{}", "500 Oops")), "status"),
    "a redirect": (
        _says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        "status",
    ),
    "an error as first event": (
        _says(SSE, chunk(b'data: {"error":{"message":"no","code":500}}\n\n') + LAST),
        "error_event",
    ),
    "cut before content": (_says(SSE, close=True), "cut"),
    "ended before content": (_says(SSE + LAST), "cut"),
    "not HTTP": (_says(b"SSH-2.0-x\r\n\r\n"), "malformed"),
    "a switch of protocols": (
        _says(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
        "malformed",
    ),
    "bad chunk size": (_says(SSE, b"zz\r\n"), "malformed"),
    "not SSE": (_says(SSE, chunk(b"data: {nonsense\n\n")), "malformed"),
    "an endless event": (_says(SSE, chunk(b"data: " + b"x" * 2**21)), "malformed"),
    "wrong content type": (_says(JSON + b"content-length: 2\r\n\r\n{}"), "malformed"),
    "compressed": (
        _says(SSE[:-2] + b"content-encoding: gzip\r\n\r\n", chunk(b"\x1f\x8b")),
        "malformed",
    ),
    "an endless head": (_says(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 2**20), "malformed"),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_before_content_is_made_good_by_another_source(name: str) -> None:
    answer, kind = STREAM_FAULTS[name]

    @live
    async def run() -> None:
        async with Rig(plan=["a", "b"]) as rig, rig.client() as client:
            bad, good = await rig.upstream(answer), await rig.upstream(good_stream)  # type: ignore[arg-type]
            rig.use(a=bad.url, b=good.url)
            client.stream()
            got = await client.got()
            assert (got.status, got.headers["x-tollway-source"]) == (200, "b")
            assert got.headers["x-tollway-attempts"] == "2"
            assert got.body.endswith(DONE)
            assert b"error" not in got.body
            [failed] = rig.decider.seen(m.Failed)
            assert isinstance(failed, m.Failed)
            assert failed.kind == kind
            assert len(rig.books.settled) == 1

    run()


BODY_FAULTS = {
    "cut": (_says(JSON + b"content-length: 99\r\n\r\n{", close=True), "cut"),
    "not JSON": (_says(json_answer(b"oops")), "malformed"),
    "a web page": (
        _says(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"),
        "malformed",
    ),
    "an error in a 200": (_says(json_answer(b'{"error":{"message":"no"}}')), "error_event"),
}


@pytest.mark.parametrize("name", BODY_FAULTS)
def test_an_answer_that_is_no_stream_falls_back_until_it_is_whole(name: str) -> None:
    answer, kind = BODY_FAULTS[name]

    @live
    async def run() -> None:
        async with Rig(plan=["a", "b"]) as rig, rig.client() as client:
            bad, good = await rig.upstream(answer), await rig.upstream(good_body)  # type: ignore[arg-type]
            rig.use(a=bad.url, b=good.url)
            client.ask()
            got = await client.got()
            assert (got.status, got.body) == (200, BODY)
            [failed] = rig.decider.seen(m.Failed)
            assert isinstance(failed, m.Failed)
            assert failed.kind == kind

    run()


@live
async def test_a_refused_connection_and_a_name_without_address_are_told_apart() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        async with Rig(plan=["a", "b"]) as rig, rig.client() as client:
            rig.use(a=url, b="http://no-such-host.invalid/v1")
            client.ask()
            assert (await client.got()).status == 502
            kinds = [event.kind for event in rig.decider.seen(m.Failed)]  # type: ignore[attr-defined]
            assert kinds == ["refused", "dns"]


@live
async def test_a_connection_that_is_never_accepted_times_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        timeouts = replace(TIMEOUTS, connect=Seconds(0.2))
        async with Rig() as rig, rig.client() as client:
            slow = source("a", f"http://127.0.0.1:{address[1]}/v1", timeouts=timeouts)
            rig.board.use({"a": Origin.of(slow, None)})
            client.ask()
            assert (await client.got()).status == 502
            [failed] = rig.decider.seen(m.Failed)
            assert failed.kind == "connect_timeout"  # type: ignore[attr-defined]
        for filler in fillers:
            filler.close()


async def _tls_upstream(authority: trustme.CA, name: str) -> tuple[asyncio.Server, Mock]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    mock = Mock(good_body)
    server = await asyncio.start_server(mock.serve, "127.0.0.1", 0, ssl=context)
    mock.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
    return server, mock


@pytest.mark.parametrize(
    ("name", "trusted", "kind"),
    [("localhost", True, None), ("localhost", False, "tls"), ("other.test", True, "tls")],
)
def test_a_certificate_must_be_trusted_and_of_the_right_name(
    tmp_path: Path, name: str, trusted: bool, kind: str | None
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    (authority if trusted else stranger).cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    @live
    async def run() -> None:
        server, mock = await _tls_upstream(authority, name)
        async with Rig() as rig, rig.client() as client:
            one = source("a", mock.url, ca_file=str(tmp_path / "ca.pem"))
            rig.board.use({"a": Origin.of(one, "secret")})
            for _ in range(2):
                client.ask()
                assert (await client.got()).status == (502 if kind else 200)
            kinds = [event.kind for event in rig.decider.seen(m.Failed)]  # type: ignore[attr-defined]
            assert kinds == ([kind, kind] if kind else [])
            assert len(mock.seen) == (0 if kind else 2)
            assert kind or mock.connections == 1
        server.close()

    run()


@live
async def test_a_kept_connection_gone_stale_is_replaced_and_nobody_notices() -> None:
    async def answer(seen: Seen) -> None:
        # The second request on a connection is dropped, as by a server whose patience has ended.
        if getattr(seen.writer, "used", False):
            seen.writer.close()
            return
        seen.writer.used = True  # type: ignore[attr-defined]
        await seen.say(json_answer(BODY))

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        rig.use(a=mock.url)
        for _ in range(3):
            client.ask()
            got = await client.got()
            assert (got.status, got.headers["x-tollway-attempts"]) == (200, "1")
        assert rig.decider.seen(m.Failed) == []
        assert mock.connections == 3


@live
async def test_a_fresh_connection_that_closes_is_not_tried_twice() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(_nothing)
        rig.use(a=mock.url)
        client.ask()
        assert (await client.got()).status == 502
        assert mock.connections == 1


@live
async def test_bytes_behind_an_answer_are_never_the_next_answer() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(BODY) + json_answer(b'{"evil":1}'))

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        rig.use(a=mock.url)
        for _ in range(3):
            client.ask()
            assert (await client.got()).body == BODY
        assert mock.connections == 3


@live
async def test_an_interim_answer_is_passed_over() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", json_answer(BODY))

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.ask()
        assert (await client.got()).body == BODY


@live
async def test_only_what_a_source_needs_is_sent_and_only_what_is_listed_comes_back() -> None:
    extra = b"set-cookie: a=b\r\nserver: x\r\nauthorization: y\r\nx-request-id: up-1\r\n"

    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(BODY, extra=extra))

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        rig.board.use({"a": Origin.of(source("a", mock.url), "the-secret")})
        client.ask(extra=b"cookie: c\r\nx-forwarded-for: 1\r\ntraceparent: 00-ab-cd-01\r\n")
        got = await client.got()
        sent = mock.seen[0].head.lower()
        assert b"authorization: bearer the-secret\r\n" in sent
        assert b"accept-encoding: identity\r\n" in sent
        assert b"traceparent: 00-ab-cd-01\r\n" in sent
        assert b"cookie" not in sent
        assert b"tw_" not in sent
        assert got.headers["x-upstream-request-id"] == "up-1"
        assert not {"set-cookie", "server", "authorization"} & set(got.headers)


@live
async def test_a_client_fault_is_relayed_and_an_answer_about_our_credential_is_not() -> None:
    said = b'{"error":{"message":"Incorrect API key provided: the-secret"}}'
    for status, shown in (("400 Bad", 400), ("401 Unauthorized", 502)):

        async def answer(seen: Seen, status: str = status) -> None:
            await seen.say(json_answer(said, status))

        async with Rig() as rig, rig.client() as client:
            rig.use(a=(await rig.upstream(answer)).url)
            client.ask()
            got = await client.got()
            assert got.status == shown
            assert (b"the-secret" in got.body) == (shown == 400)


@live
async def test_retry_after_reaches_dispatch() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(b"{}", "429 Slow", b"retry-after: 7\r\n"))

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.ask()
        await client.got()
        [failed] = rig.decider.seen(m.Failed)
        assert isinstance(failed, m.Failed)
        assert (failed.kind, failed.status, failed.retry_after) == ("status", 429, 7.0)


@live
async def test_a_retired_source_ends_what_it_has_begun_and_keeps_nothing() -> None:
    gate = asyncio.Event()

    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")))
        await gate.wait()
        await seen.say(chunk(DONE) + LAST)

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        rig.use(a=mock.url)
        client.stream()
        await client.head()
        old = rig.board.upstreams["a"]
        rig.use(b=mock.url)
        gate.set()
        assert (await client.chunks()).endswith(DONE)
        assert old.idle == 0
