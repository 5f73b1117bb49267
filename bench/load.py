"""A load of chat requests: so many connections, so many requests, every answer checked.

`python -m bench.load URL --connections C --requests N [--stream] [--key K] [--model M]` prints one
JSON object: seconds, answers, faults, and quantiles of the time to the first content (of the whole
answer where it is not a stream) in milliseconds.
"""

import argparse
import asyncio
import json
import statistics
from time import perf_counter
from urllib.parse import urlsplit

import httptools
import uvloop

from bench.spoken import SPEECH


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._first = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the next request, or leave when there is none."""
        transport = self._transport
        if transport is None:
            return
        if self._load.left == 0:
            transport.close()
            return
        self._load.left -= 1
        self._reset()
        self._sent = perf_counter()
        transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self._first and (b'"content":"' in body and b'"content":""' not in body):
            self._first = perf_counter()
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        body = b"".join(self._body)
        self._load.answer(status, body, (self._first or perf_counter()) - self._sent)
        asyncio.get_running_loop().call_soon(self.ask)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._load.closed()


class Load:
    """What is asked, and what came of it."""

    def __init__(
        self,
        request: bytes,
        requests: int,
        connections: int,
        chunks: int | None,
        dialect: str = "openai",
    ) -> None:
        self.request = request
        self.left = requests
        self.times: list[float] = []
        self.faults: dict[str, int] = {}
        self._chunks = chunks
        self._speech = SPEECH[dialect]
        self._open = connections
        self.done = asyncio.get_running_loop().create_future()

    def answer(self, status: int, body: bytes, seconds: float) -> None:
        """Check one answer."""
        good = b"lazy dog" in body
        if self._chunks is not None:
            speech = self._speech
            good = body.count(speech.seen) == self._chunks and speech.good in body
        if status == 200 and good:
            self.times.append(seconds)
        else:
            shown = f"{status}: {body[-200:]!r}"
            self.faults[shown] = self.faults.get(shown, 0) + 1

    def closed(self) -> None:
        """A connection has ended."""
        self._open -= 1
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)


def spoken_request(url: str, key: str, dialect: str) -> bytes:
    """The bytes of one request of about 1 KB for a stream in a dialect."""
    split, speech = urlsplit(url), SPEECH[dialect]
    body = json.dumps(speech.body).encode()
    head = (
        f"POST {speech.path} HTTP/1.1\r\nhost: {split.netloc}\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def request_of(url: str, key: str, model: str, stream: bool) -> bytes:
    """The bytes of one request of about 1 KB."""
    split = urlsplit(url)
    body = json.dumps(
        {
            "model": model,
            "messages": [
                {"role": "system", "content": "You are helpful. " * 20},
                {"role": "user", "content": "Say something about foxes. " * 20},
            ],
            "max_tokens": 200,
            "stream": stream,
        }
    ).encode()
    head = (
        f"POST {split.path}/chat/completions HTTP/1.1\r\nhost: {split.netloc}\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(asked: argparse.Namespace) -> dict[str, object]:
    """Do the load and describe it."""
    split = urlsplit(asked.url)
    loop = asyncio.get_running_loop()
    if asked.dialect == "openai":
        request = request_of(asked.url, asked.key, asked.model, asked.stream)
    else:
        request = spoken_request(asked.url, asked.key, asked.dialect)
    chunks = asked.chunks if asked.stream else None
    load = Load(request, asked.requests, asked.connections, chunks, asked.dialect)
    began = perf_counter()
    for _ in range(asked.connections):
        await loop.create_connection(lambda: Client(load), split.hostname, split.port)
    await asyncio.wait_for(load.done, asked.timeout)
    seconds = perf_counter() - began
    times = sorted(load.times) or [0.0]
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return {
        "seconds": seconds,
        "answers": len(load.times),
        "faults": load.faults,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--dialect", default="openai", choices=sorted(SPEECH))
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default="mock")
    parser.add_argument("--timeout", type=float, default=300.0)
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
