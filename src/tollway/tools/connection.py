"""One HTTP connection to an application of ours: how much it may bring, and how long it may take.

Rules
1. A request's head has an end: beyond `LONGEST_HEAD` bytes it is answered 431, and cut off.
2. Whoever is waited for has so long and no longer: for a whole head, for a whole body, until the
   next request, for taking what was written. Time for which we do not read counts for nobody.
3. Where no connection is left for one who comes, the one that we have waited for longest makes
   room: whoever says nothing keeps nobody out. One whose answer is being made is not cut off.
4. One peer has `share` connections; its own make room first. A peer is an address, in IPv6 a /64.
"""

import asyncio
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tollway.units import Seconds

LONGEST_HEAD = 64 * 1024
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


_BLOCK = 64 * 1024
"""Bytes that must be taken within `Limits.taking`: byte for byte is no progress."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`most` connections at once, `share` of one peer; the times are those of rule 2: `head` counts
    from the first byte that is waited for, `idle` between two requests, `taking` for as long as
    no more of an answer is taken than a few bytes."""

    most: int = 512
    share: int = 256
    head: Seconds = Seconds(10.0)
    body: Seconds = Seconds(60.0)
    idle: Seconds = Seconds(15.0)
    taking: Seconds = Seconds(30.0)


USUAL: Final = Limits()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with the rules; httptools alone holds a head of any length for ever."""

    _in_head = False
    _in_body = False
    _held = 0
    """Bytes of a head that has no end yet."""
    _named = 0
    """Bytes of the head's address and fields so far."""
    _answered = 0
    """Requests so far."""
    _full = False
    """Whether more is written than the peer takes."""
    _since = 0.0
    """Since when the peer is waited for, in what `_phase` says."""
    _phase = ""
    _watch: asyncio.TimerHandle | None = None

    def __init__(
        self,
        limits: Limits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.limits = limits
        self.timeout_keep_alive: float = limits.idle  # type: ignore[assignment]

    # --- what comes ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", transport))
        self.peer = _peer(self.client)
        self._make_room()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head, self._held, self._named = True, 0, 0
        self._answered += 1
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # a 431 or 408 is on its way, and nothing after it counts
            return
        super().data_received(data)
        if self._in_head:
            self._held += len(data)
            if self._held > LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        if max(self._held, self._named) <= LONGEST_HEAD:
            super().send_400_response(msg)
            return
        self.transport.write(_TOO_LONG)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._named += size
        if self._named > LONGEST_HEAD:
            raise ValueError("the head is too long")  # a parser's error, answered above

    # --- what goes -------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self._full = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self._full = False
        super().resume_writing()

    # --- how long --------------------------------------------------------------------------------

    def _waiting(self) -> tuple[str, Seconds] | None:
        """What we wait for, and how long we do; None where the peer waits for us."""
        limits = self.limits
        if self._full or self.transport.is_closing():
            blocks = self.transport.get_write_buffer_size() // _BLOCK
            return f"taking {blocks}", limits.taking
        if self._in_head and not self.flow.read_paused:
            return f"head {self._answered}", limits.head
        if self._in_body and not self.flow.read_paused:
            return f"body {self._answered}", limits.body
        if self.cycle is None:
            return "head 0", limits.head
        return (f"idle {self._answered}", limits.idle) if self.cycle.response_complete else None

    def waits_since(self) -> float | None:
        """Since when the peer is waited for; None where it waits for us."""
        waiting = self._waiting()
        if waiting is None:
            self._phase = ""
            return None
        if waiting[0] != self._phase:
            self._phase, self._since = waiting[0], self.loop.time()
        return self._since

    def _look(self) -> None:
        """Rule 2, looked at every now and then: a timer of every wait would cost more."""
        limits, since, waiting = self.limits, self.waits_since(), self._waiting()
        every = min(limits.head, limits.body, limits.idle, limits.taking) / 4
        self._watch = self.loop.call_later(every, self._look)
        if since is not None and waiting is not None and self.loop.time() - since >= waiting[1]:
            self._cut_off()

    def _cut_off(self) -> None:
        if self._full or self.transport.is_closing():
            self.transport.abort()
            return
        last = self.cycle
        begun = last is not None and last.response_started
        fresh = last is None or last.response_complete
        if (self._in_head and fresh) or (self._in_body and not begun):
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    # --- how many --------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Rules 3 and 4. Where nobody can be cut off, uvicorn answers 503."""
        if len(self.connections) <= min(self.limits.share, self.limits.most):
            return
        all_of = [it for it in self.connections if isinstance(it, Connection)]
        mine = [it for it in all_of if it.peer is not None and it.peer == self.peer]
        if len(mine) > self.limits.share:
            if not self._drop_one(mine):
                self.transport.write(_TOO_MANY)
                self.transport.close()
        elif len(all_of) > self.limits.most:
            self._drop_one(all_of)

    def _drop_one(self, among: "list[Connection]") -> bool:
        waiting = [(since, id(it), it) for it in among if (since := it.waits_since()) is not None]
        others = [one for one in waiting if one[2] is not self]
        if not others:
            return False
        min(others)[2].drop()
        return True

    def drop(self) -> None:
        """Cut off at once, and count no more."""
        self.connections.discard(self)
        self.transport.abort()


def _peer(client: tuple[str, int] | None) -> str | None:
    """Rule 4; None for a Unix socket's, which has a door of its own."""
    if client is None or not client[0]:
        return None
    try:
        address: Any = ip_address(client[0].partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else address.packed[:8].hex()
    return str(address)
