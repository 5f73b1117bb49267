"""Names to addresses that may be connected to.

Rules
1. The addresses that were checked are the ones that are connected to: a name is never resolved a
   second time on the way.
2. Of several addresses those that may not be reached are left out; where none is left, it is
   refused.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from tollway.guard.addresses import Network, why_not
from tollway.guard.reach import is_address

Lookup = Callable[[str, int], Sequence[str]]
"""The addresses of a name, as the system knows them. Blocks."""


class UnreachableError(Exception):
    """A name leads nowhere that may be reached. `denied`: it was found, and is refused."""

    def __init__(self, why: str, *, denied: bool) -> None:
        super().__init__(why)
        self.denied = denied


def system_lookup(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Finds and checks addresses."""

    def __init__(
        self, private: Sequence[Network], lookup: Lookup, threads: Executor, *, check: bool
    ) -> None:
        """`private` are networks that may be reached; `check` is False only in tests."""
        self._private = tuple(private)
        self._lookup = lookup
        self._threads = threads
        self._check = check

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a plain host, checked.

        Raises:
            UnreachableError: there is none that may be reached.
        """
        if is_address(host):
            found: Sequence[str] = [host]
        else:
            loop = asyncio.get_running_loop()
            try:
                found = await loop.run_in_executor(self._threads, self._lookup, host, port)
            except (OSError, UnicodeError):
                raise UnreachableError("The host's name has no address.", denied=False) from None
        if not self._check:
            return list(found)
        reasons = {address: why_not(address, self._private) for address in found}
        allowed = [address for address, why in reasons.items() if why is None]
        if not allowed:
            said = "; ".join(f"{address} {why}" for address, why in reasons.items())
            raise UnreachableError(f"The host is at no public address: {said}.", denied=True)
        return allowed
