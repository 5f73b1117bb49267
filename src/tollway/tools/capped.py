"""HTTP to a server of tools, with an end to what it may say: an answer is held whole in memory."""

from collections.abc import AsyncIterator

import httpx2


class CappedTransport(httpx2.AsyncHTTPTransport):
    """Breaks an answer off that is longer than `longest` bytes."""

    def __init__(self, longest: int) -> None:
        super().__init__(trust_env=False)
        self._longest = longest

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        stream = response.stream
        if isinstance(stream, httpx2.AsyncByteStream):
            response.stream = _Capped(stream, self._longest)
        return response


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, longest: int) -> None:
        self._stream = stream
        self._left = longest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise httpx2.ReadError("an answer that is too long")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
