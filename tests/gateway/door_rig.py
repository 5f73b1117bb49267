"""Tasks, their doors to models, and who asks there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from gateway_rig import Client
from process_rig import Gateway

from tollway.errors import TollwayError
from tollway.fleet.objects import KeyTerms
from tollway.gateway.doors import MODELS_SOCKET, OpenDoor, open_door
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.tasks import Tasks
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_keys, open_reader

SMALL = b'{"model":"chat","max_tokens":3,"messages":[{"role":"user","content":"hi"}]}'
STREAM = b'{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}'
CHAT = b"/v1/chat/completions"


def book_of(gateway: Gateway) -> GuardBook:
    return GuardBook(gateway.folder / GUARD_BOOK)


def open_task(gateway: Gateway, key: str | None = None, tenant: str = "t") -> str:
    """A task that lives a minute; its key is the gateway's one, where none is given."""
    with closing(book_of(gateway)) as book:
        key = key_id(gateway.key) if key is None else key
        return Tasks(book).open(tenant, time.time(), 60.0, None, key or None)[0].id


def close_task(gateway: Gateway, task: str) -> None:
    with closing(book_of(gateway)) as book:
        assert Tasks(book).close(task, time.time())


def add_key(gateway: Gateway, tenant: str = "t", expires: float | None = None) -> str:
    """Another whole key."""
    key = new_key()
    with closing(open_for_keys(gateway.folder / "ledger.sqlite")) as ledger:
        record = KeyRecord(KeyTerms(key_id(key), tenant), "n", key_digest(key.encode()), 1.0)
        ledger.add_key(replace(record, expires=expires))
    return key


def revoke(gateway: Gateway, key: str) -> None:
    with closing(open_for_keys(gateway.folder / "ledger.sqlite")) as ledger:
        assert ledger.revoke_key(key_id(key), time.time())


class Way:
    """An open door, and connections through it."""

    def __init__(self, gateway: Gateway, task: str, path: Path, door: OpenDoor) -> None:
        self.gateway = gateway
        self.task = task
        self.path = path
        self.door = door

    async def client(self) -> Client:
        client = Client(*await asyncio.open_unix_connection(str(self.path)))
        self.gateway.clients.append(client)
        return client

    async def ask(self, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
        """One request, over a connection of its own."""
        client = await self.client()
        client.say(message(head, body))
        got = await client.got()
        client.writer.close()
        return got.status, got.body


def message(head: bytes, body: bytes = b"") -> bytes:
    """A request whose first lines are `head`; its length is added."""
    length = b"content-length: %d\r\n" % len(body) if body else b""
    return head.replace(b"\n", b"\r\n") + b"host: x\r\n" + length + b"\r\n" + body


def post(path: bytes = CHAT, extra: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\n%b" % (path, extra)


def get(path: bytes, extra: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\n%b" % (path, extra)


@asynccontextmanager
async def door_of(gateway: Gateway, task: str | None = None) -> AsyncIterator[Way]:
    task = open_task(gateway) if task is None else task
    path = gateway.folder / f"door-{task}"
    async with open_door(gateway.folder / MODELS_SOCKET, task, path) as door:
        yield Way(gateway, task, path, door)


async def refused(gateway: Gateway, task: str, tools: tuple[str, ...] | None = None) -> str:
    """Why a door is not opened."""
    path = gateway.folder / "refused"
    try:
        async with open_door(gateway.folder / MODELS_SOCKET, task, path, tools):
            raise AssertionError("it was opened")
    except TollwayError as error:
        assert not path.exists()
        return str(error)


def booked(gateway: Gateway) -> dict[tuple[str | None, ...], int]:
    """Requests by key, tag and outcome."""
    with closing(open_reader(gateway.folder / "ledger.sqlite")) as ledger:
        rows = ledger.usage(UsageQuery(by=("key", "tag", "outcome"))).rows
        return {row.group: row.totals.requests for row in rows}


def cost_of(gateway: Gateway, tag: str) -> int:
    """Pico-dollars."""
    with closing(open_reader(gateway.folder / "ledger.sqlite")) as ledger:
        return ledger.usage(UsageQuery(tag=tag)).total.cost


def told(gateway: Gateway) -> list[tuple[str | None, str]]:
    """Whose events there are, and how each ended."""
    with closing(book_of(gateway)) as book:
        return [(event.task, event.outcome) for _, event in Events(book).read()]
