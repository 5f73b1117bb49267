"""Attacks on the way out. Each succeeds when its defence is off."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from egress_rig import HOST, OTHER, TINY, Client, Got, Host, Rig, Seen, answer, echo

from tollway.egress.defences import ALL, Defences
from tollway.fleet.egressing import EgressRule
from tollway.units import Seconds

ANYWHERE = EgressRule("anywhere", ("*",), plain=True)
SHORT = Seconds(0.2)


def off(name: str) -> Defences:
    return replace(ALL, **{name: False})


both = pytest.mark.parametrize("defended", [True, False], ids=["defended", "control"])


# --- where a connection leads --------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
        ["169.254.169.254", "127.0.0.1"],
    ],
    ids=lambda it: it[0],
)
async def test_a_name_that_leads_inside(
    tmp_path: Path, defended: bool, addresses: Sequence[str]
) -> None:
    defences = ALL if defended else off("addresses")
    settings = {"private": (), "connect_timeout": Seconds(1.0)}
    async with Rig(tmp_path, defences, (ANYWHERE,), settings=settings) as rig:
        rig.names[HOST] = addresses[-1:] if not defended else addresses
        got = await rig.ask()
        assert got.status == (403 if defended else 200), got.body
        assert len(rig.host.seen) == (0 if defended else 1)
        if defended:
            assert ("egress", "denied") in rig.told()


@both
async def test_an_address_that_leads_inside(tmp_path: Path, defended: bool) -> None:
    defences = ALL if defended else off("addresses")
    async with Rig(tmp_path, defences, (ANYWHERE,), settings={"private": ()}) as rig:
        client = await rig.tunnel(f"127.0.0.1:{rig.host.port}", "127.0.0.1")
        got = await client.ask(f"GET / HTTP/1.1\nHost: 127.0.0.1:{rig.host.port}\n")
        assert got.status == (403 if defended else 200)


@pytest.mark.parametrize(
    "to", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1%lo]", "localhost."]
)
async def test_an_address_in_disguise_is_no_host(tmp_path: Path, to: str) -> None:
    async with Rig(tmp_path, rules=(ANYWHERE,)) as rig:
        _, got = await rig.connect(f"{to}:{rig.host.port}")
        assert got.status == 400
        assert rig.looked_up == []


@both
async def test_rebinding(tmp_path: Path, defended: bool) -> None:
    """A name that is public when it is checked and inside when it is used."""
    defences = ALL if defended else off("addresses")
    async with Rig(tmp_path, defences, (ANYWHERE,), settings={"private": ()}) as rig:
        found = [["127.0.0.1"]] if not defended else [["127.0.0.1"], ["127.0.0.1"]]
        rig.names[HOST] = found[0]
        got = await rig.ask()
        assert got.status == (403 if defended else 200)
        assert rig.looked_up == [HOST], "looked up once: what was checked is what is connected to"


async def test_the_address_that_was_checked_is_the_one_connected_to(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        answers = iter([["127.0.0.1"], ["10.9.9.9"]])

        class Rebinding(dict[str, Sequence[str]]):
            def get(self, key: str, default: object = None) -> Sequence[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
                return next(answers)

        rig.names = Rebinding()
        client = await rig.tunnel()
        for _ in range(3):
            assert (await client.ask(rig.request())).status == 200
        assert rig.looked_up == [HOST], "a kept connection stays where it is"
        assert (await rig.ask()).status == 403, "a new one is checked anew"


# --- one name ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", [OTHER, None], ids=["another", "none"])
async def test_tls_names_another_host_than_connect(
    tmp_path: Path, defended: bool, name: str | None
) -> None:
    async with Rig(tmp_path, ALL if defended else off("names")) as rig:
        client, got = await rig.connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await client.writer.start_tls(context, server_hostname=name)
        try:
            got = await client.ask(rig.request())
        except (asyncio.IncompleteReadError, OSError):
            assert defended
        else:
            assert (got.status, defended) == (200, False)
        assert len(rig.host.seen) == (0 if defended else 1)
        if defended:
            assert rig.told() == [("egress", "denied")]
            assert "in its hello" in (await rig.rows())[0].why


@both
async def test_a_request_within_a_tunnel_names_another_host(tmp_path: Path, defended: bool) -> None:
    async with Rig(tmp_path, ALL if defended else off("names"), handler=echo) as rig:
        client = await rig.tunnel()
        got = await client.ask(f"GET / HTTP/1.1\nHost: {OTHER}\n")
        assert got.status == (400 if defended else 200)
        if not defended:
            assert OTHER.encode() not in got.body, "even then the host is told its own name"


@pytest.mark.parametrize(
    "lines",
    [f"Host: {OTHER}\n", "Host: {here}\nHost: {here}\n", "", "Host: {here}:1\n", "Host: {here}.\n",
     "Host: {here}@x\n", "Host:\n", "Host: {here}/x\n", "Host: {here} x\n"],
)  # fmt: skip
async def test_a_host_header_that_is_not_the_tunnels_is_refused(tmp_path: Path, lines: str) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        here = f"{HOST}:{rig.host.port}" if ":1" not in lines and ":1" not in lines else HOST
        got = await client.ask("GET / HTTP/1.1\n" + lines.replace("{here}", here))
        assert got.status == 400
        assert rig.host.seen == []


@pytest.mark.parametrize(
    "target", [f"http://{OTHER}/", f"https://{HOST}/", "*", "x", f"//{OTHER}/"]
)
async def test_another_target_within_a_tunnel_goes_nowhere_else(
    tmp_path: Path, target: str
) -> None:
    async with Rig(tmp_path) as rig:
        got = await rig.ask(target)
        if got.status == 200:  # two slashes are a path, of this host
            assert rig.host.seen[0].line == f"GET //{OTHER}/ HTTP/1.1"
        else:
            assert got.status == 400


async def test_connect_and_its_host_header_are_one(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.client()
        said = rig.authorization()
        got = await client.ask(f"CONNECT {HOST}:{rig.host.port} HTTP/1.1\nHost: {OTHER}\n{said}")
        assert got.status == 400


@pytest.mark.parametrize(
    "target",
    ["http://user@{here}/", "http://{here}@evil.example.org/", "http://{here}#@evil.example.org/",
     "http:/{here}/", "ftp://{here}/", "https://{here}/", "http://{here}\\@evil.example.org/"],
)  # fmt: skip
async def test_a_plain_target_that_may_be_read_as_another_is_refused(
    tmp_path: Path, target: str
) -> None:
    async with Rig(tmp_path) as rig:
        here = f"{HOST}:{rig.host.port}"
        client = await rig.client()
        to = target.replace("{here}", here)
        got = await client.ask(f"GET {to} HTTP/1.1\nHost: {here}\n{rig.authorization()}")
        assert got.status == 400
        assert rig.host.connections == 0


# --- other protocols -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"PRI * HTTP/2.0"],
)
async def test_raw_bytes_behind_connect_are_refused(tmp_path: Path, sent: bytes) -> None:
    async with Rig(tmp_path) as rig:
        client, got = await rig.connect()
        assert got.status == 200
        await client.send(sent)
        assert await client.ended()
        assert rig.host.connections == 0
        assert "no TLS" in (await rig.rows())[0].why


async def test_http2_is_not_offered_and_prior_knowledge_of_it_is_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        tls = client.writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "http/1.1"
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (await client.got()).status in (400, 505)
        assert await client.ended()
        assert rig.host.connections == 0


@pytest.mark.parametrize(
    "more",
    ["Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n",
     "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk\n"],
)  # fmt: skip
async def test_upgrades_are_refused(tmp_path: Path, more: str) -> None:
    async with Rig(tmp_path) as rig:
        got = await rig.ask(more=more)
        assert (got.status, b"WebSocket" in got.body) == (400, True)
        assert rig.host.seen == []


async def test_an_upgrade_by_the_host_is_refused(tmp_path: Path) -> None:
    switching = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw"
    async with Rig(tmp_path, handler=lambda seen: seen.say(switching)) as rig:
        got = await rig.ask()
        assert got.status == 502


async def test_a_tunnel_within_a_tunnel_is_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        got = await client.ask(f"CONNECT {OTHER}:443 HTTP/1.1\nHost: {OTHER}:443\n")
        assert got.status in (400, 403)
        assert rig.host.connections == 0


# --- framing -------------------------------------------------------------------------------------

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
FRAMINGS = {
    "length and chunks": b"POST / HTTP/1.1\r\nHost: %h\r\nContent-Length: %n\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s",
    "chunks and length": b"POST / HTTP/1.1\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Length: %n\r\n\r\n0\r\n\r\n%s",
    "two lengths": b"POST / HTTP/1.1\r\nHost: %h\r\nContent-Length: 0\r\n"
    b"Content-Length: %n\r\n\r\n%s",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: %h\r\nContent-Length: 0, %n\r\n\r\n%s",
    "a signed length": b"POST / HTTP/1.1\r\nHost: %h\r\nContent-Length: +0\r\n\r\n%s",
    "a coding that hides": b"POST / HTTP/1.1\r\nHost: %h\r\nTransfer-Encoding: xchunked\r\n\r\n"
    b"0\r\n\r\n%s",
    "two codings": b"POST / HTTP/1.1\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n%s",
    "a space before the colon": b"POST / HTTP/1.1\r\nHost: %h\r\nContent-Length : %n\r\n\r\n%s",
    "a folded header": b"POST / HTTP/1.1\r\nHost: %h\r\nX: a\r\n Content-Length: %n\r\n\r\n%s",
    "bare line feeds": b"POST / HTTP/1.1\nHost: %h\nContent-Length: 0\n\n%s",
    "a bare carriage return": b"POST / HTTP/1.1\r\nHost: %h\r\nX: a\rContent-Length: %n\r\n\r\n%s",
    "a NUL": b"POST / HTTP/1.1\r\nHost: %h\r\nX: a\x00b\r\n\r\n%s",
    "a chunk size in disguise": b"POST / HTTP/1.1\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0x0\r\n\r\n%s",
    "a negative chunk": b"POST / HTTP/1.1\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"-1\r\n\r\n%s",
    "a chunk that ends with a line feed": b"POST / HTTP/1.1\r\nHost: %h\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n%s",
    "another version": b"POST / HTTP/1.2\r\nHost: %h\r\n\r\n%s",
    "no version": b"GET /\r\n%s",
}


def framed(name: str, host: str) -> bytes:
    text = FRAMINGS[name].replace(b"%h", host.encode()).replace(b"%s", SMUGGLED)
    return text.replace(b"%n", b"%d" % (len(SMUGGLED) + 5))


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize("pieces", ["whole", "byte by byte"])
async def test_what_may_be_framed_in_two_ways_is_refused(
    tmp_path: Path, name: str, pieces: str
) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        data = framed(name, f"{HOST}:{rig.host.port}")
        try:
            if pieces == "whole":
                await client.send(data)
            else:
                for index in range(len(data)):
                    await client.send(data[index : index + 1])
        except OSError:
            pass  # refused before all of it was sent
        assert (await client.got()).status in (400, 501, 505)
        assert await client.ended()
        assert rig.host.seen == []


async def test_such_framing_does_hide_a_request_from_a_relay(tmp_path: Path) -> None:
    """The control: a host that reads the one way, behind a relay that reads the other."""
    async with Rig(tmp_path) as rig:
        naive = await rig.another(echo, tls=False)
        reader, writer = await asyncio.open_connection("127.0.0.1", naive.port)
        client = Client(reader, writer)
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + SMUGGLED)
        await client.got()
        await client.got()
        assert [seen.line for seen in naive.seen][1] == "GET /smuggled HTTP/1.1"
        client.close()


async def test_what_is_sent_on_is_written_anew(tmp_path: Path) -> None:
    async with Rig(tmp_path, handler=echo) as rig:
        client = await rig.tunnel()
        body = b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
        more = "Transfer-Encoding: chunked\nTE: trailers\nConnection: close, X-Hop\n"
        more += "X-Hop: 1\nX-Two: 2\n"
        got = await client.ask(rig.request("/", "POST", more), body)
        assert got.body.endswith(b"X-Two: 2\r\nContent-Length: 5\r\n\r\nabcde")
        for gone in (b"chunked", b"TE:", b"X-Hop", b"Trailer", b"ext", b"Connection"):
            assert gone not in got.body


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 50\r\n\r\nhello",
     b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
     b"HTTP/1.1 200 OK\nx: y\n\n", b"HTTP/2 200\r\n\r\n", b"not http\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n", b"\x16\x03\x01" * 20],
)  # fmt: skip
async def test_an_answer_that_may_be_read_in_two_ways_is_refused(
    tmp_path: Path, said: bytes
) -> None:
    async def once(seen: Seen) -> None:
        await seen.say(said)
        seen.writer.close()

    async with Rig(tmp_path, handler=once) as rig:
        assert (await rig.ask()).status == 502


async def test_an_answer_that_nobody_asked_for_is_nobodys(tmp_path: Path) -> None:
    """A host cannot leave an answer behind for the next request."""

    async def two(seen: Seen) -> None:
        await seen.say(answer(b"first") + answer(b"poison"))

    async with Rig(tmp_path, handler=two) as rig:
        client = await rig.tunnel()
        for _ in range(2):
            assert (await client.ask(rig.request())).body == b"first"
        assert rig.host.connections == 2


# --- sizes and times -----------------------------------------------------------------------------


@both
async def test_a_head_without_end(tmp_path: Path, defended: bool) -> None:
    settings = {"max_header_bytes": TINY}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        got = await rig.ask(more="X: " + "a" * 2000 + "\n")
        assert got.status == (431 if defended else 200)


@both
async def test_headers_without_number(tmp_path: Path, defended: bool) -> None:
    settings = {"max_headers": 20}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        got = await rig.ask(more="X: a\n" * 30)
        assert got.status == (431 if defended else 200)


@both
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_cap(tmp_path: Path, defended: bool, chunked: bool) -> None:
    settings = {"max_body": TINY}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client = await rig.tunnel()
        data = b"x" * 3000
        more, body = f"Content-Length: {len(data)}\n", data
        if chunked:
            more, body = "Transfer-Encoding: chunked\n", b"bb8\r\n" + data + b"\r\n0\r\n\r\n"
        got = await client.ask(rig.request("/", "POST", more), body)
        assert got.status == (413 if defended else 200)
        assert len(rig.host.seen) == (0 if defended else 1)
        assert rig.proxy.house.held == 0


async def _drip(client: Client, data: bytes) -> Got | None:
    """What a client gets that sends a byte now and then, within two seconds."""
    got = asyncio.create_task(client.got())
    try:
        for index in range(len(data)):
            if got.done():
                break
            await client.send(data[index : index + 1])
            await asyncio.wait([got], timeout=0.02)
        await asyncio.wait([got], timeout=0.5)
        return got.result() if got.done() else None
    except OSError:
        return await got
    finally:
        got.cancel()


@both
async def test_a_head_that_drips(tmp_path: Path, defended: bool) -> None:
    settings = {"header_timeout": Seconds(0.5)}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client = await rig.tunnel()
        got = await _drip(client, b"GET / HTTP/1.1\r\nX: " + b"a" * 60)
        assert (got is not None and got.status == 408) is defended


@both
async def test_a_body_that_drips(tmp_path: Path, defended: bool) -> None:
    settings = {"body_timeout": Seconds(0.5)}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client = await rig.tunnel()
        head = rig.request("/", "POST", "Content-Length: 1000\n").replace("\n", "\r\n") + "\r\n"
        await client.send(head.encode())
        got = await _drip(client, b"a" * 60)
        assert (got is not None and got.status == 504) is defended
        assert rig.host.seen == []


@both
async def test_silence_behind_connect(tmp_path: Path, defended: bool) -> None:
    settings = {"header_timeout": SHORT}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client, _ = await rig.connect()
        reading = asyncio.create_task(client.reader.read())
        done, _ = await asyncio.wait([reading], timeout=1.0)
        assert bool(done) is defended
        reading.cancel()


@both
async def test_silence_between_requests(tmp_path: Path, defended: bool) -> None:
    settings = {"idle_timeout": SHORT}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client = await rig.tunnel()
        assert (await client.ask(rig.request())).status == 200
        reading = asyncio.create_task(client.reader.read())
        done, _ = await asyncio.wait([reading], timeout=1.0)
        assert bool(done) is defended
        reading.cancel()


@both
async def test_connections_without_number(tmp_path: Path, defended: bool) -> None:
    settings = {"task_connections": 3}
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        opened = [await rig.connect() for _ in range(4)]
        assert [got.status for _, got in opened] == [200] * 3 + [503 if defended else 200]
        for client, _ in opened:
            client.close()
        await _empty(rig)
        assert (await rig.ask()).status == 200


async def test_a_host_that_says_nothing_is_left(tmp_path: Path) -> None:
    async def silent(seen: Seen) -> None:
        await asyncio.Event().wait()

    async with Rig(tmp_path, handler=silent, settings={"answer_timeout": SHORT}) as rig:
        assert (await rig.ask()).status == 504


async def test_a_client_that_reads_nothing_stops_the_host(tmp_path: Path) -> None:
    sent = 0

    async def flood(seen: Seen) -> None:
        nonlocal sent
        await seen.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        while True:
            await seen.say(b"x" * 65536)
            sent += 65536

    async with Rig(tmp_path, handler=flood, settings={"body_timeout": Seconds(0.5)}) as rig:
        client = await rig.tunnel()
        transport = client.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        await client.send(rig.request().replace("\n", "\r\n").encode() + b"\r\n")
        await _empty(rig)
        assert sent < 50_000_000


async def test_a_mute_lookup_holds_up_nobody_else(tmp_path: Path) -> None:
    import threading

    release = threading.Event()
    settings = {"connect_timeout": SHORT}
    async with Rig(tmp_path, rules=(ANYWHERE,), settings=settings) as rig:
        known = rig.names

        class Mute(dict[str, Sequence[str]]):
            def get(self, key: str, default: object = None) -> Sequence[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
                if key == OTHER:
                    release.wait(5)
                return known.get(key, ("127.0.0.1",))

        rig.names = Mute()
        waiting = asyncio.create_task(_other(rig))
        assert (await rig.ask()).status == 200
        assert (await waiting).status == 502
        release.set()


async def _empty(rig: Rig) -> None:
    """Wait until the proxy has no connection."""
    while rig.proxy.house.open:  # noqa: ASYNC110 - a connection ends without an event
        await asyncio.sleep(0.02)


async def _other(rig: Rig) -> Got:
    client = await rig.tunnel(f"{OTHER}:{rig.host.port}", OTHER)
    return await client.ask(f"GET / HTTP/1.1\nHost: {OTHER}:{rig.host.port}\n")


@both
async def test_requests_without_number(tmp_path: Path, defended: bool) -> None:
    settings = {"task_requests": 4}  # a tunnel counts as one
    async with Rig(tmp_path, ALL if defended else off("bounds"), settings=settings) as rig:
        client = await rig.tunnel()
        for _ in range(3):
            assert (await client.ask(rig.request())).status == 200
        assert (await client.ask(rig.request())).status == (429 if defended else 200)
        assert len(await rig.rows()) == (3 if defended else 4)


@both
async def test_without_rules_everything_would_pass(tmp_path: Path, defended: bool) -> None:
    async with Rig(tmp_path, ALL if defended else off("rules"), rules=()) as rig:
        _, got = await rig.connect()
        assert got.status == (403 if defended else 200)


def test_hosts_of_the_rig_answer() -> None:
    assert answer(b"x").endswith(b"\r\n\r\nx")
    assert Host(echo).port == 0
