"""What the emulator answers: OpenAI's shapes and errors, and the length that was asked for."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from emulator_rig import MODEL, InProcess, chat, emulator, until

from tollway.emulator.app import Emulator


@pytest.fixture
async def app() -> AsyncIterator[Emulator]:
    made = emulator()
    async with made.running():
        yield made


@pytest.fixture
def client(app: Emulator) -> InProcess:
    return InProcess(app)


async def test_a_stream_is_a_role_then_a_token_a_chunk_then_a_reason_then_done(
    client: InProcess,
) -> None:
    answer = await client.call("/v1/chat/completions", chat(max_tokens=7, stream=True))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.events()[-1] == "[DONE]"
    chunks = answer.chunks()
    assert {one["object"] for one in chunks} == {"chat.completion.chunk"}
    assert len({one["id"] for one in chunks}) == 1
    choices = [one["choices"][0] for one in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert all(choice["delta"]["content"] for choice in choices[1:-1])
    assert len(choices[1:-1]) == 7
    assert [choice["finish_reason"] for choice in choices] == [None] * 8 + ["length"]
    assert all("usage" not in one for one in chunks)


async def test_usage_is_streamed_only_where_it_is_asked_for(client: InProcess) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 3}
    chunks = (await client.call("/v1/chat/completions", chat(**options))).chunks()
    assert all(one["usage"] is None for one in chunks[:-1])
    assert chunks[-1]["choices"] == []
    usage = chunks[-1]["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


async def test_the_body_says_the_same_as_the_stream(client: InProcess) -> None:
    whole = (await client.call("/v1/chat/completions", chat(max_tokens=40))).json()
    streamed = await client.call("/v1/chat/completions", chat(max_tokens=40, stream=True))
    assert whole["choices"][0]["message"]["content"] == streamed.text()
    assert whole["object"] == "chat.completion"
    assert whole["usage"]["completion_tokens"] == 40


async def test_the_same_prompt_has_the_same_answer_and_another_seed_another(
    client: InProcess,
) -> None:
    async def said(**fields: Any) -> tuple[str, int]:
        answer = (await client.call("/v1/chat/completions", chat(**fields))).json()
        return answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]

    assert await said() == await said()
    assert await said() != await said(seed=1)
    assert await said() != await said(content="something else")


@pytest.mark.parametrize(
    ("fields", "length", "reason"),
    [
        ({"max_tokens": 5}, 5, "length"),
        ({"max_completion_tokens": 6, "max_tokens": 9}, 6, "length"),
        ({"max_tokens": 900, "min_tokens": 900, "ignore_eos": True}, 900, "length"),
        ({"min_tokens": 3000}, 3000, "stop"),
    ],
)
async def test_an_answer_is_as_long_as_was_asked_for(
    client: InProcess, fields: dict[str, Any], length: int, reason: str
) -> None:
    answer = (await client.call("/v1/chat/completions", chat(**fields))).json()
    assert answer["usage"]["completion_tokens"] == length
    assert answer["choices"][0]["finish_reason"] == reason


async def test_a_cap_that_is_longer_than_the_answer_does_not_lengthen_it(client: InProcess) -> None:
    free = (await client.call("/v1/chat/completions", chat())).json()
    capped = chat(max_tokens=4000, ignore_eos=False)
    answer = (await client.call("/v1/chat/completions", capped)).json()
    assert answer["usage"] == free["usage"]
    assert answer["choices"][0]["finish_reason"] == "stop"
    cut = (await client.call("/v1/chat/completions", chat(max_tokens=2, ignore_eos=False))).json()
    assert cut["usage"]["completion_tokens"] == 2
    assert cut["choices"][0]["finish_reason"] == "length"


async def test_completions_answer_text_and_token_ids(client: InProcess) -> None:
    ask = {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 4}
    answer = (await client.call("/v1/completions", ask)).json()
    assert answer["object"] == "text_completion"
    assert answer["choices"][0]["text"]
    assert answer["usage"]["prompt_tokens"] == 4
    for prompt in ([1, 2, 3], [[1, 2, 3]]):
        answer = (await client.call("/v1/completions", {**ask, "prompt": prompt})).json()
        assert answer["usage"]["prompt_tokens"] == 3
    streamed = await client.call("/v1/completions", {**ask, "stream": True})
    assert streamed.events()[-1] == "[DONE]"
    assert len([one for one in streamed.chunks() if one["choices"][0]["text"]]) == 4


async def test_embeddings_are_unit_vectors_that_never_change(client: InProcess) -> None:
    ask = {"model": MODEL, "input": ["one text", "another"], "dimensions": 64}
    plain = (await client.call("/v1/embeddings", ask)).json()
    again = (await client.call("/v1/embeddings", {**ask, "encoding_format": "base64"})).json()
    first = plain["data"][0]["embedding"]
    assert len(first) == 64
    assert sum(one * one for one in first) == pytest.approx(1, abs=1e-5)
    assert first != plain["data"][1]["embedding"]
    packed = base64.b64decode(again["data"][0]["embedding"])
    assert list(struct.unpack("<64f", packed)) == first
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


async def test_models_and_health_answer(client: InProcess) -> None:
    models = (await client.call("/v1/models")).json()
    assert [one["id"] for one in models["data"]] == [MODEL]
    assert models["data"][0]["max_model_len"] == 131072
    assert (await client.call("/health")).status == 200


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"\xff", 400, None),
        ({"model": MODEL}, 400, "messages"),
        (chat(max_tokens="many"), 400, "max_tokens"),
        (chat(max_tokens=0), 400, "max_tokens"),
        (chat(stream="yes"), 400, "stream"),
        ({"model": MODEL, "messages": []}, 400, "messages"),
        ({"model": MODEL, "messages": [{"content": "x"}]}, 400, "role"),
        (chat(n=2), 400, "n"),
        (chat(max_tokens=2, min_tokens=3), 400, "min_tokens"),
        (chat() | {"model": "gpt-9"}, 404, "model"),
    ],
)
async def test_bad_requests_are_answered_as_openai_would(
    client: InProcess, body: object, status: int, param: str | None
) -> None:
    answer = await client.call("/v1/chat/completions", body)
    assert answer.status == status
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["param"] == param or param in error["message"]


async def test_a_prompt_over_the_context_is_refused_with_the_numbers(client: InProcess) -> None:
    answer = await client.call("/v1/chat/completions", chat(max_tokens=131072))
    error = answer.json()["error"]
    assert answer.status == 400
    assert error["code"] == "context_length_exceeded"
    assert "131072 tokens" in error["message"]


async def test_unknown_paths_and_methods_are_refused(client: InProcess) -> None:
    assert (await client.call("/v1/nothing")).status == 404
    assert (await client.call("/v1/chat/completions")).status == 405


async def test_unknown_fields_and_parts_are_accepted(client: InProcess) -> None:
    parts = [
        {"type": "text", "text": "what is this?", "cache_control": {}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    body = chat(max_tokens=1, top_p=0.5, future_field={"a": 1})
    body["messages"] = [{"role": "user", "content": parts, "name": "x"}]
    answer = await client.call("/v1/chat/completions", body)
    assert answer.status == 200
    assert answer.json()["usage"]["prompt_tokens"] > 256


async def test_a_long_prompt_does_not_stall_other_streams(client: InProcess) -> None:
    """The longest time that the event loop was away, while 120,000 tokens were counted."""
    words = " ".join(f"word{index}" for index in range(40_000))
    loop, worst = asyncio.get_running_loop(), 0.0
    await client.call("/v1/chat/completions", chat(max_tokens=1))
    call = asyncio.create_task(
        client.call("/v1/chat/completions", chat(content=words, max_tokens=1))
    )
    while not call.done():
        before = loop.time()
        await asyncio.sleep(0)
        worst = max(worst, loop.time() - before)
    assert call.result().status == 200
    assert call.result().json()["usage"]["prompt_tokens"] > 60_000
    assert worst < 0.25


async def test_a_client_that_leaves_frees_its_sequence_and_its_blocks_with_the_step() -> None:
    app = emulator(warp=0.1)
    replica = app.pools[MODEL].replicas[0]
    client, leave = InProcess(app), asyncio.Event()
    async with app.running():
        call = asyncio.create_task(
            client.call("/v1/chat/completions", chat(max_tokens=1000, stream=True), leave=leave)
        )
        await until(lambda: replica.core.used > 0)
        leave.set()
        answer = await call
        assert replica.load == 0
        await until(lambda: replica.core.used == 0)
    assert not answer.whole
    assert replica.core.counters.steps < 10


async def test_a_client_that_leaves_the_queue_is_forgotten() -> None:
    app = emulator(warp=0.001)
    replica = app.pools[MODEL].replicas[0]
    leave = asyncio.Event()
    async with app.running():
        calls = [
            asyncio.create_task(
                InProcess(app).call("/v1/chat/completions", chat(max_tokens=9), leave=leave)
            )
            for _ in range(300)
        ]
        await until(lambda: replica.load == 300)
        leave.set()
        await asyncio.gather(*calls)
    assert replica.load == 0
    assert app.pools[MODEL].served == 0


async def test_requests_go_to_the_least_loaded_replica() -> None:
    app = emulator(warp=0.001, replicas=3)
    pool = app.pools[MODEL]
    leave = asyncio.Event()
    async with app.running():
        calls = [
            asyncio.create_task(
                InProcess(app).call("/v1/chat/completions", chat(max_tokens=9), leave=leave)
            )
            for _ in range(9)
        ]
        await until(lambda: sum(replica.load for replica in pool.replicas) == 9)
        assert [replica.load for replica in pool.replicas] == [3, 3, 3]
        leave.set()
        await asyncio.gather(*calls)
