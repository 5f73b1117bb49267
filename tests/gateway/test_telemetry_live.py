"""What a collector is told by a whole gateway."""

import os
import signal
import time
from pathlib import Path

import pytest
from gateway_rig import DONE, LAST, SSE, STOP, Client, Seen, chunk, event, json_answer, live
from process_rig import Gate, Gateway
from telemetry_rig import CLIENT, Span, page, told, told_parent
from workers_rig import everybody, request, spread, until

from tollway.errors import TollwayError
from tollway.fleet.objects import Telemetry
from tollway.gateway.telemetry import exporter

PROMPT = "the quick brown fox"
ANSWER = "jumps over the lazy dog"
ASKED = b'{"model":"chat",%b"messages":[{"role":"user","content":"the quick brown fox"}]}'
BODY = (
    b'{"id":"1","object":"chat.completion","model":"m-2026-01-01","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"jumps over the lazy dog"},"finish_reason":"length"}],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,'
    b'"prompt_tokens_details":{"cached_tokens":4}}}'
)
FIRST = (
    b'data: {"id":"1","object":"chat.completion.chunk","model":"m-2026-01-01","choices":'
    b'[{"index":0,"delta":{"content":"jumps over"},"finish_reason":null}]}\n\n'
)
COUNTED = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ABOVE = "00f067aa0ba902b7"
TRACED = f"traceparent: 00-{TRACE}-{ABOVE}-01\r\ntracestate: congo=t61rcWkgMzE,rojo=1\r\n".encode()


async def good(seen: Seen) -> None:
    await seen.say(json_answer(BODY))


async def busy(seen: Seen) -> None:
    await seen.say(json_answer(b'{"error":{"message":"busy"}}', "503 Service Unavailable"))


async def picky(seen: Seen) -> None:
    await seen.say(json_answer(b'{"error":{"message":"no such thing"}}', "400 Bad Request"))


async def flowing(seen: Seen) -> None:
    parts = (FIRST, event(" the lazy dog"), event("."), STOP, COUNTED)
    await seen.say(SSE, *map(chunk, parts), chunk(DONE) + LAST)


async def breaking(seen: Seen) -> None:
    await seen.say(SSE, chunk(FIRST))
    seen.writer.close()


async def ask(gateway: Gateway, extra: bytes = b"", stream: bool = False) -> Client:
    client = await gateway.connect()
    client.say(request(gateway, ASKED % (b'"stream":true,' if stream else b""), extra))
    return client


def names(spans: list[Span]) -> list[str]:
    return [span.name for span in spans]


@live
async def test_a_fallback_is_two_attempts_of_one_request(tmp_path: Path) -> None:
    async with told(tmp_path, busy, second=good) as (gateway, sources, collector):
        client = await gateway.connect()
        client.say(request(gateway, (ASKED % b"").replace(b'"chat"', b'"first"'), TRACED))
        assert (await client.got()).status == 200
        root = (await until(collector.requests))[0]
        both = collector.attempts(root)
        first, second = both
        assert root.name == "POST /v1/chat/completions"
        assert (root.trace, root.parent) == (TRACE, ABOVE)
        assert root.state == "congo=t61rcWkgMzE,rojo=1"
        assert not root.failed
        assert root.facts["http.response.status_code"] == 200
        assert root.facts["tollway.tenant"] == "t"
        assert root.facts["tollway.attempts"] == 2
        assert names(both) == ["chat m", "chat m-b"]
        assert {each.kind for each in both} == {CLIENT}
        assert {each.trace for each in both} == {TRACE}
        assert first.failed
        assert first.facts["error.type"] == "503"
        assert first.facts["gen_ai.provider.name"] == "a"
        assert not second.failed
        assert second.facts["gen_ai.provider.name"] == "mistral_ai"
        assert second.facts["gen_ai.response.model"] == "m-2026-01-01"
        assert second.facts["gen_ai.response.finish_reasons"] == ["length"]
        assert second.facts["gen_ai.usage.input_tokens"] == 7
        assert second.facts["gen_ai.usage.output_tokens"] == 3
        assert second.facts["gen_ai.usage.cache_read.input_tokens"] == 4
        assert [each.facts["tollway.attempt"] for each in both] == [1, 2]
        assert [each.facts["tollway.source"] for each in both] == ["a", "b"]
        for attempt, source in zip(both, sources, strict=True):
            assert told_parent(source.seen[-1]) == f"00-{TRACE}-{attempt.id}-01"
            assert b"tracestate: congo=t61rcWkgMzE,rojo=1\r\n" in source.seen[-1].head
            assert attempt.facts["server.port"] == int(source.url.split(":")[2].split("/")[0])
        assert root.started <= first.started <= first.ended <= second.started
        assert second.ended <= root.ended <= time.time_ns()


@live
async def test_a_stream_tells_its_first_token_and_its_pace(tmp_path: Path) -> None:
    async with told(tmp_path, flowing) as (gateway, _, collector):
        client = await ask(gateway, stream=True)
        assert (await client.got()).body.endswith(DONE)
        root = (await until(collector.requests))[0]
        (attempt,) = collector.attempts(root)
        assert root.parent == ""
        assert attempt.facts["gen_ai.request.stream"] is True
        assert attempt.facts["gen_ai.response.finish_reasons"] == ["stop"]
        assert attempt.facts["gen_ai.response.model"] == "m-2026-01-01"
        assert 0.0 < attempt.facts["gen_ai.response.time_to_first_chunk"] < 5.0
        await until(lambda: "gen_ai.server.time_per_output_token" in collector.points)
        for name in ("gen_ai.server.time_to_first_token", "gen_ai.client.operation.duration"):
            ((facts, point),) = collector.points[name]
            assert point.count == 1
            assert facts["gen_ai.operation.name"] == "chat"
            assert "gen_ai.response.model" not in facts
        used = {
            facts["gen_ai.token.type"]: point.sum
            for facts, point in collector.points["gen_ai.client.token.usage"]
        }
        assert used == {"input": 7, "output": 5}


@live
async def test_a_failure_is_told_as_what_it_was_for_the_client(tmp_path: Path) -> None:
    async with told(tmp_path, busy) as (gateway, sources, collector):
        assert (await (await ask(gateway)).got()).status == 502
        root = (await until(collector.requests))[0]
        assert root.failed
        assert root.facts["http.response.status_code"] == 502
        assert root.facts["error.type"] == root.facts["tollway.code"]
        assert root.words == ""  # what a source says of a failure may quote the prompt

        sources[0].answer = picky
        collector.spans.clear()
        assert (await (await ask(gateway)).got()).status == 400
        root = (await until(collector.requests))[0]
        assert not root.failed  # it is the client's
        assert root.facts["http.response.status_code"] == 400
        assert "error.type" not in root.facts

        sources[0].answer = breaking
        collector.spans.clear()
        await (await ask(gateway, stream=True)).got()
        root = (await until(collector.requests))[0]
        assert root.failed
        assert root.facts["http.response.status_code"] == 200
        assert collector.attempts(root)[0].facts["error.type"] == "cut"

        collector.spans.clear()
        client = await gateway.connect()
        client.say(request(gateway, (ASKED % b"").replace(b'"chat"', b'"none"')))
        assert (await client.got()).status == 404
        root = (await until(collector.requests))[0]
        assert root.facts["tollway.code"] == "model_not_found"
        assert collector.attempts(root) == []


@live
async def test_a_client_that_leaves_is_told_of(tmp_path: Path) -> None:
    gate = Gate()
    async with told(tmp_path, gate) as (gateway, _, collector):
        client = await ask(gateway, stream=True)
        await client.reader.readuntil(b"\n\n")
        client.writer.transport.abort()
        root = (await until(collector.requests))[0]
        (attempt,) = collector.attempts(root)
        assert root.facts["tollway.code"] == "cancelled"
        assert not root.failed
        assert attempt.facts["error.type"] == "cancelled"
        assert attempt.facts["tollway.usage.estimated"] is True
        await until(lambda: "gen_ai.client.operation.duration" in collector.points)
        assert "gen_ai.client.token.usage" not in collector.points  # nobody has counted them


@live
async def test_who_is_not_sampled_is_measured_and_not_told_of(tmp_path: Path) -> None:
    more = "sample = 0.0"
    async with told(tmp_path, good, more) as (gateway, sources, collector):
        off = f"traceparent: 00-{TRACE}-{ABOVE}-00\r\n".encode()
        on = f"traceparent: 00-{TRACE}-{ABOVE}-01\r\n".encode()
        for extra in (off, b"", on):
            assert (await (await ask(gateway, extra)).got()).status == 200
        root = (await until(collector.requests))[0]
        assert root.trace == TRACE
        await until(lambda: "gen_ai.client.operation.duration" in collector.points)
        await until(lambda: collector.points["gen_ai.client.operation.duration"][0][1].count == 3)
        assert len(collector.requests()) == 1
        flags = [told_parent(seen).rpartition("-")[2] for seen in sources[0].seen]
        assert flags == ["00", "02", "01"]
        began_here = told_parent(sources[0].seen[1]).split("-")
        assert began_here[1] != TRACE


@live
async def test_no_prompt_no_answer_and_no_key_is_told(tmp_path: Path) -> None:
    async with told(tmp_path, good, second=flowing) as (gateway, sources, collector):
        sources[1].answer = good
        await (await ask(gateway)).got()
        sources[0].answer = sources[1].answer = flowing
        await (await ask(gateway, stream=True)).got()
        sources[0].answer = sources[1].answer = picky
        await (await ask(gateway)).got()
        await until(lambda: len(collector.requests()) == 3 and collector.points)
        assert b"tollway.tenant" in collector.raw  # the words are there to be found
        for secret in (PROMPT, ANSWER, "jumps over", gateway.key, "upstream-secret", "such thing"):
            assert secret.encode() not in collector.raw
        names = {name for headers in collector.headers for name in headers}
        assert "authorization" not in {name.lower() for name in names}


@live
async def test_what_ends_just_before_the_gateway_is_told_all_the_same(tmp_path: Path) -> None:
    async with told(tmp_path, good) as (gateway, _, collector):
        await (await ask(gateway)).got()
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert len(collector.requests()) == 1
        assert "gen_ai.client.operation.duration" in collector.points


@live
async def test_a_collector_that_refuses_is_counted_and_harms_nobody(tmp_path: Path) -> None:
    async with told(tmp_path, good) as (gateway, _, collector):
        collector.status = 401
        assert (await (await ask(gateway)).got()).status == 200
        await gateway.logged("telemetry: requests are not told")
        assert 'tollway_telemetry_requests_total{outcome="lost"} 1' in await page(gateway)
        collector.status = 200
        assert (await (await ask(gateway)).got()).status == 200
        await gateway.logged("telemetry: requests are told")
        assert 'tollway_telemetry_requests_total{outcome="told"} 1' in await page(gateway)


@live
async def test_a_collector_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    async with told(tmp_path, good) as (gateway, _, collector):
        collector.resume.clear()
        for _ in range(3):
            assert (await (await ask(gateway)).got()).status == 200
        begun = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert time.monotonic() - begun < 10.0


@live
async def test_the_telling_process_is_started_again_when_it_dies(tmp_path: Path) -> None:
    async with told(tmp_path, good) as (gateway, _, collector):
        await (await ask(gateway)).got()
        await until(collector.requests)
        collector.spans.clear()
        (teller,) = tellers(gateway)
        os.kill(teller, signal.SIGKILL)
        await gateway.logged("telemetry: the process that tells it")
        await (await ask(gateway)).got()
        await until(collector.requests)


@live
async def test_a_reload_says_that_telemetry_waits_for_the_next_start(tmp_path: Path) -> None:
    async with told(tmp_path, good) as (gateway, _, _collector):
        text = gateway.path.read_text()
        gateway.path.write_text(text.replace('interval = "200ms"', 'interval = "1s"'))
        _, answer = await gateway.admin("POST", "/reload")
        assert answer["notes"] == ["telemetry takes effect at the next start"]


def tellers(gateway: Gateway) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_teller(entry, gateway)
    ]


def _is_teller(entry: Path, gateway: Gateway) -> bool:
    assert gateway.process is not None
    try:
        command = (entry / "cmdline").read_bytes()
        parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return b"tollway.gateway.telemetry.telling" in command and int(parent) == gateway.process.pid


@live
async def test_workers_tell_one_collector_of_all(tmp_path: Path) -> None:
    async with told(tmp_path, busy, second=good, gateway="workers = 2") as (
        gateway,
        sources,
        collector,
    ):
        await until(lambda: everybody(gateway))
        clients = await spread(gateway, 2)
        for client in clients:
            client.say(request(gateway, ASKED % b"", TRACED))
        for client in clients:
            assert (await client.got()).status == 200
        roots = await until(
            lambda: found if len(found := collector.requests()) == len(clients) else None
        )
        assert {root.trace for root in roots} == {TRACE}
        assert len({root.id for root in roots}) == len(clients)
        served = [each for root in roots for each in collector.attempts(root)]
        assert len([each for each in served if not each.failed]) == len(clients)
        told_by = {seen_id(seen) for source in sources for seen in source.seen}
        assert told_by == {each.id for each in served}
        assert "tollway_telemetry_requests_total" in await page(gateway)
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0


def seen_id(seen: Seen) -> str:
    return told_parent(seen).split("-")[2]


def test_without_the_library_the_gateway_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    with pytest.raises(TollwayError, match=r"tollway\[otel\]"):
        exporter.Exporter(Telemetry("http://127.0.0.1:1"), "x", None, time.monotonic)  # type: ignore[arg-type]
