"""An answer that nobody waits for any more is given up: the browser has gone, or asked anew.

Rules
1. Only what reads is given up, and only before its answer began: a change is made or not made,
   and a stream ends by itself.
2. What a browser sends along with a question that reads is not looked at.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def answer_while_awaited(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an application for one request that reads, as long as somebody waits for its answer."""
    gone = asyncio.Event()
    begun = False
    asked = False

    async def told() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def tell(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    async def watch() -> None:
        while (await receive())["type"] == "http.request":
            pass
        gone.set()
        if not begun:
            work.cancel()

    async def run() -> None:
        await app(scope, told, tell)

    work = asyncio.create_task(run())
    watching = asyncio.create_task(watch())
    try:
        await work
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if not gone.is_set() or (current is not None and current.cancelling()):
            raise
    finally:
        watching.cancel()
