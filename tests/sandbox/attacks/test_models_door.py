"""Identity: what a sandbox says of itself at the door to models. The ledger is the fact."""

import asyncio
import http.client
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attack import Attack, Scene
from doors import relayed
from live_fleet import MODEL, demo
from trial import fails, succeeds

from tollway.gateway.doors import MODELS_SOCKET, open_door
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.tasks import Tasks

pytestmark = [pytest.mark.slow]

PROGRAM = r"""
import http.client
def post(path="/v1/chat/completions", lines=(), method="POST", body=None, there=None):
    there = there or http.client.HTTPConnection("127.0.0.1", 8400, timeout=15)
    asked = {"model": F["model"], "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
    sent = None if method == "GET" else json.dumps(asked if body is None else body)
    there.request(method, path, sent, {"Content-Type": "application/json", **dict(lines)})
    got = there.getresponse()
    text = got.read()
    say(method, path, got.status, text[:1500])
    return text
mine = {"Authorization": "Bearer " + F["mine"]}
theirs = {"Authorization": "Bearer " + F["theirs"]}
"""


def known(port: int, key: str) -> None:
    """Wait until the gateway knows a key."""
    for _ in range(200):
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        asking.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        status = asking.getresponse().status
        asking.close()
        if status == 200:
            return
        time.sleep(0.02)
    raise AssertionError("the key is not known")


@asynccontextmanager
async def models(scene: Scene) -> AsyncIterator[None]:
    """A whole fleet behind exit 8400, with a key for the task and another's that it has found.
    Off may be `token.`: requests are whose they say."""
    folder = Path(tempfile.mkdtemp(prefix="twm-", dir="/tmp"))
    live = demo(folder)
    try:
        await live.start()
        code, out, err = await live.run("keys", "create", "--tenant", "demo", "--json")
        assert code == 0, err
        made = json.loads(out)
        await asyncio.to_thread(known, live.ports["gateway"], made["key"])
        book = GuardBook(live.state / GUARD_BOOK)
        task, _ = Tasks(book).open("demo", time.time(), 600, None, made["id"])
        scene.facts.update(model=MODEL, mine=made["key"], theirs=live.key)
        scene.found.update(live=live, key=live.key.split("_")[1], task=task.id)
        scene.exits[8400] = folder / "door"
        door = (
            relayed(folder / "door", "127.0.0.1", live.ports["gateway"])
            if "token." in scene.off
            else open_door(live.state / MODELS_SOCKET, task.id, folder / "door")
        )
        async with door:
            yield
        book.close()
    finally:
        await live.close()
        shutil.rmtree(folder, ignore_errors=True)


def charged(fits: Callable[[Scene, dict[str, object]], bool]) -> Callable[[Scene], bool]:
    """Whether there is such a row in the ledger; and the program did get an answer."""

    def judge(scene: Scene) -> bool:
        rows = scene.found["live"].rows()
        for _ in range(20):  # what was answered is on its way to the ledger
            if any(fits(scene, it) for it in rows):
                break
            time.sleep(0.1)
            rows = scene.found["live"].rows()
        scene.found["rows"] = [(it["key"], it["tag"], it["tenant"]) for it in rows]
        assert rows, bytes(scene.out)
        return any(fits(scene, it) for it in rows)

    return judge


IDENTITY = [
    Attack("another's key in a head", ("token.",), PROGRAM + """
with tried(): post(lines=theirs)
with tried(): post(lines={"x-api-key": F["theirs"]})
with tried(): post("/v1/messages", {"x-api-key": F["theirs"], "anthropic-version": "2023-06-01"})
with tried(): post("/v1/chat/completions?key=" + F["theirs"])
with tried():
    kept = http.client.HTTPConnection("127.0.0.1", 8400, timeout=15)
    post(lines=mine, there=kept)
    post(lines=theirs, there=kept)
with tried(): post(lines={**theirs, "X-Tollway-Task": "other", "X-Forwarded-For": "127.0.0.1"})
""", charged(lambda scene, row: row["key"] == scene.found["key"]), stage=models),
    Attack("another tag", ("token.",), PROGRAM + """
for one in ("X-Tollway-Tag", "x-tollway-tag", "X-TOLLWAY-TAG"):
    with tried(): post(lines={**mine, one: "task:other"})
""", charged(lambda scene, row: row["tag"] != "task:" + scene.found["task"]), stage=models),
    Attack("what is not for tasks", ("token.",), PROGRAM + """
post(lines=mine)
for one in ("/metrics", "/readyz", "/healthz", "/tollway/status", "/admin", "//metrics", "/v1/../metrics"):
    with tried(): post(one, mine, "GET")
""", lambda scene: b"# TYPE" in scene.out or b"GET /readyz 200" in scene.out, stage=models),
]  # fmt: skip

test_attack_fails = fails(IDENTITY)
test_attack_succeeds_without_its_defence = succeeds(IDENTITY)
