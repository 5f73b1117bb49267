"""Which system calls a sandbox may make, as programs for the kernel, made by libseccomp.

Rules
1. What is not named is not there: ENOSYS, so that programs fall back as on an older kernel. What is
   named as refused is answered with EPERM. Another architecture's calls end the process.
2. What is allowed by name may be refused by argument: further namespaces, kinds of sockets, and the
   two ioctls that put words into a terminal's mouth.
3. No file gets a set-user-ID or set-group-ID bit: in a writable mount it would be the caller's own
   file, and stay. `openat2`, whose mode is behind a pointer, is not there.
"""

import ctypes
import errno
import os

from tollway.errors import TollwayError
from tollway.sandbox.defences import Defences
from tollway.sandbox.ns.syscalls import ALLOWED, NAMESPACES, REFUSED

LIBRARY = "libseccomp.so.2"
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
EQ, GE, NE, MASKED_EQ = 4, 5, 1, 7
BAD_ARCH, OPTIMIZE = 2, 8
LOW = 0xFFFFFFFF
"""The kernel reads 32 bits of these arguments: what else is in the register is not compared."""

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
SETUID, SETGID = 0o4000, 0o2000
O_CREAT, O_TMPFILE = 0o100, 0o20000000
_MODES = {
    "chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2,
}  # fmt: skip
"""Calls that set a file's mode -> which argument it is."""
_OPENING = {"open": 2, "openat": 3}
CLONE_NEW = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, NETLINK_ROUTE = 1, 2, 10, 16, 0


class _Compared(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("one", ctypes.c_uint64),
        ("two", ctypes.c_uint64),
    )


Condition = tuple[int, int, int, int]
"""Argument's number, way of comparing, value or mask, masked value."""


def available() -> bool:
    """Whether libseccomp is installed."""
    return _loaded() is not None


def filters(defences: Defences) -> tuple[bytes, ...]:
    """The programs, in the kernel's form; the strictest answer of all holds.

    Raises:
        TollwayError: libseccomp is not there.
    """
    if not defences.syscalls:
        return ()
    library = _loaded()
    if library is None:
        raise TollwayError(f"{LIBRARY} is not installed. Run: apt install libseccomp2")
    return _names(library, defences), _arguments(library, defences)


def _names(library: ctypes.CDLL, defences: Defences) -> bytes:
    made = _Filter(library, _error(errno.ENOSYS))
    for name in ALLOWED if defences.users else (*ALLOWED, *NAMESPACES):
        made.add(ALLOW, name)
    for name in REFUSED if defences.users else [n for n in REFUSED if n not in NAMESPACES]:
        made.add(_error(errno.EPERM), name)
    for persona in (0, LOW):
        made.add(ALLOW, "personality", (0, MASKED_EQ, LOW, persona))
    return made.program()


def _arguments(library: ctypes.CDLL, defences: Defences) -> bytes:
    made = _Filter(library, ALLOW)
    for request in (TIOCSTI, TIOCLINUX):
        made.add(_error(errno.EPERM), "ioctl", (1, MASKED_EQ, LOW, request))
    if defences.users:
        for flag in CLONE_NEW:
            made.add(_error(errno.EPERM), "clone", (0, MASKED_EQ, flag, flag))
    _without_set_id(made)
    kinds = (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)
    for call in ("socket", "socketpair"):
        made.add(_error(errno.EAFNOSUPPORT), call, (0, GE, AF_NETLINK + 1, 0))
        for kind in set(range(AF_NETLINK)) - set(kinds):
            made.add(_error(errno.EAFNOSUPPORT), call, (0, EQ, kind, 0))
        netlink = (0, EQ, AF_NETLINK, 0), (2, NE, NETLINK_ROUTE, 0)
        made.add(_error(errno.EPROTONOSUPPORT), call, *netlink)
    return made.program()


def _without_set_id(made: "_Filter") -> None:
    """Rule 3."""
    for bit in (SETUID, SETGID):
        for call, argument in _MODES.items():
            made.add(_error(errno.EPERM), call, (argument, MASKED_EQ, bit, bit))
        for call, argument in _OPENING.items():
            for creating in (O_CREAT, O_TMPFILE):  # otherwise the mode is not looked at
                flags = (argument - 1, MASKED_EQ, creating, creating)
                made.add(_error(errno.EPERM), call, flags, (argument, MASKED_EQ, bit, bit))


class _Filter:
    """One filter of libseccomp's."""

    def __init__(self, library: ctypes.CDLL, otherwise: int) -> None:
        self._library = library
        self._context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(otherwise)))
        for what, value in ((BAD_ARCH, KILL_PROCESS), (OPTIMIZE, 2)):
            # An older library knows no binary tree, and a linear list does as well.
            library.seccomp_attr_set(self._context, what, ctypes.c_uint32(value))

    def add(self, action: int, name: str, *conditions: Condition) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # not known to this library, or not of this architecture
            return
        compared = (_Compared * len(conditions))(*(_Compared(*each) for each in conditions))
        done = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(conditions), compared
        )
        if done < 0:
            raise TollwayError(f"libseccomp: {name}: {os.strerror(-done)}. Update libseccomp2")

    def program(self) -> bytes:
        at = os.memfd_create("filter")
        try:
            done = self._library.seccomp_export_bpf(self._context, at)
            if done < 0:
                raise TollwayError(f"libseccomp: {os.strerror(-done)}. Update libseccomp2")
            return os.pread(at, os.fstat(at).st_size, 0)
        finally:
            os.close(at)
            self._library.seccomp_release(self._context)


def _error(number: int) -> int:
    return 0x00050000 | number


def _loaded() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    return library
