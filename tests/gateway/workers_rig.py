"""A gateway with several workers: who they are, and clients spread over them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from gateway_rig import Client, Mock
from process_rig import Gateway, Terms, running

from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_reader

FOUR = "workers = 4"
TWO = "workers = 2\nhang_timeout = '1s'"
SMALL = b'{"model":"chat","max_tokens":3,"messages":[{"role":"user","content":"hi"}]}'
STREAM = b'{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}'
COST = 7 * 1_000_000 + 3 * 2_000_000
"""Pico-dollars of one answer with BODY's usage."""


@asynccontextmanager
async def workers(
    folder: Path, answer: object, terms: Terms, drain: str = "5s"
) -> AsyncIterator[tuple[Gateway, Mock]]:
    async with running(folder, answer, drain, terms) as (gateway, mock):
        await until(lambda: everybody(gateway))
        yield gateway, mock


async def until(what: Callable[[], Any], within: float = 15.0) -> Any:
    """What `what` gives, or what it awaits, once that is true."""
    async with asyncio.timeout(within):
        while True:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


async def everybody(gateway: Gateway) -> list[dict[str, Any]]:
    """The workers, once there are as many as the fleet wants."""
    wanted = int(gateway.terms.gateway.split()[2])
    try:
        status, answer = await gateway.admin("GET", "/status")
    except (OSError, asyncio.IncompleteReadError):
        return []
    found: Any = answer["workers"]
    return found if status == 200 and len(found) == wanted else []


def accountant(gateway: Gateway) -> int:
    return int((gateway.folder / "ledger.sqlite.lock").read_text())


def children(parent: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, ppid = stat[stat.rindex(")") + 2 :].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.add(int(entry.name))
    return found


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] != "Z"


def spent(gateway: Gateway) -> int:
    with closing(open_reader(gateway.folder / "ledger.sqlite")) as ledger:
        return ledger.usage(UsageQuery()).total.cost


def request(gateway: Gateway, body: bytes = SMALL, extra: bytes = b"") -> bytes:
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n%b"
        b"content-length: %d\r\n\r\n%b" % (gateway.key.encode(), extra, len(body), body)
    )


async def spread(gateway: Gateway, count: int) -> list[Client]:
    """So many connections to each worker: who is free takes the next one, so all others stand."""
    pids = [one["pid"] for one in await everybody(gateway)]
    clients: list[Client] = []
    for pid in pids:
        for other in pids:
            os.kill(other, signal.SIGCONT if other == pid else signal.SIGSTOP)
        for _ in range(count):
            client = await gateway.connect()
            client.say(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await client.got()).status == 200
            clients.append(client)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    return clients


async def ask(client: Client, gateway: Gateway) -> int:
    client.say(request(gateway))
    return (await client.got()).status


async def live_is(gateway: Gateway, count: int) -> bool:
    return (await gateway.admin("GET", "/status"))[1]["live"] == count
