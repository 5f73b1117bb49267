"""One connection, one reading: nobody's bytes become a request that its key did not send."""

import pytest
from gateway_rig import BODY, KEY, Rig, good_body, json_answer, live

from tollway.dispatch import messages as m

ASK = b'{"model":"chat","messages":[{"role":"user","content":"hi"}]}'
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n" % KEY
SIZE = b"content-length: %d\r\n" % len(ASK)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ASK), ASK)
TE = b"transfer-encoding: chunked\r\n"


def ask(lines: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    return (
        b"POST /v1/chat/completions HTTP/%b\r\nhost: x\r\nauthorization: Bearer %b\r\n%b\r\n%b"
        % (version, KEY, lines, body)
    )


@live
@pytest.mark.parametrize(("lines", "body"), [(SIZE, ASK), (TE, CHUNKED)])
async def test_what_follows_a_whole_body_is_the_next_request(lines: bytes, body: bytes) -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.say(ask(lines, body) + SMUGGLED)
        assert [(await client.got()).status for _ in range(2)] == [200, 200]


@live
@pytest.mark.parametrize(
    "hostile",
    [
        ask(SIZE + TE, CHUNKED),
        ask(TE + SIZE, CHUNKED),
        ask(b"transfer-encoding: chunked, identity\r\n", CHUNKED),
        ask(b"transfer-encoding: xchunked\r\n", CHUNKED),
        ask(b"transfer-encoding: \x0bchunked\r\n", CHUNKED),
        ask(b"transfer-encoding : chunked\r\n" + SIZE, CHUNKED),
        ask(TE + b"transfer-encoding: identity\r\n", CHUNKED),
        ask(TE, CHUNKED, b"1.0"),
        ask(SIZE + SIZE, ASK),
        ask(SIZE + b"content-length: 0\r\n", ASK),
        ask(b"content-length: +60\r\n", ASK),
        ask(b"content-length: 0x3c\r\n", ASK),
        ask(b"content-length: 60,60\r\n", ASK),
        ask(b"x: y\ntransfer-encoding: chunked\r\n" + SIZE, CHUNKED),
        ask(b"x: y\rtransfer-encoding: chunked\r\n" + SIZE, CHUNKED),
        ask(b"x: y\r\n transfer-encoding: chunked\r\n" + SIZE, CHUNKED),
        ask(b"x\0: y\r\n" + SIZE, ASK),
        ask(TE, CHUNKED.replace(b"\r\n", b"\n")),
        ask(TE, CHUNKED.replace(b"\r\n", b" \r\n", 1)),
        ask(TE, CHUNKED.replace(b"\r\n", b";a\n", 1)),
        ask(TE, b"1000000000000000" + CHUNKED),
        ask(TE, b"-" + CHUNKED),
        ask(TE, CHUNKED.replace(b"\r\n0", b"0")),
        ask(SIZE + b"connection: upgrade\r\nupgrade: h2c\r\n", ASK),
    ],
)
async def test_a_request_that_two_parsers_could_read_apart_is_the_last(hostile: bytes) -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.say(hostile + SMUGGLED)
        assert (await client.got()).status == 400
        assert await client.closed() == b""
        assert rig.decider.seen(m.Arrived) == []


@live
@pytest.mark.parametrize(
    "target",
    [
        *(b"/v1/models/", b"/v1/models?x", b"/v1/models/chat", b"/v1/usage", b"/v1/usage?tag=a"),
        *(b"//v1/models", b"/v1//models", b"/v1/%6dodels", b"/V1/MODELS", b"/%2e/v1/models"),
        *(b"/healthz/../v1/models", b"http://x/v1/models", b"*", b"/status", b"/shutdown"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"TRACE", b"CONNECT"])
async def test_no_spelling_of_a_path_goes_without_a_key(method: bytes, target: bytes) -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(b"%b %b HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" % (method, target))
        assert (await client.head()).status in (400, 401, 404, 405)


@live
@pytest.mark.parametrize(
    "lines",
    [
        *(b"x-request-id: a\r set-cookie: b", b"x-request-id: a\n set-cookie: b", b"set-cookie: b"),
        *(b"x-request-id: a\r\nset-cookie: b", b"x-tollway-source: b", b"x-request-id: a\0b"),
    ],
)
async def test_no_header_of_a_source_becomes_one_of_the_gateways(lines: bytes) -> None:
    async with Rig() as rig, rig.client() as client:
        answer = json_answer(BODY, extra=lines + b"\r\n")
        rig.use(a=(await rig.upstream(lambda seen: seen.say(answer))).url)
        client.ask()
        got = await client.got()
        assert "set-cookie" not in got.headers
        assert got.headers.get("x-tollway-source", "a") == "a"


@live
async def test_an_answer_behind_an_answer_is_nobodys() -> None:
    async with Rig() as rig, rig.client() as client:
        second = json_answer(BODY.replace(b"hello", b"stolen"))
        mock = await rig.upstream(lambda seen: seen.say(json_answer(BODY) + second))
        rig.use(a=mock.url)
        for asked in (1, 2):
            client.ask()
            assert (await client.got()).body == BODY
            assert mock.connections == asked, "a connection with something behind is not kept"
