"""Requests of one client connection, one after the other: judged, sent on, answered.

Rules
1. A request is judged by its head before its body is read, and whole before anything is sent.
2. Within a tunnel every request names the tunnel's host, in origin form. Outside, it names its own.
3. A redirect is passed to the client, who comes back with it: it is judged as any other request.
4. After a refusal the connection ends: what follows on it cannot be trusted or is not wanted.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from tollway.egress.answering import HELD, Answer, body_of
from tollway.egress.channel import Channel
from tollway.egress.house import House
from tollway.egress.messages import (
    LAST_CHUNK,
    Head,
    MessageError,
    MessageReader,
    carried,
    chunk,
    written,
)
from tollway.egress.record import Line
from tollway.egress.resolving import UnreachableError
from tollway.egress.upstream import HostError, Upstream, connect
from tollway.egress.verdict import Asking, Passed, RefusedError
from tollway.guard.event import SecurityEvent
from tollway.guard.reach import Reached, UnclearError, Wanted, plain_path, split_authority
from tollway.guard.sentinel import Parts
from tollway.ledger.guarded.tasks import Task

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_FRESH = 5.0
"""Seconds after which a kept connection to a host is not used again: it may be gone."""
_MOST_INTERIM = 16
_UNPACKED = 24
"""A packed request body may grow so many times, beyond a mebibyte."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a tunnel leads."""

    host: str
    port: int


def reply(
    status: int, text: str, headers: bytes = b"", *, kind: bytes = b"text/plain; charset=utf-8"
) -> bytes:
    """An answer of the proxy's own, after which the connection ends."""
    body = text.encode() if status == 200 else f"tollway: {text}\n".encode()
    phrase = HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {phrase}\r\n".encode()
        + headers
        + b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (kind, len(body))
        + body
    )


class Exchange:
    """The requests of one connection. `site` is None outside of a tunnel."""

    def __init__(
        self, house: House, channel: Channel, reader: MessageReader, task: Task, site: Site | None
    ) -> None:
        self._house = house
        self._channel = channel
        self._reader = reader
        self._task = task
        self._site = site
        self._upstream: Upstream | None = None
        self._to: tuple[str, str, int] | None = None
        self._idle_since = 0.0

    async def run(self, first: Head | None) -> None:
        """Serve requests until one side has had enough. `first` was read already."""
        try:
            head = first or await self._next_head()
            while head is not None and await self._one(head):
                head = await self._next_head()
        finally:
            await self._leave_host()

    async def _next_head(self) -> Head | None:
        house, reader = self._house, self._reader
        loop = asyncio.get_running_loop()
        end = loop.time() + house.within(house.settings.idle_timeout)
        begun = False
        try:
            while (event := reader.next()) is None:
                if reader.begun and not begun:
                    begun = True
                    end = loop.time() + house.within(house.settings.header_timeout)
                async with asyncio.timeout_at(end):
                    data = await self._channel.read(house.within(house.settings.idle_timeout))
                if not data:
                    return None
                reader.feed(data)
        except TimeoutError:
            if reader.begun:
                await self._say(reply(408, "The request did not come in time."))
            return None
        except MessageError as error:
            await self._refuse(self._line(None), RefusedError(error.status, str(error)), None)
            return None
        return event if isinstance(event, Head) else None

    # --- one request -----------------------------------------------------------------------------

    async def _one(self, head: Head) -> bool:
        """Serve one request; whether another may follow."""
        line = self._line(head)
        asking: Asking | None = None
        try:
            asking = self._asking(head)
            line.host, line.port = asking.wanted.host, asking.wanted.port
            line.path = asking.wanted.path
            reached = self._house.terms.inspector.early(asking)
            return await self._judged(head, asking, reached, line)
        except (RefusedError, MessageError, UnclearError, HostError, UnreachableError) as error:
            await self._refuse(line, _refusal(error), asking)
        except TimeoutError:
            await self._refuse(line, RefusedError(504, "It took too long."), asking)
        except BaseException as error:
            line.why = line.why or f"broken off ({type(error).__name__})"
            raise
        finally:
            self._house.record.add(line)
        return False

    def _line(self, head: Head | None) -> Line:
        house, site = self._house, self._site
        host, port = (site.host, site.port) if site else ("", 0)
        method = None if head is None else head.method
        now = asyncio.get_running_loop().time()
        return Line(self._task, host, port, house.utc(), now, method=method)

    def _asking(self, head: Head) -> Asking:
        """What is wanted, from a head.

        Raises:
            UnclearError: it does not say so in one way.
        """
        target = head.target
        if self._site is None:
            parts = _absolute(target)
            host, port = split_authority(parts.netloc, 80)
            rest = parts.path or "/"
            target = (rest + (f"?{parts.query}" if parts.query else "")).encode()
            scheme = "http"
        else:
            host, port, scheme = self._site.host, self._site.port, "https"
        self._refuse_other_host(head, host, port)
        expect = head.value(b"expect").lower()
        if expect and expect != b"100-continue":
            raise MessageError(417, "The only known expectation is 100-continue.")
        path, query, ambiguous = plain_path(target)
        wanted = Wanted(scheme, host, port, head.method, path, ambiguous)
        dropped = (b"host", b"content-length", b"expect")
        kind = head.value(b"content-type")
        headers = carried(head.headers, dropped)
        parts = Parts((path + query).encode(), headers, b"", kind)
        return Asking(self._task, wanted, parts, b"")

    def _refuse_other_host(self, head: Head, host: str, port: int) -> None:
        if not self._house.defences.names:
            return
        hosts = head.values(b"host")
        if len(hosts) != 1:
            raise UnclearError("A Host header is required, once.")
        default = 443 if self._site else 80
        said = split_authority(hosts[0].decode("ascii", "replace"), default)
        if said != (host, port):
            raise UnclearError("The Host header names another host than the request is for.")

    async def _judged(self, head: Head, asking: Asking, reached: Reached, line: Line) -> bool:
        house = self._house
        if head.value(b"expect") and not head.http10:
            await self._say(b"HTTP/1.1 100 Continue\r\n\r\n")
        cap = house.settings.max_body if house.defences.bounds else 1 << 40
        body, whole, held = b"", True, house.held
        try:
            body, whole = await self._body(head, cap)
            held = len(body)
            if not whole and not (reached.rule and reached.rule.uninspected):
                raise RefusedError(413, f"The body is over {cap} bytes, and nobody has read it.")
            plain = await house.aside(_plain, head, body) if whole else b""
            parts = replace(asking.parts, body=body if whole else b"")
            passed = await self._decided(replace(asking, parts=parts, plain=plain or parts.body))
            line.rule, line.approval, line.secrets = passed.rule, passed.approval, passed.used
            line.outcome = "allowed"
            sending = _Sending(head, passed, asking.wanted, None if whole else body)
            return await self._sent(sending, line)
        finally:
            house.held -= held if body else 0

    async def _decided(self, asking: Asking) -> Passed:
        return await self._house.aside(self._house.terms.inspector.decide, asking)

    async def _body(self, head: Head, cap: int) -> tuple[bytes, bool]:
        """The body, or its beginning where it is over the cap; and whether it is whole."""
        house, parts, size = self._house, list[bytes](), 0
        if head.length is not None and head.length > cap:
            return b"", False
        counted = 0
        try:
            async with asyncio.timeout(house.within(house.settings.body_timeout)):
                while (event := await self._event()) != "end":
                    if isinstance(event, bytes):
                        size += len(event)
                        parts.append(event)
                        house.hold(len(event))
                        counted += len(event)
                    if size > cap:
                        return b"".join(parts), False
        except BaseException:
            house.held -= counted
            raise
        return b"".join(parts), True

    async def _event(self) -> Head | bytes | str:
        within = self._house.within(self._house.settings.body_timeout)
        while (event := self._reader.next()) is None:
            data = await self._channel.read(within)
            if not data:
                raise EOFError
            self._reader.feed(data)
        return event

    # --- to the host -----------------------------------------------------------------------------

    async def _sent(self, sending: "_Sending", line: Line) -> bool:
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
        return keep and self._reader.keep_alive and not sending.request.http10

    async def _host(self, wanted: Wanted, *, fresh: bool = False) -> Upstream:
        """A connection to the host, at an address that was checked."""
        to = (wanted.scheme, wanted.host, wanted.port)
        idle = asyncio.get_running_loop().time() - self._idle_since
        if self._upstream is not None and self._to == to and not fresh and idle < _FRESH:
            return self._upstream
        await self._leave_host()
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

    async def _leave_host(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            with suppress(OSError, TimeoutError):
                await upstream.close()

    async def _stream(self, sending: "_Sending", upstream: Upstream) -> None:
        """Send on a body that nobody reads, as a rule allows."""
        within = self._house.settings.body_timeout
        chunks = sending.request.chunked
        begun = sending.begun or b""
        await upstream.send(chunk(begun) if chunks else begun, within)
        while (event := await self._event()) != "end":
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

    async def _relay(self, sending: "_Sending", head: Head, upstream: Upstream, line: Line) -> bool:
        """Pass an answer on; whether both connections may be kept."""
        no_body = sending.wanted.method == "HEAD" or head.status in (204, 304)
        answer = Answer(head, sending.passed, no_body=no_body)
        if sending.wanted.method == "HEAD":
            await self._leave_host()  # llhttp does not know that no body comes
            await self._say(answer.head(head.length, close=True, chunks=False))
            return False
        body = body_of(_body_events(upstream, head, self._house), answer)
        try:
            await self._pass_on(sending, head, answer, body)
        finally:
            if answer.reflected:
                self._reflected(sending, answer, line)
        if not upstream.kept():
            await self._leave_host()
        return head.length is not None or head.chunked or no_body

    async def _pass_on(
        self, sending: "_Sending", head: Head, answer: Answer, body: AsyncIterator[bytes]
    ) -> None:
        old = sending.request.http10
        whole = answer.changes() and head.length is not None and head.length <= HELD
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
            raise _BrokenOffError(str(error)) from None

    def _reflected(self, sending: "_Sending", answer: Answer, line: Line) -> None:
        names = ", ".join(sorted(answer.reflected))
        words = f"The answer of {line.host} held {names}; it was taken out."
        inspector = self._house.terms.inspector
        event = SecurityEvent(self._house.utc(), "credential", "changed", words, rule=line.rule)
        inspector.means.tell(inspector.about(sending.asking(self._task), event))

    # --- refusals --------------------------------------------------------------------------------

    async def _refuse(self, line: Line, refused: RefusedError, asking: Asking | None) -> None:
        line.outcome = "denied" if line.outcome == "denied" or line.address is None else "allowed"
        line.why, line.approval = str(refused), refused.approval or line.approval
        line.rule = refused.rule or line.rule
        broken_off = isinstance(refused.__cause__, _BrokenOffError)
        if not broken_off:
            line.status = refused.status
            with suppress(OSError, TimeoutError):
                await self._say(reply(refused.status, str(refused)))
        self._tell(line, refused, asking)
        if broken_off:
            self._channel.abort()
        else:
            await self._channel.farewell()

    def _tell(self, line: Line, refused: RefusedError, asking: Asking | None) -> None:
        if refused.status in (502, 504, 408):
            return  # the network's faults are no decisions
        house = self._house
        concern = "credential" if refused.credential else "egress"
        outcome = "asked" if refused.approval and "must approve" in str(refused) else "denied"
        where = f"{line.method or 'A request'} to {line.host}:{line.port}"
        event = SecurityEvent(
            house.utc(), concern, outcome, f"{where} is refused: {refused}",
            f"{line.host}:{line.port}", self._task.tenant, self._task.key, self._task.id,
            rule=refused.rule, approval=refused.approval, evidence=refused.evidence,
        )  # fmt: skip
        house.terms.inspector.means.tell(event)

    async def _say(self, data: bytes) -> None:
        await self._channel.write(data, self._house.within(self._house.settings.body_timeout))


class _BrokenOffError(HostError):
    """The host failed when a part of its answer was passed on."""


@dataclass(frozen=True, slots=True)
class _Sending:
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


def _absolute(target: bytes) -> SplitResult:
    """The parts of an absolute-form target of the proxy.

    Raises:
        UnclearError: it is none.
    """
    try:
        parts = urlsplit(target.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        raise UnclearError("The target is no plain URL.") from None
    if parts.scheme != "http" or not parts.netloc or "@" in parts.netloc or b"#" in target:
        raise UnclearError("Ask for http://HOST/PATH, without a user; https goes by CONNECT.")
    if any(byte <= 0x20 or byte >= 0x7F for byte in target) or b"\\" in parts.netloc.encode():
        raise UnclearError("The target is no plain URL.")
    return parts


def _plain(head: Head, body: bytes) -> bytes:
    """A request body as it is read: unpacked. Empty where it is as it came.

    Raises:
        RefusedError: it is packed so that nobody can read it.
    """
    codings = b",".join(head.values(b"content-encoding")).lower().strip()
    if codings in (b"", b"identity"):
        return b""
    if codings not in (b"gzip", b"x-gzip", b"deflate"):
        raise RefusedError(415, "The body is packed in a way that cannot be inspected.")
    unpack = zlib.decompressobj(47)
    most = (1 << 20) + _UNPACKED * len(body)
    try:
        made = unpack.decompress(body, most)
    except zlib.error:
        raise RefusedError(400, "The body is not packed as its head says.") from None
    if not unpack.eof or unpack.unused_data:
        raise RefusedError(413, "The body unpacks to too much, or is not whole.")
    return made


def _refusal(error: Exception) -> RefusedError:
    """What a fault is to the client."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, MessageError):
        return RefusedError(error.status, str(error))
    if isinstance(error, UnclearError):
        return RefusedError(400, str(error))
    status = 403 if isinstance(error, UnreachableError) and error.denied else 502
    refused = RefusedError(status, str(error))
    refused.__cause__ = error
    return refused
