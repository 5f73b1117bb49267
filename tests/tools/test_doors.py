"""A task's own way to tools: no token, no more tools than it was opened for, gone with the task."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from toolbox import (
    agent,
    book_of,
    house_of,
    lock,
    marks,
    opened,
    pinned_file,
    sent,
    text_of,
)

from tollway.errors import TollwayError
from tollway.gateway.doors import TOOLS_SOCKET, open_door
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.tasks import Tasks

URL = "http://127.0.0.1:8401/mcp"
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
NOTE = {"text": "x"}
NO_TOOLS = ("mail/nte", "mail/note", "mail__send")
BOB = {"to": ["bob@good.example"], "body": "x"}


@pytest.fixture(autouse=True, scope="module")
def pinned_before_any_loop_runs() -> None:
    lock()


def asked_at(folder: Path) -> Path:
    return folder / "state" / TOOLS_SOCKET


@asynccontextmanager
async def through(folder: Path, tools: tuple[str, ...] | None) -> AsyncIterator[tuple[str, Client]]:
    """A task, and its agent behind a door."""
    task, _ = opened(folder)
    path = folder / "s"
    async with (
        house_of(folder, pinned_file(folder)),
        open_door(asked_at(folder), task, path, tools) as door,
    ):
        assert door.pem == ""
        assert path.stat().st_mode & 0o777 == 0o600
        async with agent(None, "", uds=path) as client:
            yield task, client


def raw(path: Path) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        trust_env=False,
        transport=httpx2.AsyncHTTPTransport(uds=str(path)),
        headers={"Accept": "application/json, text/event-stream"},
        timeout=30,
    )


def call(name: str, **arguments: str) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}


async def names_of(client: Client) -> set[str]:
    return {it.name for it in (await client.list_tools()).tools}


async def test_a_door_needs_no_token_and_leads_to_all_that_the_fleet_allows(
    tmp_path: Path,
) -> None:
    async with through(tmp_path, None) as (task, client):
        assert {"mail__send", "mail__note", "mail__read_mail"} <= await names_of(client)
        assert not (await client.call_tool("mail__read_mail", {})).is_error
        assert "untrusted" in marks(tmp_path, task)
    assert TOOLS_SOCKET not in os.listdir(tmp_path / "state")
    assert not (tmp_path / "s").exists()


async def test_no_other_tool_is_listed_or_called_however_it_is_written(tmp_path: Path) -> None:
    async with through(tmp_path, ("mail/note",)) as (task, client):
        assert await names_of(client) == {"mail__note"}
        assert not (await client.call_tool("mail__note", NOTE)).is_error
        for name in (
            "mail__send", "mail/send", "mail__send ", " mail__send", "MAIL__SEND",
            "mail__note__send", "mail__mail__send", "mail/note__send", "mail__send\0",
            "mail__ｓend", "send", "", "__", "mail__note/../send", "mail__", "mail___send",
        ):  # fmt: skip
            assert (await client.call_tool(name, BOB)).is_error, name
        assert sent(tmp_path) == ["note x"]
        async with asyncio.timeout(5):
            while len(denied(tmp_path, task)) < 16:  # noqa: ASYNC110 - a thread writes them
                await asyncio.sleep(0.02)


def denied(folder: Path, task: str) -> list[str]:
    book = book_of(folder)
    found = [
        it.words for _, it in Events(book).read() if it.task == task and it.outcome == "denied"
    ]
    book.close()
    return found


async def test_the_same_task_may_call_it_through_a_door_that_was_opened_for_it(
    tmp_path: Path,
) -> None:
    async with through(tmp_path, ("mail/note", "mail/send")) as (_, client):
        assert await names_of(client) == {"mail__note", "mail__send"}
        assert not (await client.call_tool("mail__send", BOB)).is_error
        assert sent(tmp_path) == ["send bob@good.example x"]


async def test_a_door_for_no_tool_leads_to_none(tmp_path: Path) -> None:
    async with through(tmp_path, ()) as (_, client):
        assert await names_of(client) == set()
        assert (await client.call_tool("mail__note", NOTE)).is_error
    assert sent(tmp_path) == []


async def test_what_a_rule_denies_stays_denied_though_a_door_names_it(tmp_path: Path) -> None:
    task, _ = opened(tmp_path)
    fleet = pinned_file(tmp_path)
    rule = '\n[[tools.rules]]\nname = "no"\ntools = ["mail/note"]\n'
    fleet.write_text(fleet.read_text() + rule)
    path = tmp_path / "s"
    only = ("mail/note",)
    async with (
        house_of(tmp_path, fleet),
        open_door(asked_at(tmp_path), task, path, only),
        agent(None, "", uds=path) as client,
    ):
        assert await names_of(client) == set()
        assert 'rule "no"' in text_of(await client.call_tool("mail__note", NOTE))


async def test_names_that_are_no_tools_are_told_with_what_is_meant(tmp_path: Path) -> None:
    task, _ = opened(tmp_path)
    async with house_of(tmp_path, pinned_file(tmp_path)):
        door = open_door(asked_at(tmp_path), task, tmp_path / "s", NO_TOOLS)
        with pytest.raises(TollwayError) as refused:
            await door.__aenter__()
        first, second = str(refused.value).splitlines()
        assert first.startswith('tools: --allow-tool is "mail/nte"; known: mail/environment')
        assert first.endswith('Did you mean "mail/note"?')
        assert second.endswith('Did you mean "mail/send"?')
        assert not (tmp_path / "s").exists()


async def test_a_call_under_way_ends_with_its_task_and_the_next_one_is_refused(
    tmp_path: Path,
) -> None:
    task, _ = opened(tmp_path)
    path = tmp_path / "s"
    async with (
        house_of(tmp_path, pinned_file(tmp_path)),
        open_door(asked_at(tmp_path), task, path),
        raw(path) as http,
    ):
        hanging = asyncio.ensure_future(http.post(URL, json=call("mail__odd", how="hang")))
        async with asyncio.timeout(10):
            while "effect" not in marks(tmp_path, task):  # noqa: ASYNC110 - a thread marks it
                await asyncio.sleep(0.02)
        begun = time.monotonic()
        book = book_of(tmp_path)
        Tasks(book).close(task, time.time())
        book.close()
        with pytest.raises(httpx2.TransportError):
            await hanging
        assert time.monotonic() - begun < 1.5
        with pytest.raises(httpx2.TransportError):
            await http.post(URL, json=call("mail__note", text="x"))
    assert "note x" not in sent(tmp_path)


async def test_headers_do_not_say_whose_door_it_is(tmp_path: Path) -> None:
    task, _ = opened(tmp_path)
    other, token = opened(tmp_path)
    path = tmp_path / "s"
    async with (
        house_of(tmp_path, pinned_file(tmp_path)),
        open_door(asked_at(tmp_path), task, path, ("mail/read_mail",)),
        raw(path) as http,
    ):
        said = {"Authorization": f"Bearer {token}", "Mcp-Session-Id": other}
        answer = await http.post(URL, json=LISTING, headers=said)
        assert [it["name"] for it in answer.json()["result"]["tools"]] == ["mail__read_mail"]
        assert (await http.post(URL, json=call("mail__read_mail"), headers=said)).status_code == 200
        assert "untrusted" in marks(tmp_path, task)
        assert marks(tmp_path, other) == set()
        hosts = {"localhost:1": 200, "127.0.0.1": 200, "mcp.example": 421, "127.0.0.1.evil.io": 421}
        for host, status in hosts.items():
            answer = await http.post(URL, json=LISTING, headers={"Host": host})
            assert answer.status_code == status, host
        browser = {"Origin": "http://127.0.0.1:8401"}
        assert (await http.post(URL, json=LISTING, headers=browser)).status_code == 403
        for elsewhere in ("/", "/admin", "/metrics", "/mcp/../admin", "/status"):
            answer = await http.get(f"http://127.0.0.1:8401{elsewhere}")
            assert answer.status_code == 404, elsewhere


async def test_a_reload_keeps_doors_and_what_they_were_opened_for(tmp_path: Path) -> None:
    task, _ = opened(tmp_path)
    path = tmp_path / "s"
    async with (
        house_of(tmp_path, pinned_file(tmp_path)) as house,
        open_door(asked_at(tmp_path), task, path, ("mail/note",)),
    ):
        assert await house.reload()
        async with agent(None, "", uds=path) as client:
            assert await names_of(client) == {"mail__note"}
            assert not (await client.call_tool("mail__note", NOTE)).is_error
            assert (await client.call_tool("mail__send", BOB)).is_error
