"""One connection to a host, at an address that was checked, kept from one request to the next.

Rules
1. TLS to a host is verified against its name and the system's authorities, TLS 1.2 at least.
2. A connection belongs to one client connection, and so to one task.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tollway.egress.channel import Channel, PlainChannel, TlsChannel
from tollway.egress.messages import Caps, Event, MessageReader
from tollway.guard.reach import is_address
from tollway.units import Seconds

_MOST_ADDRESSES = 4
"""Addresses of a name that are tried, each for as long as connecting may take."""


class HostError(Exception):
    """A host cannot be reached, or does not answer as it should; the text says why."""


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Whom the proxy trusts: the system's authorities, and those of a file.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cadata=Path(ca_file).read_text(encoding="ascii"))
    return context


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each step with a host may take."""

    connect: Seconds
    answer: Seconds
    write: Seconds


class Upstream:
    """An open connection. `address` is what it is connected to."""

    def __init__(self, channel: Channel, address: str, reader: MessageReader) -> None:
        self._channel = channel
        self._reader = reader
        self.address = address
        self.used = False
        self.sent = self.received = 0

    async def send(self, data: bytes, within: Seconds) -> None:
        """Send bytes of a request."""
        self.sent += len(data)
        await self._channel.write(data, within)

    async def event(self, within: Seconds) -> Event | None:
        """The next event of the answer; None where the host has left.

        Raises:
            MessageError: the answer is no strict HTTP/1.1.
            TimeoutError: the host says nothing.
        """
        while (event := self._reader.next()) is None:
            data = await self._channel.read(within)
            self.received += len(data)
            if not data:
                return None
            self._reader.feed(data)
        return event

    def kept(self) -> bool:
        """Whether the host keeps the connection behind the answer that ended."""
        return self._reader.keep_alive and self._reader.idle()

    async def close(self) -> None:
        await self._channel.close()


async def connect(
    host: str, port: int, addresses: Sequence[str], tls: ssl.SSLContext | None, patience: Patience,
    caps: Caps,
) -> Upstream:  # fmt: skip
    """Connect to the first of the addresses that answers; `tls` None speaks in the clear.

    Raises:
        HostError: none does, or its certificate is not the host's.
    """
    why = "it has no address"
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(patience.connect):
                reader, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            why = str(error) if isinstance(error, TimeoutError) else error.strerror or "refused"
            continue
        plain = PlainChannel(reader, writer)
        channel: Channel = plain
        if tls is not None:
            channel = await _secured(plain, host, tls, patience)
        answers = MessageReader("answer", caps, strict=True)
        return Upstream(channel, address, answers)
    raise HostError(f"The host cannot be connected to: {why or 'it does not answer'}.")


async def _secured(
    plain: PlainChannel, host: str, tls: ssl.SSLContext, patience: Patience
) -> TlsChannel:
    channel = TlsChannel(plain, tls, host)
    try:
        await channel.handshake(patience.connect)
    except ssl.SSLCertVerificationError as error:
        await plain.close()
        kind = "address" if is_address(host) else "name"
        raise HostError(
            f"The host's certificate is not trusted for this {kind}: {error.verify_message}."
        ) from None
    except (ssl.SSLError, OSError, EOFError, TimeoutError) as error:
        await plain.close()
        raise HostError(f"TLS with the host fails ({type(error).__name__}).") from None
    return channel
