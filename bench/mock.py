"""An upstream that costs next to nothing: canned answers, or chunks at a fixed pace.

`python -m bench.mock PORT --chunks N --gap SECONDS`. A request whose body asks for a stream gets
N content events, one each gap, in the dialect of its path; any other gets one JSON body.
`GET /stats` says how many connections and requests there were since the last time it was asked.
"""

import argparse
import asyncio

import httptools
import uvloop

from bench.spoken import SPEECH, asked_in

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"mock","choices":[{"index":'
    b'0,"message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog."},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":10,'
    b'"total_tokens":22}}'
)
MODELS = b'{"object":"list","data":[{"id":"mock","object":"model","created":1,"owned_by":"bench"}]}'
EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"mock",'
    b'"choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n'
)
USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"mock",'
    b'"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":%d,"total_tokens":%d}}\n\n'
)


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Counts:
    """What `GET /stats` tells."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0


class Mock(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts, chunks: int, gap: float) -> None:
        self._counts = counts
        self._chunks = chunks
        self._gap = gap
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._url = b""
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._content = framed(EVENT % (b'{"content":" word"}', b"null"))
        self._end = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._counts.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._url == b"/stats":
            # The asking connection is not counted.
            told = b'{"connections":%d,"requests":%d}' % (
                self._counts.connections - 1,
                self._counts.requests,
            )
            self._counts.connections = self._counts.requests = 0
            transport.write(HEAD % len(told) + told)
            return
        if self._url in (b"/v1/models", b"/health"):
            transport.write(HEAD % len(MODELS) + MODELS)
            return
        self._counts.requests += 1
        dialect = asked_in(self._url)
        if dialect != "openai":
            speech = SPEECH[dialect]
            self._content, self._end = framed(speech.piece), framed(speech.end)
            transport.write(STREAM_HEAD + (framed(speech.begin) if speech.begin else b""))
            self._loop.call_later(self._gap, self._next, self._chunks)
            return
        streamed = b'"stream":true' in self._body or b'"stream": true' in self._body
        if streamed:
            start = framed(EVENT % (b'{"role":"assistant","content":""}', b"null"))
            transport.write(STREAM_HEAD + start)
            self._loop.call_later(self._gap, self._next, self._chunks)
        else:
            transport.write(HEAD % len(ANSWER) + ANSWER)

    def _next(self, left: int) -> None:
        transport = self._transport
        if transport is None:
            return
        if left:
            transport.write(self._content)
            self._loop.call_later(self._gap, self._next, left - 1)
            return
        if self._end:
            transport.write(self._end + b"0\r\n\r\n")
            return
        end = framed(EVENT % (b"{}", b'"stop"'))
        if b"include_usage" in self._body:
            end += framed(USAGE % (self._chunks, self._chunks + 12))
        transport.write(end + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")


async def serve(port: int, chunks: int, gap: float) -> None:
    """Serve until the process is ended."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Mock(counts, chunks, gap), "127.0.0.1", port, backlog=8192
    )
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--gap", type=float, default=0.02)
    asked = parser.parse_args()
    uvloop.run(serve(asked.port, asked.chunks, asked.gap))


if __name__ == "__main__":
    main()
