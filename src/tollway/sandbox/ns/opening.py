"""What runs between Tollway and bubblewrap: a program of its own, which imports nothing of Tollway.

Rules
1. It makes the user, network and mount namespaces that bubblewrap then starts from, so that what
   the sandbox needs of them can be made from outside of it: the listening sockets of its exits, and
   one tmpfs with a size and a number of inodes for all that it may write. Both are handed back, and
   nothing in the sandbox serves or owns them.
2. It ends with whoever started it, at every step.
3. It is one thread: a user namespace can not be made by a process with more.
"""

# What is imported here is waited for at each start of a sandbox: of `socket` only its half in C,
# and no `signal`, which spares a quarter of the time that a start takes.
import _socket
import array
import ctypes
import fcntl
import marshal
import os
import resource
import struct
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV = 2, 4
PR_SET_PDEATHSIG = 1
SIGKILL = 9
SIGNALS = 65  # numbers of Linux, from 1 on
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def called(result: int, what: str) -> None:
    """
    Raises:
        RuntimeError: the call of the C library failed.
    """
    if result < 0:
        raise RuntimeError(f"{what}: {os.strerror(ctypes.get_errno())}")


def end_with(parent: int) -> None:
    """Be killed when the parent is gone, also when it is so already."""
    called(libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def enter(network: bool) -> None:
    """Make the namespaces; inside, the caller is root of them and of nothing else."""
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWUSER | CLONE_NEWNS | (CLONE_NEWNET if network else 0)
    called(libc.unshare(flags), "user namespaces are forbidden here")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123  # pathlib is slow to import
            file.write(text)


def bound_counts(counted: dict) -> None:
    """Lower what the kernel lets this user namespace, and those below it, have of some things."""
    for name, most in counted.items():
        at = f"/proc/sys/user/{name}"
        if os.path.exists(at):  # noqa: PTH110
            with open(at, "w") as file:  # noqa: PTH123
                file.write(str(most))


def mount_tmpfs(where: str, options: str) -> None:
    """A fresh tmpfs."""
    kind, flags = b"tmpfs", MS_NOSUID | MS_NODEV
    at = libc.mount(kind, where.encode(), kind, ctypes.c_ulong(flags), options.encode())
    called(at, f"a tmpfs ({options})")


def place(top: str, folders: list, files: dict) -> None:
    """Make folders and files below `top`, by relative path."""
    for folder, mode in folders:
        os.makedirs(f"{top}/{folder}", exist_ok=True)  # noqa: PTH103
        os.chmod(f"{top}/{folder}", mode)  # noqa: PTH101
    for path, content in files.items():
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)  # noqa: PTH103, PTH120
        with open(f"{top}/{path}", "wb") as file:  # noqa: PTH123
            file.write(content)


def listening(ports: list, own: bool) -> list:
    """Sockets that listen on this network's 127.0.0.1, which is up from now on."""
    sockets = []
    if own:
        any_ = _socket.socket()
        name = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack_from("16xh", fcntl.ioctl(any_, SIOCGIFFLAGS, name))[0]
        fcntl.ioctl(any_, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        any_.close()
    for port in ports:
        at = _socket.socket()
        at.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        at.bind(("127.0.0.1", port))
        at.listen(128)
        sockets.append(at)
    return sockets


def memory_file(content: bytes) -> int:
    """A descriptor to read `content` from, which the next program inherits."""
    at = os.memfd_create("given", 0)
    os.write(at, content)
    os.lseek(at, 0, os.SEEK_SET)
    return at


def received(channel: _socket.socket) -> dict:
    """The plan, as one marshalled value, to the end of what is sent."""
    parts = []
    while part := channel.recv(1 << 20):
        parts.append(part)
    if not parts:
        os._exit(1)
    return marshal.loads(b"".join(parts))  # noqa: S302  # from the process that started this one


def opened(plan: dict, channel: _socket.socket) -> None:
    """Make all that bubblewrap starts from, and hand back what is kept outside."""
    enter(plan["network"])
    bound_counts(plan["counted"])
    end_with(plan["parent"])  # a change of credentials made the kernel forget it
    mount_tmpfs(plan["top"], "mode=755,size=16m,nr_inodes=4096")
    place(plan["top"], plan["given_folders"], plan["given"])
    writable = f"{plan['top']}/writable"
    os.mkdir(writable)  # noqa: PTH102
    mount_tmpfs(writable, plan["disk"])
    place(writable, plan["folders"], {})
    sockets = listening(plan["ports"], plan["network"])
    work = os.open(f"{writable}/workspace", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    passed = array.array("i", [work, *(each.fileno() for each in sockets)])
    channel.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    for which, (soft, hard) in plan["rlimits"].items():
        resource.setrlimit(which, (soft, hard))


def main() -> None:
    """Take the plan, make it so, become bubblewrap."""
    channel = _socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(channel.fileno(), False)
    plan = received(channel)
    end_with(plan["parent"])
    try:
        opened(plan, channel)
        argv = list(plan["bwrap"])
        for program in plan["filters"]:
            argv += ["--add-seccomp-fd", str(memory_file(program))]
        arguments = b"".join(each + b"\0" for each in plan["arguments"])
        argv += ["--args", str(memory_file(arguments)), "--", *plan["argv"]]
        for number in range(1, SIGNALS):  # what Python, a shell's `&` or nohup ignores, too
            libc.signal(number, None)
        os.umask(0o022)
        os.execve(argv[0], argv, {})  # noqa: S606
    except Exception as error:  # noqa: BLE001  # told to whoever waits, whatever it was
        channel.send(str(error).encode())
        os._exit(1)


main()
