"""A client of any dialect, a source of any dialect: what each gets to see."""

import json
from dataclasses import replace
from typing import Any, Literal, cast

import pytest
from dialect_sources import SAID, TEXT, WAYS, say, streamed_text, text_of
from gateway_rig import LAST, SSE, Rig, Seen, chunk, json_answer, live, source

from tollway.dispatch import messages as m
from tollway.fleet.objects import Candidate, Dialect
from tollway.fleet.usage import Usage
from tollway.gateway.upstream import Origin

DIALECTS = tuple(WAYS)
PAIRS = [(client, spoken) for client in DIALECTS for spoken in DIALECTS]


async def reach(
    rig: Rig, url: str, *dialects: Dialect, losses: Literal["declare", "refuse"] = "declare"
) -> None:
    """Have the route served by one source that speaks these."""
    one = source("a", url, dialects=dialects)
    route = replace(rig.fleet.routes["chat"], candidates=(Candidate("a", "m"),), losses=losses)
    routes = {**rig.fleet.routes, "chat": route}
    rig.fleet = replace(rig.fleet, sources={"a": one}, routes=routes)
    rig.board.use({"a": Origin.of(one, "sk-ours")})


def used(rig: Rig) -> Usage:
    [done] = rig.decider.seen(m.Finished)
    assert isinstance(done, m.Finished)
    return done.usage


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_client_reads_what_every_source_says(
    client: Dialect, spoken: Dialect, stream: bool
) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:

            async def answer(seen: Seen) -> None:
                await say(seen, spoken)

            mock = await rig.upstream(answer)
            await reach(rig, mock.url, spoken)
            path, body = WAYS[client].ask(stream)
            asking.ask(body, path)
            got = await asking.got()
            assert got.status == 200, got.body
            read = streamed_text if stream else text_of
            assert read(client, got.body) == TEXT
            assert used(rig) == Usage(input=11, output=5)
            if client == spoken and client != "openai":
                whole = b"".join(SAID[spoken].events)
                assert got.body == (whole if stream else json.dumps(SAID[spoken].body).encode())
            head = mock.seen[0].head.lower()
            assert b"sk-ours" in head
            assert b"tw_abcdefgh" not in head

    run()


CREDENTIALS = {
    "openai": b"authorization: bearer sk-ours",
    "responses": b"authorization: bearer sk-ours",
    "anthropic": b"x-api-key: sk-ours",
    "gemini": b"x-goog-api-key: sk-ours",
}
PATHS = {
    "openai": b"POST /v1/chat/completions HTTP/1.1\r\n",
    "responses": b"POST /v1/responses HTTP/1.1\r\n",
    "anthropic": b"POST /v1/messages HTTP/1.1\r\n",
    "gemini": b"POST /v1/models/m-up:generateContent HTTP/1.1\r\n",
}


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_a_source_is_asked_in_its_own_words(client: Dialect, spoken: Dialect) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:

            async def answer(seen: Seen) -> None:
                await say(seen, spoken)

            mock = await rig.upstream(answer)
            await reach(rig, mock.url, spoken)
            path, body = WAYS[client].ask(False)
            asking.ask(body, path)
            assert (await asking.got()).status == 200
            [seen] = mock.seen
            assert seen.head.startswith(PATHS[spoken])
            assert CREDENTIALS[spoken] in seen.head.lower()
            assert (b"anthropic-version: " in seen.head) == (spoken == "anthropic")
            said = json.loads(seen.body)
            assert said.get("model") == (None if spoken == "gemini" else "m-up")
            assert "hello" in seen.body.decode()

    run()


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_an_error_of_the_source_is_told_in_the_clients_dialect(
    client: Dialect, spoken: Dialect
) -> None:
    errors: dict[Dialect, dict[str, Any]] = {
        "openai": {"error": {"message": "too hot", "type": "invalid_request_error"}},
        "responses": {"error": {"message": "too hot", "type": "invalid_request_error"}},
        "anthropic": {"type": "error", "error": {"type": "invalid_request", "message": "too hot"}},
        "gemini": {"error": {"code": 400, "message": "too hot", "status": "INVALID_ARGUMENT"}},
    }

    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:

            async def answer(seen: Seen) -> None:
                await seen.say(json_answer(json.dumps(errors[spoken]).encode(), "400 Bad Request"))

            await reach(rig, (await rig.upstream(answer)).url, spoken)
            path, body = WAYS[client].ask(False)
            asking.ask(body, path)
            got = await asking.got()
            assert got.status == 400
            told = json.loads(got.body)
            assert told["error"]["message"] == "too hot"
            assert ("type" in told) == (client == "anthropic")
            assert ("status" in told["error"]) == (client == "gemini")

    run()


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_a_stream_that_breaks_ends_in_the_clients_own_error_event(
    client: Dialect, spoken: Dialect
) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:

            async def answer(seen: Seen) -> None:
                events = SAID[spoken].events[:-2] if spoken != "gemini" else SAID[spoken].events[:1]
                await seen.say(SSE, *(chunk(event) for event in events))
                seen.writer.close()

            await reach(rig, (await rig.upstream(answer)).url, spoken)
            path, body = WAYS[client].ask(True)
            asking.ask(body, path)
            got = await asking.got()
            assert TEXT.startswith(streamed_text_before_error(client, got.body))
            last = got.body.decode().strip().rpartition("\n\n")[2]
            data = json.loads(last.partition("data: ")[2])
            if client == "anthropic":
                assert last.startswith("event: error\n")
                assert data["type"] == "error"
            elif client == "responses":
                assert data["type"] in ("error", "response.failed")
            else:
                assert data["error"]["message"]
            assert b"[DONE]" not in got.body
            assert rig.decider.seen(m.Failed)

    run()


def streamed_text_before_error(client: Dialect, body: bytes) -> str:
    return streamed_text(client, body.rstrip().rpartition(b"\n\n")[0] + b"\n\n")


@pytest.mark.parametrize("client", DIALECTS)
def test_what_the_gateway_refuses_it_refuses_in_the_clients_shape(client: Dialect) -> None:
    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:
            path, _ = WAYS[client].ask(False)
            asking.ask(b"{", path)
            got = await asking.got()
            assert got.status == 400
            told = json.loads(got.body)
            assert "not JSON" in told["error"]["message"]
            assert ("type" in told) == (client == "anthropic")
            assert ("status" in told["error"]) == (client == "gemini")
            asking.say(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" % path)
            got = await asking.got()
            assert got.status == 401
            assert "valid key" in json.loads(got.body)["error"]["message"]

    run()


LOSSY = {"openai": {"logit_bias": {"50256": -100}}, "anthropic": {"top_k": 5}}


@live
async def test_what_is_lost_is_declared_or_refused_as_the_route_says() -> None:
    async with Rig() as rig, rig.client() as asking:

        async def answer(seen: Seen) -> None:
            await say(seen, "anthropic" if b"/messages" in seen.head else "openai")

        mock = await rig.upstream(answer)
        await reach(rig, mock.url, "openai")
        path, body = WAYS["anthropic"].ask(False, top_k=5)
        asking.ask(body, path)
        got = await asking.got()
        assert got.status == 200
        assert got.headers["x-tollway-lost"] == "top_k"
        await reach(rig, mock.url, "openai", losses="refuse")
        asking.ask(body, path)
        refused = await asking.got()
        assert refused.status == 400
        assert "top_k" in json.loads(refused.body)["error"]["message"]
        assert len(mock.seen) == 1
        await reach(rig, mock.url, "anthropic", "openai", losses="refuse")
        asking.ask(body, path)
        assert (await asking.got()).status == 200
        assert json.loads(mock.seen[1].body)["top_k"] == 5


@live
async def test_what_is_lost_is_told_in_a_header_of_bounded_length() -> None:
    async with Rig() as rig, rig.client() as asking:

        async def answer(seen: Seen) -> None:
            await say(seen, "openai")

        await reach(rig, (await rig.upstream(answer)).url, "openai")
        odd = {f"x{n}\r\nset-cookie: a=b" + "y" * 5000: 1 for n in range(90)}
        path, body = WAYS["anthropic"].ask(False, **odd)
        asking.ask(body, path)
        got = await asking.got()
        assert got.status == 200
        assert "set-cookie" not in got.headers
        assert len(got.headers["x-tollway-lost"]) < 2000
        assert got.headers["x-tollway-lost"].endswith(", and 66 more")


@live
async def test_nothing_is_said_of_losses_where_there_are_none() -> None:
    async with Rig() as rig, rig.client() as asking:

        async def answer(seen: Seen) -> None:
            await say(seen, "openai")

        await reach(rig, (await rig.upstream(answer)).url, "openai")
        path, body = WAYS["anthropic"].ask(False)
        asking.ask(body, path)
        assert "x-tollway-lost" not in (await asking.got()).headers


@live
async def test_embeddings_are_asked_of_sources_that_have_them() -> None:
    async with Rig() as rig, rig.client() as asking:
        await reach(rig, "http://127.0.0.1:9/v1", "anthropic")
        asking.ask(b'{"model":"chat","input":"hello"}', b"/v1/embeddings")
        got = await asking.got()
        assert got.status == 400
        assert json.loads(got.body)["error"]["code"] == "not_carried"


@pytest.mark.parametrize("client", ["anthropic", "gemini"])
def test_tokens_are_counted_and_called_an_estimate(client: Dialect) -> None:
    paths = {
        "anthropic": b"/v1/messages/count_tokens",
        "gemini": b"/v1beta/models/chat:countTokens",
    }

    @live
    async def run() -> None:
        async with Rig() as rig, rig.client() as asking:
            _, body = WAYS[client].ask(False)
            asking.ask(body, paths[client])
            got = await asking.got()
            assert got.status == 200
            counted = json.loads(got.body)
            tokens = counted["input_tokens" if client == "anthropic" else "totalTokens"]
            assert 1 <= tokens < 40
            assert got.headers["x-tollway-estimated"] == "input_tokens"
            assert not rig.decider.seen(m.Arrived)

    run()


@live
async def test_a_stream_of_gemini_is_asked_for_as_events() -> None:
    async with Rig() as rig, rig.client() as asking:
        _, body = WAYS["gemini"].ask(False)
        asking.ask(body, b"/v1beta/models/chat:streamGenerateContent")
        got = await asking.got()
        assert got.status == 400
        assert "alt=sse" in json.loads(got.body)["error"]["message"]


@live
async def test_a_key_in_the_query_is_no_key() -> None:
    async with Rig() as rig, rig.client() as asking:
        path = b"/v1beta/models/chat:generateContent?key=tw_abcdefgh_" + b"s" * 32
        asking.say(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" % path)
        assert (await asking.got()).status == 401


@live
async def test_the_models_of_a_key_are_listed_in_each_shape() -> None:
    async with Rig() as rig, rig.client() as asking:

        async def get(path: bytes, extra: bytes = b"", name: bytes = b"x-api-key") -> Any:
            asking.say(
                b"GET %b HTTP/1.1\r\nhost: x\r\n%b: tw_abcdefgh_%b\r\n%b\r\n"
                % (path, name, b"s" * 32, extra)
            )
            got = await asking.got()
            assert got.status == 200
            return json.loads(got.body)

        assert [it["id"] for it in (await get(b"/v1/models"))["data"]] == ["chat", "other"]
        anthropic = await get(b"/v1/models", b"anthropic-version: 2023-06-01\r\n")
        assert [it["type"] for it in anthropic["data"]] == ["model", "model"]
        assert (anthropic["first_id"], anthropic["last_id"]) == ("chat", "other")
        gemini = await get(b"/v1beta/models")
        assert gemini == await get(b"/v1/models", name=b"x-goog-api-key")
        assert [it["name"] for it in gemini["models"]] == ["models/chat", "models/other"]
        assert (await get(b"/v1beta/models/chat"))["name"] == "models/chat"


@live
async def test_a_clients_trial_headers_reach_a_source_of_its_dialect_only() -> None:
    async with Rig() as rig, rig.client() as asking:
        spoken: list[Dialect] = ["anthropic"]

        async def answer(seen: Seen) -> None:
            await say(seen, spoken[0])

        mock = await rig.upstream(answer)
        path, body = WAYS["anthropic"].ask(False)
        extra = b"anthropic-version: 2024-01-01\r\nanthropic-beta: more-2026\r\n"
        for one in cast(tuple[Dialect, ...], ("anthropic", "openai")):
            spoken[0] = one
            await reach(rig, mock.url, one)
            asking.ask(body, path, extra)
            assert (await asking.got()).status == 200
        assert b"anthropic-version: 2024-01-01\r\n" in mock.seen[0].head
        assert b"anthropic-beta: more-2026\r\n" in mock.seen[0].head
        assert b"anthropic" not in mock.seen[1].head


@live
async def test_an_event_stream_cut_anywhere_is_put_the_same() -> None:
    whole = b"".join(SAID["openai"].events)
    answers: list[bytes] = []
    for step in (1, 7, 64, len(whole)):
        parts = [whole[at : at + step] for at in range(0, len(whole), step)]

        async def answer(seen: Seen, parts: list[bytes] = parts) -> None:
            await seen.say(SSE, *(chunk(part) for part in parts), LAST)

        async with Rig() as rig, rig.client() as asking:
            await reach(rig, (await rig.upstream(answer)).url, "openai")
            path, body = WAYS["anthropic"].ask(True)
            asking.ask(body, path)
            answers.append((await asking.got()).body)
    assert len(set(answers)) == 1
