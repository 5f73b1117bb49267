"""Plays one attack in a process of its own: with a terminal, or with a network of its own.

`python driver.py MODULE TABLE ATTACK WAY FOLDER DEFENCES...`; prints a line of JSON. WAY is `tty`,
`netns` or `killed`; DEFENCES are those that are off.
"""

import asyncio
import ctypes
import fcntl
import importlib
import json
import os
import socket
import struct
import sys
import termios
import tty
from pathlib import Path

HERE = Path(__file__).parent
METADATA, RESOLVER = "169.254.169.254", "198.51.100.53"


def take_terminal() -> None:
    """Make the terminal on descriptor 0 that of this process, which reads every byte at once."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    tty.setraw(0)


def take_network() -> None:
    """A network of this process's own, in which the whole world is its loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x40000000) == 0, "no network of its own: run it as root"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for name, address in (("lo", "127.0.0.1"), ("lo:1", METADATA), ("lo:2", RESOLVER)):
            packed = struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0,
                                 socket.inet_aton(address))  # fmt: skip
            fcntl.ioctl(asked, 0x8916, packed)  # SIOCSIFADDR
            up = struct.pack("16sH", name.encode(), 0x49)
            fcntl.ioctl(asked, 0x8914, up)  # SIOCSIFFLAGS: up, running, loopback


async def main() -> None:
    module, table, wanted, way, folder, *off = sys.argv[1:]
    sys.path.insert(0, str(HERE))
    from attack import Scene, play, play_outside
    from trial import ns, without

    {"tty": take_terminal, "netns": take_network, "killed": lambda: None}[way]()
    found = getattr(importlib.import_module(module), table)
    [attack] = [it for it in found if it.name == wanted]
    scene = Scene(Path(folder), off=tuple(off))
    scene.beacon = os.environ["BEACON"]
    if off == ["outside"]:
        done = await play_outside(attack, scene, session=False)
    else:
        done = await play(attack, scene, ns(without(tuple(off))))
    words = {"done": done, "out": scene.out[-2000:].decode(errors="replace")}
    os.write(2, json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
