"""A network card with QEMU's user networking: only in tests, to show what its absence is worth."""

import ctypes
import fcntl
import os
import socket
import struct
import time
from pathlib import Path

MODULES = "/usr/lib/tollway/modules"
_INIT_MODULE = 175  # of x86_64
_SIOCADDRT, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x890B, 0x8914, 0x8916, 0x891C
_UP_RUNNING, _ROUTE_UP_GATEWAY = 0x41, 0x3
_OURS, _MASK, _ROUTER = "10.0.2.15", "255.255.255.0", "10.0.2.2"
_PATIENCE_SECONDS = 10.0


def up() -> None:
    """Load the card's driver and give it the address that QEMU's own network expects."""
    libc = ctypes.CDLL(None, use_errno=True)
    for file in sorted(Path(MODULES).iterdir()):
        data = file.read_bytes()
        libc.syscall(_INIT_MODULE, data, ctypes.c_ulong(len(data)), b"")
    name = _card()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for call, address in ((_SIOCSIFADDR, _OURS), (_SIOCSIFNETMASK, _MASK)):
            fcntl.ioctl(any_socket, call, struct.pack("16s16s8x", name, _address(address)))
        flags = struct.pack("16sh22x", name, _UP_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, flags)
        route = struct.pack(
            "8x16s16s16sH70x", _address("0.0.0.0"), _address(_ROUTER), _address("0.0.0.0"),  # noqa: S104  # any
            _ROUTE_UP_GATEWAY,
        )  # fmt: skip
        fcntl.ioctl(any_socket, _SIOCADDRT, route)


def _card() -> bytes:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
        names = [it.split(":")[0].strip() for it in lines]
        if found := [it for it in names if it != "lo"]:
            return found[0].encode()
        time.sleep(0.05)
    raise OSError(os.strerror(19))


def _address(text: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
