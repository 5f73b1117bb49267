"""An engine of made-up logits behind HTTP, in OpenAI's dialect or Anthropic's, that may change; and
a gateway in front of it."""

import asyncio
import json
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.drift_power import Engine, MadeUp
from gateway_rig import Client

from free_ports import free_port
from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_keys, open_reader
from tollway.pins.drift.asking import Question

ASK = b'{"model":"chat","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'


class FakeEngine(ThreadingHTTPServer):
    """What it is may be set at any time. `models` is what it lists, with the last day of each."""

    daemon_threads = True

    def __init__(self, engine: Engine) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.models: dict[str, str | None] = {"m-2026": None}
        self.down = False
        self.asked: list[dict[str, Any]] = []
        self.secrets: set[str | None] = set()
        self.be(engine)

    def be(self, engine: Engine) -> None:
        """Be this model from now on."""
        self.made_up = MadeUp(engine, random.Random(5))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, body: dict[str, Any]) -> tuple[str, dict[str, float] | None]:
        prompt = body["messages"][-1]["content"]
        if not isinstance(prompt, str):
            prompt = "".join(it["text"] for it in prompt)
        question = Question(
            prompt, body["max_tokens"], body.get("temperature", 1.0), body.get("logprobs", False)
        )
        with self.lock:
            self.asked.append(body)
            heard = self.made_up.ask(question)
        return heard.text, None if heard.first is None else dict(heard.first)


class _Handler(BaseHTTPRequestHandler):
    server: FakeEngine  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is overridden
        """Say nothing."""

    def do_GET(self) -> None:
        data = [
            {"id": it, **({} if last is None else {"shutdown_date": last})}
            for it, last in self.server.models.items()
        ]
        self._say(200, {"object": "list", "data": data})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.secrets.add(self.headers.get("authorization") or self.headers.get("x-api-key"))
        if self.server.down:
            self._say(500, {"error": {"message": "down"}})
            return
        text, first = self.server.answer(body)
        usage = {"input": 9, "output": 1}
        if self.path.endswith("/messages"):
            content = [{"type": "text", "text": text}]
            tokens = {f"{name}_tokens": it for name, it in usage.items()}
            self._say(200, {
                "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                "content": content, "stop_reason": "max_tokens", "stop_sequence": None,
                "usage": tokens,
            })  # fmt: skip
            return
        top = [
            {"token": it, "logprob": value, "bytes": None} for it, value in (first or {}).items()
        ]
        listed = {"content": [{**top[0], "top_logprobs": top}]} if top else None
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "length", "logprobs": listed}
        self._say(200, {
            "id": "c1", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
        })  # fmt: skip

    def _say(self, status: int, value: object) -> None:
        said = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@contextmanager
def engines(*of: Engine) -> Iterator[tuple[FakeEngine, ...]]:
    """Serve them on loopback."""
    servers = tuple(FakeEngine(it) for it in of)
    threads = [threading.Thread(target=it.serve_forever, args=(0.02,)) for it in servers]
    for thread in threads:
        thread.start()
    try:
        yield servers
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class Gateway:
    """A gateway as a process. `fleet` is its file, with a place for the port."""

    def __init__(self, folder: Path, fleet: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.path = folder / "fleet.toml"
        self.path.write_text(fleet.replace("PORT", str(self.port)))
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
