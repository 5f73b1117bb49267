"""One client connection: whose it is, and what it wants: a tunnel, plain requests, the CA.

Rules
1. The task is known before anything is looked up or connected to: by the socket, or by its token.
2. What comes behind CONNECT is TLS for the name that CONNECT named, or it is refused.
"""

import asyncio
import ssl
from base64 import b64decode
from contextlib import suppress

from tollway.egress.channel import Channel, PlainChannel, ServerSide, TlsChannel
from tollway.egress.exchange import Exchange, Site, reply
from tollway.egress.house import House
from tollway.egress.messages import Head, MessageError, MessageReader
from tollway.egress.record import Line
from tollway.egress.verdict import RefusedError
from tollway.guard.event import SecurityEvent
from tollway.guard.reach import UnclearError, is_address, knows_host, split_authority
from tollway.ledger.guarded.tasks import Task

_TLS_HANDSHAKE = 0x16
"""The first byte of a TLS record that holds a hello."""
CA_PATH = b"/ca.pem"


class Session:
    """One connection. `task` is whose it is by its socket; None where it says so itself."""

    def __init__(self, house: House, channel: PlainChannel, task: str | None) -> None:
        self._house = house
        self._channel = channel
        self._named = task
        self._counted: str | None = None

    @property
    def known(self) -> bool:
        """Whether it has said whose it is."""
        return self._named is not None or self._counted is not None

    def abort(self) -> None:
        """Break the connection off, with nothing more said."""
        self._channel.abort()

    async def run(self) -> None:
        """Serve it to its end. Faults of the peer end it, and nothing else."""
        try:
            await self._serve()
        except (OSError, TimeoutError, ssl.SSLError, EOFError, MessageError):
            pass
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self._house.log.fault(error)
        finally:
            if self._counted is not None:
                self._house.open[self._counted] -= 1
                if not self._house.open[self._counted]:
                    del self._house.open[self._counted]
            await self._channel.close()

    async def _serve(self) -> None:
        house = self._house
        reader = MessageReader("request", house.caps(), strict=house.defences.grammar)
        try:
            if self._named is not None:
                self._count(self._named)
            head = await self._head(reader)
            if head is None:
                return
            task = await self._task(head)
            if self._named is None:
                self._count(task.id)
            if head.method == "CONNECT":
                await self._tunnel(head, reader.rest, task)
            elif head.target.startswith(b"/"):
                await self._own_page(head, task)
            else:
                exchange = Exchange(house, self._channel, reader, task, None)
                await exchange.run(head)
        except TimeoutError:
            await self._say(reply(408, "The request did not come in time."))
        except MessageError as error:
            await self._say(reply(error.status, str(error)))
        except RefusedError as refused:
            headers = b""
            if refused.status == 407:
                headers = b'proxy-authenticate: Basic realm="tollway task"\r\n'
            await self._say(reply(refused.status, str(refused), headers))

    async def _head(self, reader: MessageReader) -> Head | None:
        house = self._house
        within = house.within(house.settings.header_timeout)
        async with asyncio.timeout(within):
            while (event := reader.next()) is None:
                data = await self._channel.read(within)
                if not data:
                    return None
                reader.feed(data)
        if not isinstance(event, Head):
            raise MessageError(400, "A request begins with its head.")
        return event

    async def _task(self, head: Head) -> Task:
        house = self._house
        tasks = house.terms.inspector.means.tasks
        if self._named is not None:
            task = await house.aside(tasks.find, self._named, house.utc())
            if task is None:
                raise RefusedError(403, "The task of this socket has ended.")
            return task
        token = _token(head)
        if token is None:
            raise RefusedError(407, "Say whose task it is: http://task:TOKEN@HOST:PORT.")
        task = await house.aside(tasks.recognise, token, house.utc())
        if task is None:
            raise RefusedError(407, "This is the token of no task, or of one that has ended.")
        return task

    def _count(self, task: str) -> None:
        house = self._house
        now = house.open.get(task, 0)
        if house.defences.bounds and now >= house.settings.task_connections:
            raise RefusedError(503, "The task has too many connections open.")
        house.open[task] = now + 1
        self._counted = task

    async def _own_page(self, head: Head, task: Task) -> None:
        if head.method != "GET" or head.target != CA_PATH:
            raise RefusedError(
                400, "This is a proxy: ask for http://HOST/PATH, or CONNECT. /ca.pem is its own."
            )
        authority = await self._house.authority(task)
        await self._say(reply(200, authority.pem, kind=b"application/x-pem-file"))

    # --- a tunnel --------------------------------------------------------------------------------

    async def _tunnel(self, head: Head, begun: bytes, task: Task) -> None:
        house = self._house
        try:
            host, port = split_authority(head.target.decode("ascii", "replace"), None)
            self._refuse_other_names(head, host, port)
        except UnclearError as error:
            raise MessageError(400, str(error)) from None
        house.count(task)
        line = Line(task, host, port, house.utc(), asyncio.get_running_loop().time())
        rules = house.settings.rules
        if house.defences.rules and not knows_host(rules, host, port, task.tenant):
            why = "No rule lets this host through."
            self._denied(line, why)
            raise RefusedError(403, why)
        await self._channel.write(
            b"HTTP/1.1 200 Connection established\r\n\r\n", house.settings.body_timeout
        )
        try:
            channel = await self._shaken(host, begun, task)
        except RefusedError as refused:
            self._denied(line, str(refused))
            return
        if channel is None:
            return
        reader = MessageReader("request", house.caps(), strict=house.defences.grammar)
        try:
            await Exchange(house, channel, reader, task, Site(host, port)).run(None)
        finally:
            await channel.close()

    def _refuse_other_names(self, head: Head, host: str, port: int) -> None:
        hosts = head.values(b"host")
        if not hosts or not self._house.defences.names:
            return
        if split_authority(hosts[0].decode("ascii", "replace"), port) != (host, port):
            raise UnclearError("CONNECT and Host name different hosts.")

    async def _shaken(self, host: str, begun: bytes, task: Task) -> Channel | None:
        """The client's TLS; None where it has left.

        Raises:
            RefusedError: what comes is no TLS, or for another name.
        """
        house = self._house
        within = house.within(house.settings.header_timeout)
        try:
            begun = begun or await self._channel.read(within)
        except TimeoutError:
            raise RefusedError(408, "Nothing came behind CONNECT in time.") from None
        if not begun:
            return None
        if begun[0] != _TLS_HANDSHAKE:
            raise RefusedError(400, "What came behind CONNECT is no TLS.")
        authority = await house.authority(task)
        channel = TlsChannel(self._channel, await house.aside(authority.context, host))
        try:
            await channel.handshake(within, begun)
        except (ssl.SSLError, EOFError) as error:
            reason = getattr(error, "reason", None) or "the client left"
            raise RefusedError(400, f"TLS with the client fails: {reason}.") from None
        except TimeoutError:
            raise RefusedError(408, "TLS with the client takes too long.") from None
        asked = channel.tls.asked if isinstance(channel.tls, ServerSide) else None
        fits = asked is None or asked == host if is_address(host) else asked == host
        if house.defences.names and not fits:
            await channel.close()
            what = "no name" if asked is None else "another name"
            raise RefusedError(400, f"TLS names {what} than CONNECT: {what} in its hello.")
        return channel

    def _denied(self, line: Line, why: str) -> None:
        house, line.why = self._house, why
        house.record.add(line)
        event = SecurityEvent(
            house.utc(), "egress", "denied", f"A tunnel to {line.host}:{line.port} is refused: "
            f"{why}", f"{line.host}:{line.port}", line.task.tenant, line.task.key, line.task.id,
        )  # fmt: skip
        house.terms.inspector.means.tell(event)

    async def _say(self, data: bytes) -> None:
        with suppress(OSError, TimeoutError):
            await self._channel.write(data, self._house.settings.body_timeout)
            await self._channel.farewell()


def _token(head: Head) -> bytes | None:
    """The token that a request names its task by."""
    own = head.target.startswith(b"/")  # asked of us as of a server
    values = head.values(b"proxy-authorization") or (head.values(b"authorization") if own else [])
    scheme, _, rest = (values[0] if len(values) == 1 else b"").strip().partition(b" ")
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() != b"basic":
        return None
    try:
        return b64decode(rest.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return None
