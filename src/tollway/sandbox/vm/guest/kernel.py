"""What the guest asks of its kernel that Python has no function for. Runs as root, in the guest."""

import ctypes
import fcntl
import os
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, MOVE = 1, 2, 4, 8, 32, 4096, 8192
"""Of <sys/mount.h>."""
_RNDADDENTROPY, _RNDRESEEDCRNG = 0x40085203, 0x5207
_SIOCSIFFLAGS, _SIOCGIFFLAGS, _IFF_UP = 0x8914, 0x8913, 1
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_SECCOMP, _FILTER = 38, 24, 22, 2
_LAST_CAPABILITY = 63
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2).

    Raises:
        OSError: as it says.
    """
    given = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags))
    if _libc.mount(*given, data.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def unmount(target: str) -> None:
    """umount2(2), lazily.

    Raises:
        OSError: as it says.
    """
    if _libc.umount2(target.encode(), 2):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def bind(source: str, target: str, flags: int) -> None:
    """Show `source` at `target` too, with flags of its own.

    Raises:
        OSError: as mount says.
    """
    mount(source, target, "", BIND)
    mount("", target, "", BIND | REMOUNT | flags)


def setting(name: str, value: str) -> None:
    """Set a sysctl; one that this kernel lacks is none that matters."""
    with suppress(FileNotFoundError, PermissionError):
        (Path("/proc/sys") / name).write_text(value, encoding="ascii")


def fresh(seed: bytes, now: float, name: str) -> None:
    """Randomness, clock and host name of this machine's own, in place of the template's."""
    with Path("/dev/urandom").open("wb") as device:
        packed = struct.pack("ii", len(seed) * 8, len(seed)) + seed
        fcntl.ioctl(device, _RNDADDENTROPY, packed)
        fcntl.ioctl(device, _RNDRESEEDCRNG)
    time.clock_settime(time.CLOCK_REALTIME, now)
    socket.sethostname(name)


def loopback_up() -> None:
    """Bring up the loopback, the only network that there is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        ask = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(any_socket, _SIOCGIFFLAGS, ask)
        flags = struct.unpack_from("h", ask, 16)[0]
        struct.pack_into("h", ask, 16, flags | _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, ask)


def drop(uid: int, capabilities: bool) -> None:
    """Become a user without any capability, now and after any exec. For a child before its exec."""
    if not capabilities:
        for number in range(_LAST_CAPABILITY + 1):
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if not capabilities:
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def filter_calls(program: bytes) -> None:
    """Allow only the system calls that a seccomp program does.

    Raises:
        OSError: the kernel refuses it.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    if _libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(head, len(head)), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
