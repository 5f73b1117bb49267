"""The client's side: what clients do wrong, and what they may do that is rare."""

import asyncio
import json
from dataclasses import replace

import pytest
from gateway_rig import BODY, KEY, SETTINGS, Rig, Seen, chunk, event, good_body, live

from tollway.dispatch import messages as m
from tollway.gateway.routes import Routes

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + KEY + b"\r\n"
ASK = b'{"model":"chat","messages":[{"role":"user","content":"hi"}]}'
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(ASK) + ASK

FAULTS = {
    "duplicate authorization": (HEAD + b"authorization: Bearer x\r\n\r\n", 400),
    "duplicate host": (HEAD + b"host: y\r\n\r\n", 400),
    "duplicate content-length": (HEAD + b"content-length: 1\r\ncontent-length: 1\r\n\r\n1", 400),
    "content-length and transfer-encoding": (
        HEAD + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "transfer-encoding and content-length": (
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n",
        400,
    ),
    "unknown transfer-encoding": (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n", 400),
    "bare LF": (b"GET /healthz HTTP/1.1\nhost: x\n\n", 400),
    "bare LF in a header": (b"GET /healthz HTTP/1.1\r\nhost: x\nx: y\r\n\r\n", 400),
    "NUL": (b"GET /healthz HTTP/1.1\r\nhost: x\0y\r\n\r\n", 400),
    "folded header": (b"GET /healthz HTTP/1.1\r\nhost: x\r\n y\r\n\r\n", 400),
    "space before the colon": (b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "absolute form": (b"GET http://x/healthz HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "tunnel": (b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "upgrade": (
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        400,
    ),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2.0 in a request line": (b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n", 400),
    "HTTP/0.9 in a request line": (b"GET /healthz HTTP/0.9\r\nhost: x\r\n\r\n", 400),
    "bad chunk size": (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    "endless chunk size": (HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n", 400),
    "chunk without its end": (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    "a megabyte of headers": (HEAD + b"x: " + b"y" * 2**20 + b"\r\n\r\n", 431),
    "a megabyte of target": (b"GET /" + b"y" * 2**20 + b" HTTP/1.1\r\n\r\n", 431),
    "10,000 headers": (HEAD + b"x: y\r\n" * 10_000 + b"\r\n", 431),
    "too many trailers": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
        431,
    ),
    "200 MB body announced": (HEAD + b"content-length: 200000000\r\n\r\n", 413),
    "unknown expectation": (HEAD + b"expect: the-best\r\ncontent-length: 9\r\n\r\n", 417),
    "compressed body": (
        HEAD + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        415,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_violation_is_answered_once_then_the_connection_is_closed(name: str) -> None:
    data, status = FAULTS[name]

    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as client:
            client.say(data)
            got = await client.got()
            assert got.status == status
            assert got.headers["connection"] == "close"
            assert json.loads(got.body)["error"]["message"]
            assert await client.closed() == b""
            assert rig.decider.events == []

    run()


@live
async def test_a_body_that_grows_over_the_cap_is_refused_while_it_grows() -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(40):
            client.say(chunk(b"x" * 65536))
        got = await client.got()
        assert got.status == 413
        assert await client.closed() == b""
        assert rig.decider.events == []


LATEST = 1.5
"""Seconds: the timeouts of these tests are 0.3 s, and are looked at ten times in that."""


@live
async def test_half_a_header_is_closed_in_time() -> None:
    async with Rig() as rig, rig.client() as client, asyncio.timeout(LATEST):
        client.say(b"POST /v1/chat/comp")
        got = await client.got()
        assert (got.status, got.headers["connection"]) == (408, "close")
        assert await client.closed() == b""
        assert rig.decider.events == []


@pytest.mark.parametrize("begun", [b"", HEAD], ids=["a header", "a body"])
def test_a_byte_now_and_then_buys_no_more_time(begun: bytes) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as client, asyncio.timeout(LATEST):
            client.say(begun + (b"content-length: 1000\r\n\r\n" if begun else b"POST /"))
            got = asyncio.ensure_future(client.got())
            while not got.done():
                client.say(b"x")
                await asyncio.wait([got], timeout=0.05)
            assert (await got).status == 408
            assert rig.decider.events == []

    run()


@live
async def test_half_a_body_is_closed_in_time() -> None:
    async with Rig() as rig, rig.client() as client, asyncio.timeout(LATEST):
        client.say(WHOLE[:-5])
        got = await client.got()
        assert (got.status, got.headers["connection"]) == (408, "close")
        assert await client.closed() == b""
        assert rig.decider.events == []


@live
async def test_a_client_that_says_nothing_is_closed_in_time() -> None:
    async with Rig() as rig, rig.client() as client, asyncio.timeout(LATEST):
        assert await client.closed() == b""


@live
async def test_a_kept_connection_without_requests_is_closed_in_time() -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await client.got()).status == 200
        assert await client.closed() == b""


@live
async def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def answer(seen: Seen) -> None:
        body = BODY.replace(b"hello", json.loads(seen.body)["messages"][0]["content"].encode())
        await seen.say(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            % len(body),
            body,
        )

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        for index in range(5):
            client.ask(ASK.replace(b"hi", b"number %d" % index))
        client.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        for index in range(5):
            assert b"number %d" % index in (await client.got()).body
        assert (await client.got()).body == b"ok\n"


@live
async def test_a_revoked_key_is_refused_on_a_connection_that_has_used_it() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        for status in (200, 200, 401, 401):
            if status == 401:
                rig.record = None  # type: ignore[assignment]
            client.ask()
            assert (await client.got()).status == status


@live
async def test_thousands_of_pipelined_requests_are_refused() -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 5000)
        said = await client.closed()
        answers = said.split(b"HTTP/1.1 ")[1:]
        assert len(answers) < 5000
        assert {one[:3] for one in answers[:-1]} <= {b"200"}
        assert answers[-1].startswith(b"400 ")
        assert b"connection: close" in answers[-1]


@live
async def test_expect_continue_is_answered_before_the_body_and_only_for_a_good_head() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.say(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(ASK))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.say(ASK)
        assert (await client.got()).body == BODY
    async with Rig() as rig, rig.client() as client:
        client.say(HEAD[:-10] + b"\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        assert (await client.got()).status == 401


@live
async def test_a_refused_key_keeps_its_connection_and_its_body_is_not_kept() -> None:
    async with Rig() as rig, rig.client() as client:
        bad = HEAD.replace(KEY, KEY[:-1] + b"x")
        client.say(bad + b"content-length: %d\r\n\r\n" % len(ASK) + ASK)
        got = await client.got()
        assert got.status == 401
        assert "connection" not in got.headers
        client.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await client.got()).status == 200


@live
async def test_http_1_0_gets_a_stream_that_the_connection_ends() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", event("a"))
        await seen.say(b"data: [DONE]\n\n")
        seen.writer.close()

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        body = ASK.replace(b"{", b'{"stream":true,', 1)
        head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")
        client.say(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        got = await client.got()
        assert "transfer-encoding" not in got.headers
        assert got.body == event("a") + b"data: [DONE]\n\n"


@live
async def test_head_and_options_answer_without_a_body() -> None:
    async with Rig() as rig, rig.client() as client:
        client.say(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        head = await client.head()
        assert (head.status, head.headers["content-length"]) == (200, "3")
        client.say(b"OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n")
        options = await client.head()
        assert (options.status, options.headers["allow"]) == (204, "POST")
        client.say(b"DELETE /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        got = await client.got()
        assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b'{"messages":[]}', 400, "missing_required_parameter"),
    ],
)
def test_bad_json_is_refused_in_the_dialect(body: bytes, status: int, code: str) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as client:
            client.ask(body)
            got = await client.got()
            assert (got.status, json.loads(got.body)["error"]["code"]) == (status, code)

    run()


@live
async def test_tollways_own_headers_reach_dispatch_or_are_refused() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.ask(extra=b"x-tollway-tag: a.b:c\r\nx-tollway-class: batch\r\n")
        assert (await client.got()).status == 200
        [arrived] = rig.decider.seen(m.Arrived)
        assert isinstance(arrived, m.Arrived)
        assert (arrived.tag, arrived.request_class) == ("a.b:c", "batch")
        for bad in (b"x-tollway-tag: a b", b"x-tollway-class: fast"):
            client.ask(extra=bad + b"\r\n")
            assert (await client.got()).status == 400


@live
async def test_the_tier_that_is_booked_is_the_tier_that_the_source_is_asked_for() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.ask(ASK.replace(b"{", b'{"service_tier":"priority",', 1))
        assert (await client.got()).status == 200
        client.ask(extra=b"x-tollway-tier: batch\r\n")  # no header books a cheaper one
        assert (await client.got()).status == 200
        tiers = [event.tier for event in rig.decider.seen(m.Arrived)]  # type: ignore[attr-defined]
        assert tiers == ["priority", None]


@live
async def test_every_answer_that_a_request_asks_for_is_told_to_dispatch() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.ask(ASK.replace(b"{", b'{"n":8,"max_tokens":10,', 1))
        assert (await client.got()).status == 200
        [arrived] = rig.decider.seen(m.Arrived)
        assert isinstance(arrived, m.Arrived)
        assert (arrived.choices, arrived.max_output) == (8, 80)


@live
async def test_a_client_cannot_name_its_source_and_an_operator_can() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.ask(extra=b"x-tollway-only: b:m\r\n")
        assert (await client.got()).status == 200
        rig.front.app = Routes(rig, "admin", pins=True)
        operator = await rig.connect()
        operator.ask(extra=b"x-tollway-only: b:m\r\n")
        assert (await operator.got()).status == 200
        operator.ask(extra=b"x-tollway-only: b:m\r\nauthorization: Bearer x\r\n")
        assert (await operator.got()).status == 400  # a key, once, is asked of operators too
        operator.writer.close()
        only = [event.only for event in rig.decider.seen(m.Arrived)]  # type: ignore[attr-defined]
        assert only == [None, "b:m"]


@live
async def test_metrics_answer_this_machine_by_its_own_name_only() -> None:
    async with Rig() as rig, rig.client() as client:
        for host, status in ((b"localhost:1", 200), (b"127.0.0.1", 200), (b"evil.test", 403)):
            client.say(b"GET /metrics HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")
            assert (await client.got()).status == status


@live
async def test_connections_over_the_cap_are_told_so() -> None:
    crowded = replace(SETTINGS, max_connections=1)
    async with Rig(crowded) as rig, rig.client() as first:
        first.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await first.got()
        async with rig.client() as second:
            assert (await second.got()).status == 503
            assert await second.closed() == b""
