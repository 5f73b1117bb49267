"""Server-sent events: the gateway's news to a browser."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from tollway.console.feed import Feed
from tollway.console.signin.vouching import still_holds


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

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
