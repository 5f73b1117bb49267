"""One request's life, with raw upstreams that do what upstreams do."""

import asyncio
import json
import resource
from dataclasses import replace

import pytest
from gateway_rig import (
    BODY,
    DONE,
    LAST,
    SSE,
    STOP,
    TIMEOUTS,
    Answer,
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


@live
async def test_an_answer_is_relayed_whole() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        client.ask()
        got = await client.got()
        assert (got.status, got.body) == (200, BODY)
        assert got.headers["x-tollway-source"] == "a"
        assert got.headers["x-tollway-model"] == "m-up"
        assert got.headers["x-tollway-attempts"] == "1"
        assert json.loads(mock.seen[0].body)["model"] == "m-up"
        [done] = rig.decider.seen(m.Finished)
        assert isinstance(done, m.Finished)
        assert (done.usage.input, done.usage.output, done.usage.estimated) == (7, 3, False)


@live
async def test_a_stream_is_relayed_byte_for_byte() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_stream)).url)
        client.stream()
        got = await client.got()
        assert got.body == event("a") + event("b") + STOP + DONE
        assert rig.decider.seen(m.Content)
        assert rig.decider.seen(m.Finished)


@live
async def test_upstream_connections_are_reused() -> None:
    async with Rig() as rig, rig.client() as client:
        body, stream = await rig.upstream(good_body), await rig.upstream(good_stream)
        rig.use(a=body.url)
        for _ in range(5):
            client.ask()
            await client.got()
        assert (len(body.seen), body.connections) == (5, 1)
        rig.use(a=stream.url)
        for _ in range(5):
            client.stream()
            await client.got()
        assert (len(stream.seen), stream.connections) == (5, 1)


def _kinds(rig: Rig) -> list[str]:
    return [one.kind for one in rig.decider.seen(m.Failed) if isinstance(one, m.Failed)]


def _error(body: bytes) -> str:
    """The code of the error event that a stream ends with."""
    last = body.rstrip(b"\n").rpartition(b"\n\n")[2]
    return json.loads(last.removeprefix(b"data: "))["error"]["code"]


async def _cut(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")), chunk(event("b")[:20]))
    seen.writer.close()


async def _ended_early(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")) + LAST)


async def _stalled(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")))
    await seen.reader.read(1)


async def _dripping(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")))
    while not seen.writer.is_closing():
        await seen.say(chunk(b"x"))
        await asyncio.sleep(0.02)


async def _comments(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")))
    while not seen.writer.is_closing():
        await seen.say(chunk(b": ping\n\n"))
        await asyncio.sleep(0.02)


async def _nonsense(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")), chunk(b"data: {nonsense\n\n"))


async def _error_within(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")), chunk(b'data: {"error":{"message":"no"}}\n\n') + LAST)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_cut, "cut"),
        (_ended_early, "cut"),
        (_stalled, "stall"),
        (_dripping, "stall"),
        (_comments, "stall"),
        (_nonsense, "malformed"),
        (_error_within, "error_event"),
    ],
)
def test_after_content_a_fault_ends_in_an_error_event_and_never_in_done(
    answer: Answer, kind: str
) -> None:
    @live
    async def run() -> None:
        async with Rig(plan=["a", "b"]) as rig, rig.client() as client:
            rig.use(a=(await rig.upstream(answer)).url, b=(await rig.upstream(good_stream)).url)
            client.stream()
            got = await client.got()  # reads to the last chunk: the framing is whole
            assert got.body.startswith(event("a"))
            assert _error(got.body) == kind
            assert b"[DONE]" not in got.body
            assert _kinds(rig) == [kind]
            assert len(rig.books.settled) == 1

    run()


@live
async def test_a_source_that_reasons_for_longer_than_its_idle_timeout_is_alive() -> None:
    thought = b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}\n\n'

    async def answer(seen: Seen) -> None:
        await seen.say(SSE)
        for _ in range(12):
            await seen.say(chunk(thought))
            await asyncio.sleep(0.1)
        await seen.say(chunk(event("a")), chunk(DONE) + LAST)

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)  # its idle timeout is 0.3 s
        client.stream()
        assert (await client.got()).body == thought * 12 + event("a") + DONE


@live
async def test_a_stream_longer_than_the_total_timeout_is_ended() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(SSE)
        while not seen.writer.is_closing():
            await seen.say(chunk(event("a")))
            await asyncio.sleep(0.02)

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        timeouts = replace(TIMEOUTS, total=Seconds(0.3))
        rig.board.use({"a": Origin.of(source("a", mock.url, timeouts=timeouts), None)})
        client.stream()
        assert _error((await client.got()).body) == "too_long"


@live
async def test_an_event_goes_out_before_the_next_one_comes() -> None:
    gate = asyncio.Event()

    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")))
        await gate.wait()
        await seen.say(chunk(STOP), chunk(DONE) + LAST)

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.stream()
        await client.head()
        size = int(await client.reader.readuntil(b"\r\n"), 16)
        assert (await client.reader.readexactly(size + 2))[:-2] == event("a")
        gate.set()
        assert await client.chunks() == STOP + DONE


@live
async def test_the_answer_ends_with_its_marker_and_waits_for_no_framing() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")), chunk(DONE))
        await seen.reader.read(1)

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.stream()
        assert (await client.got()).body == event("a") + DONE
        assert len(rig.decider.seen(m.Finished)) == 1


@live
async def test_a_client_that_leaves_ends_the_upstream_at_once_and_is_settled() -> None:
    left = asyncio.Event()

    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")), chunk(event("b")))
        assert await seen.reader.read(1) == b""
        left.set()

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.stream()
        await client.head()
        await client.reader.readuntil(event("b"))
        client.writer.close()
        await asyncio.wait_for(left.wait(), 1.0)
        await rig.until(lambda: bool(rig.books.settled))
        [gone] = rig.decider.seen(m.Cancelled)
        assert isinstance(gone, m.Cancelled)
        assert gone.usage.output == 2
        assert gone.usage.estimated
        assert not rig.board.live


@live
async def test_a_client_that_leaves_before_any_answer_is_settled_too() -> None:
    async def answer(seen: Seen) -> None:
        assert await seen.reader.read(1) == b""

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        rig.use(a=mock.url)
        client.stream()
        await rig.until(lambda: bool(mock.seen))
        client.writer.close()
        await rig.until(lambda: bool(rig.books.settled))
        [gone] = rig.decider.seen(m.Cancelled)
        assert isinstance(gone, m.Cancelled)
        assert gone.usage.input > 0


@live
async def test_a_slow_reader_stops_the_upstream_and_costs_little_memory() -> None:
    piece = chunk(event("x" * 60_000))
    sent = 0

    async def answer(seen: Seen) -> None:
        nonlocal sent
        await seen.say(SSE)
        while not seen.writer.is_closing():
            await seen.say(piece)
            sent += len(piece)
            if sent > 300_000_000:
                await seen.say(chunk(DONE) + LAST)
                return

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        timeouts = replace(TIMEOUTS, idle=Seconds(0.2), total=Seconds(60))
        rig.board.use({"a": Origin.of(source("a", mock.url, timeouts=timeouts), None)})
        client.stream()
        await client.head()
        await rig.until(lambda: sent > 1_000_000)
        before, at = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
        while at != sent:  # until the sockets' own buffers are full, and nothing moves any more
            at = sent
            await asyncio.sleep(0.5)
        # What was sent lies in the kernel's buffers of the two connections, and not with us.
        assert sent < 40_000_000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2048
        assert _kinds(rig) == []  # a slow client is no stall of the source
        client.writer.transport.abort()
        await rig.until(lambda: bool(rig.books.settled))


@live
async def test_a_large_body_is_relayed_without_being_held() -> None:
    body = b'{"object":"list","data":["%b"],"usage":{"prompt_tokens":5,"total_tokens":5}}' % (
        b"x" * 3_000_000
    )

    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(body))

    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url)
        client.ask(b'{"model":"chat","input":"hi"}', path=b"/v1/embeddings")
        got = await client.got()
        assert got.body == body
        [done] = rig.decider.seen(m.Finished)
        assert isinstance(done, m.Finished)
        assert (done.usage.input, done.usage.estimated) == (5, False)


@live
async def test_a_large_body_cut_short_is_broken_off() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(b'{"data":"' + b"x" * 3_000_000)[:-1000])
        seen.writer.close()

    async with Rig(plan=["a", "b"]) as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(answer)).url, b=(await rig.upstream(good_body)).url)
        client.ask()
        got = await client.head()
        assert len(await client.closed()) < int(got.headers["content-length"])
        assert _kinds(rig) == ["cut"]


@live
async def test_a_ledger_that_cannot_reserve_refuses_and_sends_nothing() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        rig.books.down = OSError("disk full")
        client.ask()
        got = await client.got()
        assert (got.status, got.headers["retry-after"]) == (503, "1")
        assert mock.seen == []


@live
async def test_dispatch_may_end_an_attempt_over_its_first_content() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_stream)).url)
        rig.decider.on_content = [m.Abort("boot-00000001", 1, "late", "too late")]
        client.stream()
        got = await client.got()
        assert got.status == 502
        assert _kinds(rig) == ["late"]


@live
async def test_a_fault_of_ours_ends_that_request_and_no_other() -> None:
    async with Rig() as rig, rig.client() as client, rig.client() as other:
        rig.use(a=(await rig.upstream(good_body)).url)
        healthy = rig.board.upstreams["a"]
        rig.board.upstreams = {"a": object()}  # type: ignore[dict-item]
        client.ask()
        got = await client.got()
        assert got.status == 500
        assert len(rig.watch.errors) == 1
        rig.watch.errors.clear()
        rig.board.upstreams = {"a": healthy}
        other.ask()
        assert (await other.got()).status == 200


@live
async def test_a_stopping_gateway_ends_streams_in_words() -> None:
    async with Rig() as rig, rig.client() as client, rig.client() as waiting:
        rig.use(a=(await rig.upstream(_stalled)).url)
        client.stream()
        await client.head()
        await client.reader.readuntil(event("a"))
        rig.use(a=(await rig.upstream(lambda seen: seen.reader.read(1))).url)  # type: ignore[arg-type,return-value]
        waiting.ask()
        await rig.until(lambda: len(rig.board.live) == 2)
        rig.front.drain()
        rig.board.stop()
        assert b'"code":"internal"' in await client.closed()
        got = await waiting.got()
        assert (got.status, got.headers["connection"]) == (503, "close")
        assert len(rig.books.settled) == 2


@live
async def test_progress_of_a_stream_is_told() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(_stalled)).url)
        client.stream()
        await client.head()
        for bucket in range(10):
            rig.board.report_progress(bucket)
        [told] = rig.decider.seen(m.Progressed)
        assert isinstance(told, m.Progressed)
        assert (told.attempt, told.output_tokens) == (1, 1)
        client.writer.close()
        await rig.until(lambda: bool(rig.books.settled))
