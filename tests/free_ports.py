"""Ports for servers that a test starts as processes of their own."""

import socket
from pathlib import Path
from random import SystemRandom

_LOWEST, _USUAL = 10_000, 32_768
_OF_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, and that the kernel gives to no connection: one that it
    gives away itself may be anybody's before the server is there."""
    first = int(_OF_CONNECTIONS.read_text().split()[0])
    draw, found = SystemRandom(), set[int]()
    while len(found) < count:
        port = draw.randrange(_LOWEST, first if first > 2 * _LOWEST else _USUAL)
        if not _taken(port):
            found.add(port)
    return list(found)


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
