"""Server-sent events: the gateway's news to a browser.

Rules
1. A session holds so many streams open, and no more: a browser closes those that nobody looks at.
"""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from tollway.console.feed import Feed
from tollway.console.gate import session_of
from tollway.console.sessions import Session
from tollway.console.signin.vouching import still_holds

STREAMS = 64
"""Of one session: a page has one while it is seen, and a wall of screens may share a sign-in."""


class _Counted(StreamingResponse):
    """A stream that counts for its session while it is sent."""

    def __init__(self, session: Session, events: AsyncIterator[bytes]) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._session.streams >= STREAMS:
            words = f"This session watches in {STREAMS} places already. Close one of them.\n"
            await PlainTextResponse(words, 429)(scope, receive, send)
            return
        self._session.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._session.streams -= 1


def stream(request: Request, feed: Feed) -> StreamingResponse:
    """An event of JSON for each piece of news, until the browser leaves or its session ends."""

    async def events() -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        async with feed.watch() as news:
            while True:
                told = await news.get()
                if not still_holds(request):
                    return
                yield b"data: " + feed.written(told) + b"\n\n"

    return _Counted(session_of(request), events())
