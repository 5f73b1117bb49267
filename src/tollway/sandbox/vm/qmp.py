"""QEMU's own control channel: one command at a time, as its QMP reference defines them."""

import asyncio
import json
import socket
from typing import Any

from tollway.errors import TollwayError

_LINE = 1 << 20


class Qmp:
    """A connection to a machine's monitor, over a socket that nobody else has."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        ours.setblocking(False)

    async def begin(self) -> None:
        """Read the greeting and be ready for commands.

        Raises:
            EOFError: QEMU has ended.
        """
        await self._line()
        await self.tell("qmp_capabilities")

    async def tell(self, command: str, *, descriptor: int | None = None, **given: Any) -> Any:
        """Run one command; a descriptor goes along with it.

        Raises:
            EOFError: QEMU has ended.
            TollwayError: QEMU refuses it.
        """
        asked = json.dumps({"execute": command, "arguments": given}).encode()
        if descriptor is None:
            await self._loop.sock_sendall(self._socket, asked)
        else:  # small and first in the buffer: it is sent whole or not at all
            socket.send_fds(self._socket, [asked], [descriptor])
        while True:
            answer = json.loads(await self._line())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                words = str(answer["error"].get("desc", ""))[:200]
                raise TollwayError(f"sandbox: QEMU refused {command}: {words}")

    async def gone(self) -> None:
        """Wait until QEMU has ended."""
        try:
            while await self._loop.sock_recv(self._socket, _LINE):
                pass
        except OSError:
            pass

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    async def _line(self) -> bytes:
        while (cut := self._buffer.find(b"\n")) < 0:
            data = await self._loop.sock_recv(self._socket, 65536)
            if not data or len(self._buffer) > _LINE:
                raise EOFError
            self._buffer += data
        line = bytes(self._buffer[:cut])
        del self._buffer[: cut + 1]
        return line
