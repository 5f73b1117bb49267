"""Requests of one client connection, one after the other: judged, sent on, answered.

Rules
1. A request is judged by its head before its body is read, and whole before anything is sent.
2. Within a tunnel every request names the tunnel's host, in origin form. Outside, it names its own.
3. A redirect is passed to the client, who comes back with it: it is judged as any other request.
4. After a refusal the connection ends: what follows on it cannot be trusted or is not wanted.
"""

import asyncio
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from tollway.egress.channel import Channel
from tollway.egress.hosting import BrokenOffError, Hosting, Sending
from tollway.egress.house import House
from tollway.egress.messages import (
    Event,
    Head,
    MessageError,
    MessageReader,
    carried,
)
from tollway.egress.record import Line
from tollway.egress.resolving import UnreachableError
from tollway.egress.upstream import HostError
from tollway.egress.verdict import Asking, Passed, RefusedError
from tollway.guard.event import SecurityEvent
from tollway.guard.reach import Reached, UnclearError, Wanted, plain_path, split_authority
from tollway.guard.sentinel import Parts, spots
from tollway.ledger.guarded.tasks import Task

_POLL = 0.25
"""Seconds between looks at whether a person has answered."""
_UNPACKED = 24
"""A packed request body may grow so many times, beyond a mebibyte."""
_UNPACKED_CAPS = 4
"""And to so many times the cap of bodies, at most."""


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
        self._hosting = Hosting(house, task, self._say, self._event)

    async def run(self, first: Head | None) -> None:
        """Serve requests until one side has had enough. `first` was read already."""
        try:
            head = first or await self._next_head()
            while head is not None and await self._one(head):
                head = await self._next_head()
        finally:
            await self._hosting.leave()

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
            self._house.count(self._task)
        except RefusedError as refused:
            await self._say(reply(refused.status, str(refused)))
            return False
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
            plain = await house.aside(_plain, head, body, cap) if whole else b""
            parts = replace(asking.parts, body=body if whole else b"")
            passed = await self._decided(replace(asking, parts=parts, plain=plain or parts.body))
            line.rule, line.approval, line.secrets = passed.rule, passed.approval, passed.used
            line.outcome = "allowed"
            sending = Sending(head, passed, asking.wanted, None if whole else body)
            keep = await self._hosting.serve(sending, line)
            return keep and self._reader.keep_alive and not head.http10
        finally:
            house.held -= held if body else 0

    async def _decided(self, asking: Asking) -> Passed:
        """What becomes of it, once a person has said so where one is asked, for as long as the
        file has patience."""
        house, loop = self._house, asyncio.get_running_loop()
        until = loop.time() + (house.settings.patience or 0.0)
        while True:
            inspector = house.terms.inspector
            try:
                async with asyncio.timeout(inspector.patience):
                    return await house.aside(inspector.decide, asking)
            except TimeoutError:
                raise RefusedError(503, "Inspection took too long.") from None
            except RefusedError as refused:
                if refused.sort != "pending" or refused.approval is None or loop.time() >= until:
                    raise
                approval = refused.approval
            pending = True
            while pending and loop.time() < until:
                pending = await house.aside(inspector.is_pending, approval)
                await asyncio.sleep(_POLL)

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

    async def _event(self) -> Event:
        within = self._house.within(self._house.settings.body_timeout)
        while (event := self._reader.next()) is None:
            data = await self._channel.read(within)
            if not data:
                raise EOFError
            self._reader.feed(data)
        return event

    # --- refusals --------------------------------------------------------------------------------

    async def _refuse(self, line: Line, refused: RefusedError, asking: Asking | None) -> None:
        line.outcome = "denied" if line.outcome == "denied" or line.address is None else "allowed"
        line.why, line.approval = str(refused), refused.approval or line.approval
        line.rule = refused.rule or line.rule
        broken_off = isinstance(refused.__cause__, BrokenOffError)
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
        outcome = "asked" if refused.sort == "pending" else "denied"
        # A sentinel that is on its way where no rule leads is about a credential too.
        carried_one = asking is not None and bool(spots(asking.parts)) and outcome == "denied"
        concern = "credential" if refused.sort == "credential" or carried_one else "egress"
        where = f"{line.method or 'A request'} to {line.host}:{line.port}"
        event = SecurityEvent(
            house.utc(), concern, outcome, f"{where} is refused: {refused}",
            f"{line.host}:{line.port}", self._task.tenant, self._task.key, self._task.id,
            rule=refused.rule, approval=refused.approval, evidence=refused.evidence,
            direction="out" if refused.evidence else None,
        )  # fmt: skip
        house.terms.inspector.means.tell(event)

    async def _say(self, data: bytes) -> None:
        await self._channel.write(data, self._house.within(self._house.settings.body_timeout))


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


def _plain(head: Head, body: bytes, cap: int) -> bytes:
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
    most = min((1 << 20) + _UNPACKED * len(body), _UNPACKED_CAPS * cap)
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
