# What every attacking program begins with.
import contextlib
import ctypes
import json
import os
import sys
import time

F = json.loads(sys.argv[1])
_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number, *args):
    """A system call by its number; OSError where it fails."""
    made = [ctypes.c_long(it) if isinstance(it, int) else it for it in args]
    result = _libc.syscall(ctypes.c_long(number), *made)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def say(*words):
    os.write(
        1, b" ".join(it if isinstance(it, bytes) else str(it).encode() for it in words) + b"\n"
    )


@contextlib.contextmanager
def tried():
    """Goes on, whatever happens."""
    try:
        yield
    except Exception as error:
        say("failed:", type(error).__name__, error)


def name(word=None):
    """Take a name that the host knows this process by."""
    with tried(), open("/proc/self/comm", "w") as file:
        file.write(word or F["beacon"])


def ready():
    """Wait until the host has looked."""
    say("READY")
    sys.stdin.readline()


def read(path, size=1 << 20):
    with open(path, "rb") as file:
        return file.read(size)


def child(act, fork=os.fork):
    """Have another process do something; once it has, it stays until the end."""
    seen, tell = os.pipe()
    os.set_inheritable(tell, True)
    number = -1
    with tried():
        number = fork()
    if number == 0:
        with tried():
            act(tell)
        os.write(tell, b"1")
        time.sleep(60)
        os._exit(0)
    os.close(tell)
    os.read(seen, 1)
    return number


say("BEGUN")
