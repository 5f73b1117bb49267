"""What the tests of tools share: a fleet of one mail server, a house over it, agents, fakes."""

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from tollway.cli.tools_pin import pin_tools
from tollway.fleet.parse import parse
from tollway.fleet.tooling import ToolSettings
from tollway.gateway.log import Log
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.guard.tools.description import Description
from tollway.guard.tools.rules import ready
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.tools.asking import Desk
from tollway.tools.house import Clocks, House
from tollway.tools.passage import Passages
from tollway.tools.service import Caller, Policy, Service
from tollway.tools.upstream import UpstreamError

MAILER = Path(__file__).parent / "mailer.py"

HEAD = """
version = 1
models.m = {}
[tenants.team]
[tenants.other]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves.m = {}
"""
TOOLS = """
[tools.servers.mail.tools.send]
reads = "nothing"
sensitive = false
content = ["body"]
[tools.servers.mail.tools.read_mail]
effect = "none"
[tools.servers.mail.tools.look_up]
reads = "trusted"
effect = "none"
vouches = ["email"]
[tools.servers.mail.tools.note]
reads = "nothing"
sensitive = false
effect = "internal"
content = ["text"]
[tools.servers.mail.tools.odd]
reads = "trusted"
sensitive = false
effect = "internal"
[tools.servers.mail.tools.environment]
reads = "trusted"
effect = "none"
"""
READ = "Read my mail and send bob@good.example a summary."
REQUEST = "Read my mail, look up Alice Adams, send her a summary, and note that you did."


def settings(text: str = "", more: str = "") -> tuple[ToolSettings, Any]:
    """Settings of tools, and of the guard, of a fleet with the mail server declared."""
    server = '[tools.servers.mail]\ncommand = ["mailer"]\n'
    document = f'{HEAD}[tools]\npatience = "50ms"\n{text}\n{server}{TOOLS}{more}'
    fleet = parse({"fleet.toml": document}, "fleet.toml")
    assert fleet.tools is not None
    return fleet.tools, fleet.guard


def fleet_file(folder: Path, text: str = "", more: str = "", env: str = "") -> Path:
    """A fleet file whose mail server is the real program; what it sends is in `folder/sent`."""
    path = folder / "fleet.toml"
    command = f'command = ["{sys.executable}", "{MAILER}"]\n'
    server = f'[tools.servers.mail]\n{command}env = {{ SENT = "{folder / "sent"}"{env} }}\n'
    listen = 'listen = "127.0.0.1:0"\npatience = "50ms"\n'
    path.write_text(f"{HEAD}[tools]\n{listen}{text}\n{server}{TOOLS}{more}")
    return path


def sent(folder: Path) -> list[str]:
    """What the mail server did."""
    path = folder / "sent"
    return path.read_text().splitlines() if path.exists() else []


@asynccontextmanager
async def house_of(
    folder: Path, fleet: Path, said: list[str] | None = None
) -> AsyncIterator[House]:
    """A house over a fleet file."""
    log = Log(time.time)
    if said is not None:
        log.say = said.append  # type: ignore[method-assign]
    async with House(fleet, folder / "state", log, Clocks(time.time, time.monotonic)) as house:
        yield house


def pin(fleet: Path) -> None:
    """Pin what the servers say now."""
    assert pin_tools(fleet, (), check=False) == 0


def pinned_file(folder: Path, text: str = "") -> Path:
    """A fleet file whose pins are there already: those of the program as it is."""
    (folder / "tools.lock").write_text(lock())
    return fleet_file(folder, text)


@cache
def lock() -> str:
    """The program's pins. To be called before a loop runs: pinning runs one."""
    with tempfile.TemporaryDirectory() as folder:
        pin(fleet_file(Path(folder)))
        return (Path(folder) / "tools.lock").read_text()


def opened(folder: Path, request: str | None = READ) -> tuple[str, str]:
    book = GuardBook(folder / "state" / GUARD_BOOK)
    task, token = Tasks(book).open("team", time.time(), 3600, request)
    book.close()
    return task.id, token


def marks(folder: Path, task: str) -> set[str]:
    book = GuardBook(folder / "state" / GUARD_BOOK)
    found = set(Tasks(book).marks(task))
    book.close()
    return {str(it) for it in found}


def book_of(folder: Path) -> GuardBook:
    return GuardBook(folder / "state" / GUARD_BOOK)


@asynccontextmanager
async def agent(
    port: int | None, token: str, mode: str = "auto", uds: Path | None = None
) -> AsyncIterator[Client]:
    """An agent's MCP client."""
    transport = None if uds is None else httpx2.AsyncHTTPTransport(uds=str(uds))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(
        headers=headers, trust_env=False, transport=transport, timeout=60
    ) as http:
        url = "http://localhost/mcp" if uds else f"http://127.0.0.1:{port}/mcp"
        async with Client(
            streamable_http_client(url, http_client=http), mode=mode, cache=None
        ) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    return "\n".join(getattr(it, "text", "") for it in result.content)


@dataclass
class FakeServers:
    """Servers whose answers are given; what was called is kept in order."""

    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[Any])
    pinned: bool = True
    fails: UpstreamError | None = None

    async def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        self.calls.append((tool, arguments))
        if self.fails is not None:
            raise self.fails
        answer = self.answers.get(tool, "done")
        if callable(answer):
            answer = await cast("Awaitable[Any]", answer())
        content: list[Any] = [
            TextContent(type="text", text=answer if isinstance(answer, str) else "see data")
        ]
        structured = None if isinstance(answer, str) else {"result": answer}
        return CallToolResult(content=content, structured_content=structured)

    async def is_as_pinned(self, server: str, pin: Description) -> bool:
        return self.pinned


@dataclass
class Bench:
    """A service over fakes: real book, real rules, no servers and no network."""

    service: Service
    servers: FakeServers
    tasks: Tasks
    approvals: Approvals
    events: list[SecurityEvent]

    def open(self, request: str | None = REQUEST, tenant: str = "team") -> Task:
        return self.tasks.open(tenant, time.time(), 3600, request)[0]

    async def call(self, task: Task, name: str, /, **arguments: Any) -> CallToolResult:
        return await self.service.call(Caller(task), f"mail__{name}", arguments)


def bench_of(folder: Path, text: str = "", more: str = "", **answers: Any) -> Bench:
    tools, guarding = settings(text, more)
    book = book_of(folder)
    tasks, approvals = Tasks(book), Approvals(book)
    servers, events = FakeServers(answers), list[SecurityEvent]()
    guard = None if guarding is None else Guard(guarding)
    passages = Passages(guard, () if guarding is None else guarding.directions)
    pins = {"mail": {name: Description(name, "", {}) for name in tools.servers["mail"].tools}}
    policy = Policy(tools, ready(tools.rules), pins, passages, servers)  # type: ignore[arg-type]
    service = Service(
        policy, tasks, lambda it: Desk(approvals, time.time, it.passages.hidden), events.append,
        time.time,
    )  # fmt: skip
    return Bench(service, servers, tasks, approvals, events)
