"""The watch beside a gateway: it finds a changed model, takes it out, and forgets nothing."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bench.drift_power import Engine
from drift_rig import engines
from gateway_rig import Client

from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_keys, open_reader

FLEET = """version = 1
[gateway]
listen = "127.0.0.1:{port}"
drain = "1s"
recording = "recording.jsonl"
{gateway}
[models.m]
[sources.a]
kind = "server"
url = "{a}"
[sources.a.serves.m]
upstream_model = "m-2026"
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[sources.b]
kind = "server"
url = "{b}"
[sources.b.serves.m]
upstream_model = "m-2026"
precision = "fp8"
[routes.chat]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
[tenants.t]
[tenants.watch]
[drift]
tenant = "watch"
again = "1s"
action = "open-breaker"
models = ["a/m"]
"""
ASK = b'{"model":"chat","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'


class Watched:
    """A gateway with a watch, as a process."""

    def __init__(self, folder: Path, a: str, b: str, gateway: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.folder = folder
        self.path = folder / "fleet.toml"
        self.path.write_text(FLEET.format(port=self.port, a=a, b=b, gateway=gateway))
        self.key = new_key()
        with closing(open_for_keys(folder / "ledger.sqlite")) as ledger:
            terms = KeyTerms(key_id(self.key), "t")
            ledger.add_key(KeyRecord(terms, "n", key_digest(self.key.encode()), 1.0))

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tollway", "serve", str(self.path)), stderr=log
            )

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), 20)

    async def drift(self, *argv: str) -> tuple[int, str]:
        """`tollway drift`: exit code and standard output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tollway", "drift", *argv),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TOLLWAY_STATE": str(self.folder)},
        )
        out, err = await process.communicate()
        return process.returncode or 0, (out or err).decode()

    def standing(self) -> str | None:
        try:
            kept = json.loads((self.folder / "drift.json").read_bytes())
        except FileNotFoundError:
            return None
        return kept["standings"].get("a/m", {}).get("name", "unwatched")

    async def stands(self, name: str) -> None:
        await self.until(lambda: self.standing() == name)

    async def until(self, what: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not what():
                assert self.process.returncode is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.05)

    async def served_by(self) -> str:
        client = await self._client()
        client.say(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b"
            % (self.key.encode(), len(ASK), ASK)
        )
        got = await client.got()
        client.writer.close()
        assert got.status == 200, got.body
        return got.headers["x-tollway-source"]

    async def metrics(self) -> str:
        client = await self._client()
        client.say(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        got = await client.got()
        client.writer.close()
        return got.body.decode()

    async def _client(self) -> Client:
        async with asyncio.timeout(10):
            while True:
                try:
                    return Client(*await asyncio.open_connection("127.0.0.1", self.port))
                except OSError:
                    await asyncio.sleep(0.05)

    def spent(self) -> dict[str, int]:
        with closing(open_reader(self.folder / "ledger.sqlite")) as ledger:
            report = ledger.usage(UsageQuery(by=("tenant",)))
            return {str(row.group[0]): row.totals.requests for row in report.rows}


@pytest.mark.parametrize("gateway", ["", "workers = 2"])
async def test_a_changed_model_is_taken_out_until_it_is_cleared_also_over_a_restart(
    tmp_path: Path, gateway: str
) -> None:
    with engines(Engine(), Engine(seed=2)) as (a, b):
        watched = Watched(tmp_path, a.url, b.url, gateway)
        fleet = ("--fleet", str(watched.path))
        code, said = await watched.drift("baseline", "a/m", *fleet)
        assert code == 0, said
        await watched.start()
        try:
            await watched.stands("watched")
            assert await watched.served_by() == "a"
            assert watched.spent()["watch"] == 20  # booked like any request, on its own tenant

            a.be(Engine(seed=3))  # another model under the same name
            assert (await watched.drift("clear", "a/m"))[0] == 0  # its turn comes at once
            await watched.stands("withdrawn")
            code, said = await watched.drift("status", *fleet)
            assert code == 1
            assert "confirmed by short answers" in said
            assert await watched.served_by() == "b"
            if not gateway:  # each worker shows its own part of the page
                line = 'tollway_drift_standing{source="a",model="m",standing="withdrawn"} 1'
                assert line in await watched.metrics()

            asked = len(a.asked)
            await watched.stop()
            await watched.start()
            await watched.until(lambda: "drift: 1 of 1" in (tmp_path / "log").read_text())
            async with asyncio.timeout(20):
                while await watched.served_by() != "b":  # until the watch has told it again
                    asked += 1
            assert len(a.asked) == asked  # nobody asks it, the watch neither

            a.be(Engine())
            assert (await watched.drift("clear", "a/m"))[0] == 0
            await watched.stands("watched")
            assert await watched.served_by() == "a"
        finally:
            await watched.stop()
    log = (tmp_path / "log").read_text()
    assert log.count("ALARM, and its source is not asked for it any more") == 1
    assert "a-secret" not in log
