"""A gateway as a process, between programs and scripted sources of every dialect."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from scripted_source import ClosedNetwork, ScriptedSource, closed_network, scripted
from transcripts import Transcript
from wires import WIRES

from free_ports import free_port
from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery, UsageRow
from tollway.ledger.sqlite import open_for_keys, open_reader

HEAD = """
version = 1
[gateway]
listen = "127.0.0.1:{port}"
[credentials]
up = "env:TEST_UPSTREAM_KEY"
[tenants.t]
"""
SOURCE = """
[models.{name}]
[sources.{name}]
kind = "server"
url = "{url}"
credential = "up"
dialects = ["{name}"]
breaker = {{ min_samples = 1000 }}
[sources.{name}.serves.{name}]
upstream_model = "{model}"
prices = [{{ since = 2025-01-01, input = "1", cached_input = "0.1", output = "2" }}]
"""
ROUTE = """
[routes."{name}"]
model = "{model}"
"""
BASE = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}
"""What stands before the path in each dialect's own API."""

SECRET = "upstream-secret"


@dataclass
class Between:
    """A gateway whose routes lead to scripted sources, each of its own dialect."""

    url: str
    key: str
    folder: Path
    sources: dict[str, ScriptedSource]
    network: ClosedNetwork

    @property
    def faults(self) -> dict[str, list[str]]:
        return {name: source.faults for name, source in self.sources.items() if source.faults}

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def booked(self) -> list[UsageRow]:
        """What the ledger says of each source."""
        with closing(open_reader(self.folder / "ledger.sqlite")) as ledger:
            return list(ledger.usage(UsageQuery(by=("source", "outcome"))).rows)


@asynccontextmanager
async def tollway_between(
    folder: Path,
    transcripts: Mapping[str, Transcript],
    routes: Mapping[str, str],
    more: str = "",
) -> AsyncIterator[Between]:
    """`transcripts` says which dialects have a source, and what it says; `routes` leads names
    that clients ask for to these dialects; `more` is for the fleet file's end."""
    port, key = free_port(), new_key()
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(closed_network())
        text = HEAD.format(port=port)
        sources: dict[str, ScriptedSource] = {}
        for name, transcript in transcripts.items():
            source = await stack.enter_async_context(scripted(WIRES[name], transcript))
            sources[name] = source
            text += SOURCE.format(name=name, url=source.url + BASE[name], model=f"{name}-model")
        text += "".join(ROUTE.format(name=name, model=to) for name, to in routes.items())
        (folder / "fleet.toml").write_text(text + more)
        with closing(open_for_keys(folder / "ledger.sqlite")) as ledger:
            own = KeyTerms(key_id(key), "t")
            ledger.add_key(KeyRecord(own, "n", key_digest(key.encode()), time.time()))
        between = Between(f"http://127.0.0.1:{port}", key, folder, sources, network)
        process = await _serve(between)
        try:
            yield between
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def _serve(between: Between) -> asyncio.subprocess.Process:
    with (between.folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tollway", "serve", str(between.folder / "fleet.toml")),
            stderr=log,
            env={**os.environ, "TEST_UPSTREAM_KEY": SECRET},
        )
    port = int(between.url.rpartition(":")[2])
    async with asyncio.timeout(30):
        while not await _ready(port):
            assert process.returncode is None, between.log()
            await asyncio.sleep(0.02)
    return process


async def _ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    with closing(writer):
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
