"""Secrets: they reach the host that they are for, and neither another nor the task."""

import asyncio
import gzip
import json
import sqlite3
import time
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from egress_rig import HOST, OTHER, SECRET, Rig, Seen, answer, echo

from tollway.broker.broker import mint
from tollway.egress.defences import ALL, Defences
from tollway.fleet.egressing import EgressRule, SecretUse
from tollway.guard.reflection import LAG

USE = SecretUse("github", (HOST,), "GITHUB_TOKEN")
RULES = (EgressRule("hosts", (HOST, OTHER), plain=True),)
both = pytest.mark.parametrize("defended", [True, False], ids=["defended", "control"])


def off(name: str) -> Defences:
    return replace(ALL, **{name: False})


def made(
    folder: Path, use: SecretUse = USE, defences: Defences = ALL,
    handler: Callable[[Seen], object] = echo,
) -> Rig:  # fmt: skip
    return Rig(folder, defences, RULES, {"github": use}, handler=handler)  # pyright: ignore[reportArgumentType]


def bearer(sentinel: str) -> str:
    return f"Authorization: Bearer {sentinel}\n"


# --- to the host ---------------------------------------------------------------------------------


async def test_the_host_gets_the_secret_and_the_task_never_sees_it(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        got = await rig.ask(more=bearer(rig.sentinel))
        assert b"Authorization: Bearer " + SECRET in rig.host.seen[0].head
        assert f"Authorization: Bearer {rig.sentinel}".encode() in got.body
        assert SECRET not in got.raw + got.body
        [row] = await rig.rows()
        assert row.secrets == ("github",)
        assert rig.told() == [("credential", "allowed"), ("credential", "changed")]


@pytest.mark.parametrize(
    ("use", "target", "more", "body", "seen"),
    [
        (replace(USE, template="Bearer {secret}"), "/", "Authorization: bearer %s\n", "",
         b"Authorization: bearer " + SECRET),
        (replace(USE, header="X-Api-Key"), "/", "x-api-key: %s\n", "", b"x-api-key: " + SECRET),
        (replace(USE, place="basic"), "/", "Authorization: Basic %b\n", "",
         b64encode(b"git:" + SECRET)),
        (replace(USE, place="head"), "/bot%s/send?k=%s", "", "",
         b"/bot" + quote(SECRET, safe="").encode() + b"/send?k=" + quote(SECRET, safe="").encode()),
        (replace(USE, body=True), "/", "Content-Type: application/json\n", '{"key": "%s"}',
         b'{"key": "' + SECRET + b'"}'),
    ],
)  # fmt: skip
async def test_a_secret_goes_where_it_is_said_to(
    tmp_path: Path, use: SecretUse, target: str, more: str, body: str, seen: bytes
) -> None:
    async with made(tmp_path, use) as rig:
        word = rig.sentinel
        more = more.replace("%s", word)
        more = more.replace("%b", b64encode(f"git:{word}".encode()).decode())
        method = "POST" if body else "GET"
        filled = body.replace("%s", word).encode()
        got = await rig.ask(target.replace("%s", word), method, more, filled)
        assert got.status == 200, got.body
        assert seen in rig.host.seen[0].head + rig.host.seen[0].body
        assert SECRET not in got.body
        assert quote(SECRET, safe="").encode() not in got.body


WRONG = {
    "another host": (USE, OTHER, "GET", "/", bearer),
    "another method": (replace(USE, methods=("GET",)), HOST, "POST", "/", bearer),
    "another path": (replace(USE, paths=("/repos/**",)), HOST, "GET", "/echo", bearer),
    "an ambiguous path": (replace(USE, paths=("/repos/**",)), HOST, "GET", "/repos/a%2fb", bearer),
    "another header": (USE, HOST, "GET", "/", lambda word: f"X-Other: {word}\n"),
    "another template": (replace(USE, template="token {secret}"), HOST, "GET", "/", bearer),
    "a header's name": (USE, HOST, "GET", "/", lambda word: f"X-{word}: 1\n"),
    "the query": (USE, HOST, "GET", "/?k=%s", lambda word: ""),
    "Basic credentials": (
        USE, HOST, "GET", "/",
        lambda word: f"Authorization: Basic {b64encode(b'u:' + word.encode()).decode()}\n",
    ),
}  # fmt: skip


@both
@pytest.mark.parametrize("name", WRONG)
async def test_a_sentinel_in_the_wrong_place(tmp_path: Path, defended: bool, name: str) -> None:
    use, host, method, target, said = WRONG[name]
    defences = ALL if defended else replace(ALL, binding=False, reflections=False)
    async with made(tmp_path, use, defences) as rig:
        client = await rig.tunnel(f"{host}:{rig.host.port}", host)
        target = target.replace("%s", rig.sentinel)
        head = f"{method} {target} HTTP/1.1\nHost: {host}:{rig.host.port}\n"
        got = await client.ask(head + said(rig.sentinel))
        if defended:
            assert (got.status, rig.host.seen) == (403, [])
            assert rig.told()[-1] == ("credential", "denied")
            assert SECRET not in got.body
        elif name != "a header's name":
            sent = rig.host.seen[0].head
            found = (SECRET, quote(SECRET, safe="").encode(), b64encode(b"u:" + SECRET))
            assert any(form in sent for form in found), "the secret went where it should not"


async def test_a_sentinel_where_no_rule_leads_is_told_as_one(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        rules = tuple(replace(rule, paths=("/ok",)) for rule in rig.means.settings.rules)
        rig.proxy.use(replace(rig.means, settings=replace(rig.means.settings, rules=rules)))
        assert (await rig.ask("/other", more=bearer(rig.sentinel))).status == 403
        assert rig.told() == [("credential", "denied")]


async def test_a_secret_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        plain = await rig.another(echo, tls=False)
        rules = (EgressRule("plain", (HOST,), ports=(plain.port,), plain=True),)
        broker = rig.means.broker
        broker.uses = {"github": replace(USE, ports=(plain.port,))}
        rig.proxy.use(replace(rig.means, settings=replace(rig.means.settings, rules=rules)))
        client = await rig.client()
        head = f"GET http://{HOST}:{plain.port}/ HTTP/1.1\nHost: {HOST}:{plain.port}\n"
        got = await client.ask(head + rig.authorization() + bearer(rig.sentinel))
        assert (got.status, b"TLS only" in got.body) == (403, True)
        assert plain.seen == []
        broker.uses = {"github": replace(USE, ports=(plain.port,), plain=True)}
        client = await rig.client()
        got = await client.ask(head + rig.authorization() + bearer(rig.sentinel))
        assert (got.status, SECRET in plain.seen[0].head) == (200, True)


@both
@pytest.mark.parametrize("whose", ["another's", "an ended task's"])
async def test_a_sentinel_of_another_task(tmp_path: Path, defended: bool, whose: str) -> None:
    defences = ALL if defended else off("binding")
    async with made(tmp_path, USE, defences) as rig:
        other, _ = rig.tasks.open("acme", time.time(), 60.0, None)
        words = mint(rig.book, rig.means.broker.uses, other.id, "acme", time.time())
        if whose == "an ended task's":
            rig.tasks.close(other.id, time.time())
        got = await rig.ask(more=bearer(words["GITHUB_TOKEN"]))
        assert got.status == (403 if defended else 200)
        assert len(rig.host.seen) == (0 if defended else 1)
        if defended:
            assert rig.told()[-1] == ("credential", "denied")


async def test_a_sentinel_of_nobody_is_refused(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        got = await rig.ask(more=bearer("TWS_" + "A" * 32))
        assert (got.status, rig.host.seen) == (403, [])


HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "base64": b64encode,
    "base64, shifted": lambda word: b64encode(b"x" + word),
    "base64 twice": lambda word: b64encode(b64encode(word)),
    "hex": lambda word: word.hex().encode(),
    "url": lambda word: b"".join(b"%%%02x" % byte for byte in word),
    "json": lambda word: b"".join(b"\\u%04x" % byte for byte in word),
    "html": lambda word: b"".join(b"&#%d;" % byte for byte in word),
    "apart": lambda word: b".".join(word[i : i + 1] for i in range(len(word))),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "gzip in base64": lambda word: b64encode(gzip.compress(word)),
    "utf-16": lambda word: word.decode().encode("utf-16-le"),
}


@both
@pytest.mark.parametrize("where", ["header", "query", "body"])
@pytest.mark.parametrize("name", HIDDEN)
async def test_a_hidden_sentinel(tmp_path: Path, defended: bool, name: str, where: str) -> None:
    async with made(tmp_path, USE, ALL if defended else off("hidden")) as rig:
        hidden = HIDDEN[name](rig.sentinel.encode())
        if where != "body" and not (hidden.isascii() and hidden.decode("ascii").isprintable()):
            return  # neither a header nor a URL can carry it
        text = hidden.decode("latin-1")
        if where == "header":
            got = await rig.ask(more=f"X-Data: {text}\n")
        elif where == "query":
            got = await rig.ask(f"/?q={quote(text, safe='%')}")
        else:
            got = await rig.ask("/", "POST", body=hidden)
        assert got.status == (403 if defended else 200)
        assert len(rig.host.seen) == (0 if defended else 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_sentinel_in_a_packed_body_is_found(tmp_path: Path, coding: str) -> None:
    async with made(tmp_path) as rig:
        text = f"k={rig.sentinel}".encode()
        body = gzip.compress(text) if coding == "gzip" else zlib.compress(text)
        got = await rig.ask("/", "POST", f"Content-Encoding: {coding}\n", body)
        assert (got.status, rig.host.seen) == (403, [])


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x"])
async def test_a_body_that_nobody_can_unpack_is_refused(tmp_path: Path, coding: str) -> None:
    async with made(tmp_path) as rig:
        got = await rig.ask("/", "POST", f"Content-Encoding: {coding}\n", b"abc")
        assert (got.status, rig.host.seen) == (415, [])


async def test_a_packed_body_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        bomb = gzip.compress(bytes(100 << 20))
        got = await rig.ask("/", "POST", "Content-Encoding: gzip\n", bomb)
        assert (got.status, rig.host.seen) == (413, [])


async def test_a_broker_without_its_key_refuses(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        assert (await rig.ask(more=bearer(rig.sentinel))).status == 200
        (tmp_path / "secrets.json").touch()
        (tmp_path / "secrets.key").rename(tmp_path / "gone")
        got = await rig.ask(more=bearer(rig.sentinel))
        assert (got.status, b"key is missing" in got.body) == (503, True)
        assert len(rig.host.seen) == 1


async def test_a_guard_book_that_cannot_be_read_refuses(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        client = await rig.tunnel()
        with sqlite3.connect(tmp_path / "guard.sqlite") as db:
            db.execute("DROP TABLE sentinels")
        db.close()
        got = await client.ask(rig.request(more=bearer(rig.sentinel)))
        assert (got.status, rig.host.seen) == (503, [])


async def test_a_secret_that_no_header_can_carry_is_not_sent(tmp_path: Path) -> None:
    from tollway.broker.vault import Vault

    async with made(tmp_path) as rig:
        Vault(tmp_path, {}).set("github", b"a\r\nX-Evil: yes", 2.0)
        got = await rig.ask(more=bearer(rig.sentinel))
        assert (got.status, rig.host.seen) == (403, [])
        assert b"X-Evil" not in got.body


# --- and back ------------------------------------------------------------------------------------


def told(seen: Seen) -> bytes:
    """The secret, as the host has just been told it."""
    return seen.head.partition(b"Bearer ")[2].partition(b"\r\n")[0] or b"(no secret)"


REFLECTED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda it: it,
    "json": lambda it: json.dumps({"error": f"bad key {it.decode()}"}).encode(),
    "url": lambda it: quote(it, safe="").encode(),
    "hex": lambda it: it.hex().encode(),
    "base64": b64encode,
    "base64 of a pair": lambda it: b64encode(b"user:" + it),
    "base64, shifted": lambda it: b64encode(b"ab" + it + b"c"),
    "html": lambda it: b"".join(b"&#%d;" % byte for byte in it),
}


def shown(name: str, body: bytes, headers: bytes = b"") -> bool:
    """Whether a task sees the secret in this form."""
    return REFLECTED[name](SECRET).strip(b"=")[4:-4] in body + headers


@both
@pytest.mark.parametrize("way", ["length", "chunks", "gzip", "deflate", "until the end", "header"])
@pytest.mark.parametrize("name", REFLECTED)
async def test_a_reflection(tmp_path: Path, defended: bool, name: str, way: str) -> None:
    async def reflecting(seen: Seen) -> None:
        text = REFLECTED[name](told(seen))
        body = b"before " + text + b" after"
        if way == "length":
            await seen.say(answer(body))
        elif way == "chunks":
            await seen.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 5):
                part = body[at : at + 5]
                await seen.say(b"%x\r\n%b\r\n" % (len(part), part))
            await seen.say(b"0\r\n\r\n")
        elif way in ("gzip", "deflate"):
            packed = gzip.compress(body) if way == "gzip" else zlib.compress(body)
            await seen.say(answer(packed, f"content-encoding: {way}\r\n".encode()))
        elif way == "header":
            await seen.say(answer(b"", b"x-said: " + body + b"\r\n"))
        else:
            await seen.say(b"HTTP/1.1 401 No\r\n\r\n" + body)
            seen.writer.close()

    defences = ALL if defended else off("reflections")
    async with made(tmp_path, USE, defences, reflecting) as rig:
        got = await rig.ask(more=bearer(rig.sentinel))
        body = got.body
        if "content-encoding" in got.headers:
            body = zlib.decompress(body, 47)
        assert shown(name, body, got.raw) is not defended
        if defended:
            assert rig.sentinel.encode() in body + got.raw
            assert rig.told()[-1] == ("credential", "changed")


@both
async def test_a_reflection_to_a_later_request_of_the_task(tmp_path: Path, defended: bool) -> None:
    kept = b""

    async def storing(seen: Seen) -> None:
        nonlocal kept
        kept = kept or told(seen)
        await seen.say(answer(kept))

    defences = ALL if defended else off("reflections")
    async with made(tmp_path, USE, defences, storing) as rig:
        await rig.ask(more=bearer(rig.sentinel))
        got = await rig.ask()
        assert (SECRET in got.body) is not defended


@both
async def test_a_reflection_in_parts_of_a_file(tmp_path: Path, defended: bool) -> None:
    async def parts(seen: Seen) -> None:
        text = told(seen)
        if b"range: bytes=0-9" in seen.head.lower():
            await seen.say(answer(text[:10], b"content-range: bytes 0-9/99\r\n", "206 Partial"))
        else:
            await seen.say(answer(text))

    defences = ALL if defended else off("reflections")
    async with made(tmp_path, USE, defences, parts) as rig:
        got = await rig.ask(more=bearer(rig.sentinel) + "Range: bytes=0-9\n")
        assert (SECRET[:10] in got.body) is not defended


@both
async def test_a_reflection_in_a_packed_file(tmp_path: Path, defended: bool) -> None:
    async def file(seen: Seen) -> None:
        await seen.say(answer(gzip.compress(b"x" * 999 + told(seen)), b"x: y\r\n"))

    defences = ALL if defended else off("reflections")
    async with made(tmp_path, USE, defences, file) as rig:
        got = await rig.ask(more=bearer(rig.sentinel))
        leaked = got.status == 200 and SECRET in gzip.decompress(got.body)
        assert leaked is not defended
        assert rig.told()[-1] == ("credential", "changed" if defended else "allowed")


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"compress"])
async def test_an_answer_that_cannot_be_searched_is_refused(tmp_path: Path, coding: bytes) -> None:
    async def packed(seen: Seen) -> None:
        await seen.say(answer(b"\x0b\x02\x80abc\x03", b"content-encoding: " + coding + b"\r\n"))

    async with made(tmp_path, handler=packed) as rig:
        got = await rig.ask(more=bearer(rig.sentinel))
        assert (got.status, b"cannot be searched" in got.body) == (502, True)


async def test_an_answer_that_unpacks_without_end_is_broken_off(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(200 << 20))

    async def bombing(seen: Seen) -> None:
        await seen.say(answer(bomb, b"content-encoding: gzip\r\n"))

    async with made(tmp_path, handler=bombing) as rig:
        client = await rig.tunnel()
        head = rig.request(more=bearer(rig.sentinel)).replace("\n", "\r\n")
        await client.send(head.encode() + b"\r\n")
        size, last = 0, b""
        with suppress(OSError):
            while data := await client.reader.read(65536):
                size, last = size + len(data), data
        assert not last.endswith(b"0\r\n\r\n"), "it is not ended as if it were whole"
        assert 8 << 20 < size < 120 << 20
        assert "without end" in (await rig.rows())[0].why


async def test_hosts_are_asked_for_answers_that_can_be_searched(tmp_path: Path) -> None:
    async with made(tmp_path) as rig:
        await rig.ask(more="Accept-Encoding: br, gzip\nRange: bytes=0-5\nIf-Range: x\n")
        head = rig.host.seen[0].head.lower()
        assert b"accept-encoding: identity\r\n" in head
        assert b"range" not in head
        assert b"br, gzip" not in head


async def test_a_stream_of_events_comes_as_it_is_said_but_for_its_last_kilobyte(
    tmp_path: Path,
) -> None:
    go_on = asyncio.Event()
    later = b"data: " + b"x" * LAG + b"\n\n"

    async def events(seen: Seen) -> None:
        await seen.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n")
        await seen.say(b"%x\r\n%b\r\n" % (len(later), later))
        await go_on.wait()
        await seen.say(b"0\r\n\r\n")

    async with made(tmp_path, handler=events) as rig:
        client = await rig.tunnel()
        head = rig.request(more=bearer(rig.sentinel)).replace("\n", "\r\n")
        await client.send(head.encode() + b"\r\n")
        async with asyncio.timeout(5):
            await client.reader.readuntil(b"data: a\n\n")
        go_on.set()
        client.close()


async def test_a_redirect_does_not_carry_the_secret_away(tmp_path: Path) -> None:
    async def away(seen: Seen) -> None:
        to = b"location: https://%b/?k=%b\r\n" % (OTHER.encode(), quote(told(seen)).encode())
        await seen.say(answer(b"", to, "302 Found"))

    async with made(tmp_path, handler=away) as rig:
        got = await rig.ask(more=bearer(rig.sentinel))
        where = got.headers["location"]
        assert where == f"https://{OTHER}/?k={rig.sentinel}"
        client = await rig.tunnel(f"{OTHER}:{rig.host.port}", OTHER)
        head = f"GET /?k={rig.sentinel} HTTP/1.1\nHost: {OTHER}:{rig.host.port}\n"
        assert (await client.ask(head)).status == 403


async def test_the_secret_is_in_no_log_event_row_or_file(tmp_path: Path) -> None:
    files = tmp_path.iterdir
    async with made(tmp_path) as rig:
        await rig.ask("/?a=1", more=bearer(rig.sentinel))
        await rig.ask("/", more=f"X: {rig.sentinel}\n")
        rows = repr(await rig.rows())
        said = rig.log.getvalue() + repr(rig.events) + rows
    kept = b"".join(path.read_bytes() for path in files() if path.is_file())
    for form in (SECRET, b64encode(SECRET)[:-2], SECRET.hex().encode()):
        assert form.decode() not in said
        assert form not in kept
    assert rig.sentinel.encode() not in kept
    assert "a=1" not in rows, "a query is not written down"
