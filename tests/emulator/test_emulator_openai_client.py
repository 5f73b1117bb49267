"""The official client, over a real port: streaming and not, errors as its own exceptions."""

from collections.abc import AsyncIterator

import openai
import pytest
from emulator_rig import MODEL, emulator

from tollway.emulator.server import start


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        start(emulator()) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made,
    ):
        yield made


async def test_the_official_client_streams_and_does_not(client: openai.AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}], max_tokens=12
    )
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "hi"}],
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert whole.choices[0].message.content == text
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage == chunks[-1].usage
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 12


async def test_the_official_client_completes_and_embeds(client: openai.AsyncOpenAI) -> None:
    done = await client.completions.create(model=MODEL, prompt="Once", max_tokens=3)
    assert done.choices[0].text
    # The client asks for base64 and decodes it.
    vectors = await client.embeddings.create(model=MODEL, input=["a", "b"])
    assert [len(one.embedding) for one in vectors.data] == [1024, 1024]
    assert [one.id async for one in client.models.list()] == [MODEL]


async def test_the_official_client_raises_its_own_errors(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await client.completions.create(model="none", prompt="x")
    with pytest.raises(openai.BadRequestError) as caught:
        await client.completions.create(model=MODEL, prompt="x", max_tokens=200_000)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.RateLimitError):
        await client.completions.create(
            model=MODEL, prompt="x", extra_headers={"x-emulator-fault": "http-429"}
        )
