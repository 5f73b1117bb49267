"""One request on its way to a host, and its answer on its way back.

Rules
1. A kept connection is used again for the same host, soon, and by the same client connection only.
2. A request that a kept connection was gone for is sent a second time only where that is safe.
3. An answer that is cut off is cut off for the client too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from tollway.egress.answering import HELD, Answer, body_of
from tollway.egress.house import House
from tollway.egress.messages import LAST_CHUNK, Event, Head, MessageError, chunk, written
from tollway.egress.record import Line
from tollway.egress.upstream import HostError, Upstream, connect
from tollway.egress.verdict import Asking, Passed
from tollway.guard.event import SecurityEvent
from tollway.guard.reach import Wanted
from tollway.guard.sentinel import Parts
from tollway.ledger.guarded.tasks import Task

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_FRESH = 5.0
"""Seconds after which a kept connection to a host is not used again: it may be gone."""
_MOST_INTERIM = 16


class Hosting:
    """What one client connection has to do with hosts. `say` writes to the client, `more` gives
    the next event of its request."""

    def __init__(
        self,
        house: House,
        task: Task,
        say: Callable[[bytes], Awaitable[None]],
        more: Callable[[], Awaitable[Event]],
    ) -> None:
        self._house = house
        self._task = task
        self._say = say
        self._more = more
        self._upstream: Upstream | None = None
        self._to: tuple[str, str, int] | None = None
        self._idle_since = 0.0

    async def serve(self, sending: "Sending", line: Line) -> bool:
        """Send a request and pass its answer on; whether the client's connection may be kept.

        Raises:
            HostError: there is no answer that may be passed on.
            UnreachableError: the host is nowhere that may be reached.
            TimeoutError: the host takes too long.
        """
        within = self._house.settings.body_timeout
        upstream = await self._host(sending.wanted)
        line.address = upstream.address
        sent, received = upstream.sent, upstream.received
        try:
            await upstream.send(sending.head(), within)
            if sending.begun is not None:
                await self._stream(sending, upstream)
            answer = await self._first_answer(upstream)
            if answer is None and upstream.used and sending.again():
                upstream = await self._host(sending.wanted, fresh=True)
                sent = received = 0
                await upstream.send(sending.head(), within)
                answer = await self._first_answer(upstream)
            if answer is None:
                raise HostError("The host closed the connection without an answer.")
            line.status = answer.status
            keep = await self._relay(sending, answer, upstream, line)
        except MessageError as error:
            raise HostError(str(error)) from None
        finally:
            line.sent += upstream.sent - sent
            line.received += upstream.received - received
        upstream.used = True
        self._idle_since = asyncio.get_running_loop().time()
        return keep

    async def _host(self, wanted: Wanted, *, fresh: bool = False) -> Upstream:
        """A connection to the host, at an address that was checked."""
        to = (wanted.scheme, wanted.host, wanted.port)
        idle = asyncio.get_running_loop().time() - self._idle_since
        if self._upstream is not None and self._to == to and not fresh and idle < _FRESH:
            return self._upstream
        await self.leave()
        house, terms = self._house, self._house.terms
        try:
            async with asyncio.timeout(house.settings.connect_timeout):
                addresses = await terms.resolver.addresses(wanted.host, wanted.port)
        except TimeoutError:
            raise HostError("The host's name is not resolved in time.") from None
        tls = terms.trust if wanted.scheme == "https" else None
        patience, caps = house.patience(), house.caps()
        self._upstream = await connect(wanted.host, wanted.port, addresses, tls, patience, caps)
        self._to = to
        return self._upstream

    async def leave(self) -> None:
        """Close the connection to the host."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            with suppress(OSError, TimeoutError):
                await upstream.close()

    async def _stream(self, sending: "Sending", upstream: Upstream) -> None:
        """Send on a body that nobody reads, as a rule allows."""
        within = self._house.settings.body_timeout
        chunks = sending.request.chunked
        begun = sending.begun or b""
        await upstream.send(chunk(begun) if chunks else begun, within)
        while (event := await self._more()) != "end":
            if isinstance(event, bytes):
                await upstream.send(chunk(event) if chunks else event, within)
        if chunks:
            await upstream.send(LAST_CHUNK, within)

    async def _first_answer(self, upstream: Upstream) -> Head | None:
        """The head of the answer, behind those that say to wait; None where the host has left."""
        for _ in range(_MOST_INTERIM):
            event = await upstream.event(self._house.settings.answer_timeout)
            if event is None:
                return None
            if not isinstance(event, Head):
                continue
            if event.status == 101:
                raise HostError("The host wants to speak something else than HTTP/1.1.")
            if event.status >= 200:
                return event
        raise HostError("The host says to wait, and nothing else.")

    # --- and back --------------------------------------------------------------------------------

    async def _relay(self, sending: "Sending", head: Head, upstream: Upstream, line: Line) -> bool:
        """Pass an answer on; whether both connections may be kept."""
        no_body = sending.wanted.method == "HEAD" or head.status in (204, 304)
        answer = Answer(head, sending.passed, no_body=no_body)
        if sending.wanted.method == "HEAD":
            await self.leave()  # llhttp does not know that no body comes
            await self._say(answer.head(head.length, close=True, chunks=False))
            return False
        body = body_of(_body_events(upstream, head, self._house), answer, self._house.aside)
        try:
            await self._pass_on(sending, head, answer, body)
        finally:
            if answer.reflected:
                self._reflected(sending, answer, line)
        if not upstream.kept():
            await self.leave()
        return head.length is not None or head.chunked or no_body

    async def _pass_on(
        self, sending: "Sending", head: Head, answer: Answer, body: AsyncIterator[bytes]
    ) -> None:
        old = sending.request.http10
        whole = answer.may_be_held() and head.length is not None and head.length <= HELD
        if whole:
            text = b"".join([piece async for piece in body])
            await self._say(answer.head(len(text), close=old, chunks=False) + text)
            return
        length = None if answer.changes() else head.length
        if head.status in (204, 304):
            length = head.length if head.status == 304 else None
        bare = head.status in (204, 304)
        chunks = length is None and not old and not bare
        close = old or (head.length is None and not head.chunked and not bare)
        first = answer.head(length, close=close, chunks=chunks)
        try:
            async for piece in body:
                await self._say(first + (chunk(piece) if chunks else piece))
                first = b""
            await self._say(first + (LAST_CHUNK if chunks else b""))
        except (HostError, MessageError) as error:
            if first:
                raise
            raise BrokenOffError(str(error)) from None

    def _reflected(self, sending: "Sending", answer: Answer, line: Line) -> None:
        names = ", ".join(sorted(answer.reflected))
        words = f"The answer of {line.host} held {names}; it was taken out."
        inspector = self._house.terms.inspector
        event = SecurityEvent(self._house.utc(), "credential", "changed", words, rule=line.rule)
        inspector.means.tell(inspector.about(sending.asking(self._task), event))


class BrokenOffError(HostError):
    """The host failed when a part of its answer was passed on."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that may go. `begun` is the beginning of a body that is sent on unread, None where
    the body is whole."""

    request: Head
    passed: Passed
    wanted: Wanted
    begun: bytes | None

    def head(self) -> bytes:
        """The request as the host gets it, with its body where that is whole."""
        parts, wanted = self.passed.parts, self.wanted
        host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
        if wanted.port != (443 if wanted.scheme == "https" else 80):
            host = f"{host}:{wanted.port}"
        headers = [(b"Host", host.encode()), *self._headers()]
        if self.begun is None:
            if parts.body or wanted.method not in ("GET", "HEAD", "OPTIONS", "DELETE"):
                headers.append((b"Content-Length", b"%d" % len(parts.body)))
        elif self.request.chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        else:
            headers.append((b"Content-Length", b"%d" % (self.request.length or 0)))
        first = f"{wanted.method} ".encode() + parts.target + b" HTTP/1.1"
        return written(first, headers) + parts.body

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = list(self.passed.parts.headers)
        if self.passed.reflections is None:
            return headers
        # What comes back is searched: in the clear, and whole.
        away = (b"accept-encoding", b"range", b"if-range")
        kept = [(name, value) for name, value in headers if name.lower() not in away]
        return [*kept, (b"Accept-Encoding", b"identity")]

    def again(self) -> bool:
        """Whether it may be sent a second time, where a kept connection was gone."""
        return self.wanted.method in _SAFE and self.begun is None

    def asking(self, task: Task) -> Asking:
        """The request as an event tells of it."""
        return Asking(task, self.wanted, Parts(b"", ()), b"")


async def _body_events(upstream: Upstream, head: Head, house: House) -> AsyncIterator[bytes]:
    """The body of an answer, as it comes.

    Raises:
        HostError: it ends before its end.
    """
    while True:
        try:
            event = await upstream.event(house.settings.answer_timeout)
        except TimeoutError:
            raise HostError("The host stopped in the middle of its answer.") from None
        if event == "end":
            return
        if event is None:
            if head.length is None and not head.chunked:
                return
            raise HostError("The host's answer is cut off.")
        if isinstance(event, bytes):
            yield event
