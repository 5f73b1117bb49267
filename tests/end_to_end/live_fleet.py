"""A whole Tollway in a temporary folder: fleet file, state, ledger, gateway process, emulators.

Processes are children of the test, listen on loopback, and end with it.
"""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from free_ports import free_ports
from tollway.cli.demo import demo_key
from tollway.inspect.demo import demo_fleet_text
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.sqlite import open_reader
from tollway.replay.answer import Answer
from tollway.replay.client import Client, NoAnswerError
from tollway.replay.player import Orders, Player
from tollway.simulator.report import Sample
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

START_PATIENCE = 30.0
STOP_PATIENCE = 20.0
MODEL = "llama-3.3-70b"


@dataclass
class LiveFleet:
    """The demo fleet on free ports. Change `text` before `start`."""

    folder: Path
    text: str
    ports: dict[str, int]
    process: asyncio.subprocess.Process | None = None
    others: list[asyncio.subprocess.Process] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list[Client])
    key: str = ""

    def replace(self, old: str, new: str) -> None:
        """Change the fleet's text, before `start`."""
        assert old in self.text, f"the demo fleet has no {old!r}"
        self.text = self.text.replace(old, new)

    def spread(self) -> None:
        """Use all candidates alike, instead of the fastest and cheapest; before `start`."""
        [line] = [line for line in self.text.splitlines() if line.startswith("objectives")]
        self.replace(line, 'objectives = ["least-outstanding"]')

    @property
    def file(self) -> Path:
        return self.folder / "fleet.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def emulator(self, source: str) -> str:
        return f"http://127.0.0.1:{self.ports[source]}"

    # --- processes ---

    async def start(self) -> None:
        """Serve, and wait until it is ready."""
        self.file.write_text(self.text)
        self.state.mkdir(mode=0o700, exist_ok=True)
        fleet = read_fleet(self.file)
        self.key = demo_key(self.state, self.state / fleet.gateway.ledger, fleet) or ""
        self.process = await self.spawn("serve", str(self.file), "--state", str(self.state))
        await self._ready()

    async def spawn(self, *args: str) -> asyncio.subprocess.Process:
        """A tollway command in the background; its output joins the log."""
        with (self.folder / "serve.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tollway", *args),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environ(),
            )
        self.others.append(process)
        return process

    async def run(self, *args: str) -> tuple[int, str, str]:
        """A tollway command to its end: exit code, output, errors."""
        process = await self.begin(*args)
        out, err = await asyncio.wait_for(process.communicate(), 90)
        return process.returncode or 0, out.decode(), err.decode()

    async def begin(self, *args: str) -> asyncio.subprocess.Process:
        """A tollway command whose output is read by the caller."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tollway", *args),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=self._environ(),
        )
        self.others.append(process)
        return process

    def _environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOLLWAY")}
        return {**kept, "TOLLWAY_STATE": str(self.state)}

    async def _ready(self) -> None:
        client = Client(self.url)
        async with asyncio.timeout(START_PATIENCE):
            while True:
                assert self.process is not None
                assert self.process.returncode is None, self.log
                answer = Answer(lambda: 0.0)
                try:
                    await client.ask("GET", "/readyz", answer)
                except NoAnswerError:
                    answer.status = 0
                if answer.status == 200:
                    client.close()
                    return
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """`kill -9`, and wait until the ports of its emulators are free again."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        for name, port in self.ports.items():
            if name != "gateway":
                await self._freed(port)

    async def _freed(self, port: int) -> None:
        async with asyncio.timeout(START_PATIENCE):
            while True:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("127.0.0.1", port))
                    except OSError:
                        await asyncio.sleep(0.02)
                    else:
                        return

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), STOP_PATIENCE)

    async def close(self) -> None:
        """End whatever still runs."""
        for client in self.clients:
            client.close()
        await asyncio.sleep(0)  # their sockets are closed in the loop's next round
        for process in self.others:
            if process.returncode is None:
                process.kill()
                await process.wait()

    # --- requests ---

    def client(self, tag: str = "test", **headers: str) -> Client:
        """A client of the gateway that bears the demo key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = {"authorization": f"Bearer {self.key}", "x-tollway-tag": tag}
        client = Client(self.url, {**bearer, **named})
        self.clients.append(client)
        return client

    async def tell(self, source: str, path: str, **order: Any) -> dict[str, Any]:
        """Tell an emulator something through its controls, or ask it (no order)."""
        client, answer = Client(self.emulator(source)), Answer(lambda: 0.0)
        method = "POST" if order else "GET"
        await client.ask(method, f"/emulator/{path}", answer, msgspec.json.encode(order))
        client.close()
        assert answer.status == 200, answer.body
        return msgspec.json.decode(answer.body)

    async def warp(
        self, factor: float, sources: Sequence[str] = ("h200", "mi300x", "b200")
    ) -> None:
        for source in sources:
            await self.tell(source, "warp", factor=factor)

    async def get(self, path: str) -> Any:
        client, answer = self.client(), Answer(lambda: 0.0)
        await client.ask("GET", path, answer)
        client.close()
        assert answer.status == 200, answer.body
        return msgspec.json.decode(answer.body)

    def player(self, tag: str = "test", pace: float = 1.0, timeout: float = 30.0) -> Player:
        orders = Orders("chat", pace, tag, 1000, Seconds(timeout), seed=tag)
        return Player(self.client(tag), orders)

    async def play(self, trace: Trace, tag: str = "test", pace: float = 1.0) -> list[Sample]:
        return await self.player(tag, pace).play(trace)

    # --- the ledger ---

    def rows(self, tag: str | None = None) -> list[dict[str, Any]]:
        """Settled requests, as they are in the ledger."""
        where, values = ("WHERE tag = ?", (tag,)) if tag is not None else ("", ())
        return self._select(f"SELECT * FROM requests {where} ORDER BY id", values)

    def open_reservations(self) -> list[dict[str, Any]]:
        return self._select("SELECT * FROM reservations", ())

    def days(self) -> list[dict[str, Any]]:
        """The ledger's sums a day."""
        return self._select("SELECT * FROM days", ())

    def _select(self, statement: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        path = self.state / "ledger.sqlite"
        open_reader(path).close()  # what is safe is in the books after that
        with closing(sqlite3.connect(path)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(statement, values)]

    async def settled(self, count: int, tag: str = "test") -> list[dict[str, Any]]:
        """The rows of a tag once there are `count` and nothing is open."""
        async with asyncio.timeout(10):
            # Another process settles: there is nothing here to await.
            while len(rows := self.rows(tag)) < count or self.open_reservations():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return rows


def demo(folder: Path) -> LiveFleet:
    """The packaged demo fleet on free ports."""
    gateway, console, h200, mi300x, b200 = free_ports(5)
    text = demo_fleet_text()
    moved = ((8400, gateway), (8440, console), (8411, h200), (8412, mi300x), (8413, b200))
    for old, new in moved:
        assert f"127.0.0.1:{old}" in text
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    ports = {"gateway": gateway, "console": console}
    ports |= {"h200": h200, "mi300x": mi300x, "b200": b200}
    return LiveFleet(folder, text, ports)


def steady(count: int, gap: float, given: int = 200, made: int = 20) -> Trace:
    """`count` equal requests, `gap` seconds apart."""
    one = (Tokens(given), Tokens(made))
    return Trace("steady", tuple(TraceRequest(Seconds(n * gap), *one) for n in range(count)))
