"""Who asks is told by the channel; what is held is answered by release; what is locked is looked
for again."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from index_rig import JSON, Index, Installer, Upstream, decisions, npm, pypi, running, table

from tollway.cli.app import run
from tollway.gateway.doors import INDEX_SOCKET, open_door
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.tasks import Tasks
from tollway.pins.component import Artifact, NpmPackage, Publisher, PypiPackage
from tollway.pins.lock import Lock, lock_text

RELEASE = {"kind": "GitHub", "repository": "acme/tool", "workflow": "release.yml"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as it:
        it.add_wheel("tool", "1.0", {"tool.py": ""})
        it.add_wheel("tool", "1.1", {"tool.py": "young"}, age=60.0)
        it.add_npm("tool", "1.0.0", {}, user={"name": "acme"})
        yield it


@pytest.fixture
def index(tmp_path: Path, upstream: Upstream) -> Iterator[Index]:
    text = table({"pypi": pypi(upstream), "npm": npm(upstream)}, unranked="allow")
    with running(Index(tmp_path, text)) as it:
        yield it


async def test_a_door_is_its_tasks_and_its_receipt_names_what_was_fetched_and_denied(
    index: Index, tmp_path: Path
) -> None:
    with closing(GuardBook(index.state / GUARD_BOOK)) as book:
        task, _ = Tasks(book).open("t", time.time(), 60.0, None)
        path = tmp_path / "door.sock"
        async with open_door(index.state / INDEX_SOCKET, task.id, path):
            transport = httpx2.AsyncHTTPTransport(uds=str(path))
            url = "http://127.0.0.1:8402"
            async with httpx2.AsyncClient(transport=transport, base_url=url) as client:
                page = await client.get("/pypi/simple/tool/", headers={"accept": JSON})
                good, held = page.json()["files"]
                assert (await client.get(f"/pypi/simple/tool/{good['url']}")).status_code == 200
                assert (await client.get(f"/pypi/simple/tool/{held['url']}")).status_code == 403
                tarball = (await client.get("/npm/tool")).json()["versions"]["1.0.0"]["dist"]
                assert tarball["tarball"].startswith(f"{url}/npm/tool/-/")
        assert not path.exists()
        until = time.monotonic() + 5.0  # events are written beside the road
        while len(found := Events(book).read(task.id)) < 2 and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    told = [(it.outcome, it.place, it.tenant) for _, it in found]
    assert told == [("allowed", "pypi:tool@1.0", "t"), ("asked", "pypi:tool@1.1", "t")]


def test_an_approval_serves_these_bytes_and_a_denial_takes_it_back(
    index: Index, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    state, fleet = ("--state", str(index.state)), ("--fleet", str(index.fleet))

    def served() -> list[str]:
        page = httpx2.get(f"{index.url}/pypi/simple/tool/", headers={"accept": JSON}).json()
        return [it["filename"] for it in page["files"] if it["yanked"] is False]

    old, young = "tool-1.0-py3-none-any.whl", "tool-1.1-py3-none-any.whl"
    assert served() == [old]
    assert run(["index", "approve", "tool@1.1", *fleet, *state, "--note", "read it"]) == 0
    assert "pypi:tool@1.1 is approved until" in capsys.readouterr().err
    assert served() == [old, young]
    changed = upstream.pages["tool"].pop()
    upstream.add_wheel("tool", "1.1", {"tool.py": "other bytes"}, age=60.0)
    assert served() == [old]
    upstream.pages["tool"][-1] = changed
    assert served() == [old, young]
    assert run(["index", "queue", "--every", "--json", *state]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["state"], row["version"], row["note"]) == ("granted", "1.1", "read it")
    assert row["digests"] == [f"sha256:{changed['hashes']['sha256']}"]
    assert run(["index", "deny", "tool@1.1", *state]) == 0
    assert served() == [old]
    index.later = 8 * 86400.0  # old enough by itself
    time.sleep(0.01)
    assert served() == [old, young]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("approve", "tool@1.0"), "is served already"),
        (("approve", "tool@9"), "no such version"),
        (("approve", "tool"), "Name the version too"),
        (("approve", "pypi:nothing@1"), "does not have it"),
        (("deny", "tool"), "does not wait"),
    ],
)
def test_what_cannot_be_answered_is_said(
    index: Index, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    more = ("--fleet", str(index.fleet)) if words[0] == "approve" else ()
    assert run(["index", *words, *more, "--state", str(index.state)]) == 2
    assert why in capsys.readouterr().err


def locked(upstream: Upstream) -> str:
    facts = upstream.pages["tool"][0]
    upstream.provenance("tool", facts, RELEASE)
    artifact = Artifact(name=facts["filename"], digest=f"sha256:{facts['hashes']['sha256']}")
    publisher = Publisher(kind="GitHub", identity="acme/tool", workflow="release.yml")
    one = PypiPackage(
        name="tool", version="1.0", purl="pkg:pypi/tool@1.0", artifacts=(artifact,),
        publishers=(publisher,),
    )  # fmt: skip
    two = NpmPackage(
        name="gone@1.0.0", version="1.0.0", purl="pkg:npm/gone@1.0.0",
        artifacts=(Artifact(name="gone-1.0.0.tgz", digest="sha512:" + "0" * 128),),
    )  # fmt: skip
    return lock_text(Lock(component=(one, two)))


def test_a_check_finds_what_vanished_changed_hands_or_could_not_be_asked(
    index: Index, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["index", "check", "--fleet", str(index.fleet), "--json"]
    lock = locked(upstream)
    (index.folder / "ai.lock").write_text(lock)

    def rules() -> tuple[int, list[str], list[str]]:
        code = run(words)
        told = json.loads(capsys.readouterr().out)
        rules = [it["rule"] for it in told["found"]]
        return code, rules, [it["what"] for it in told["unaudited"]]

    assert rules() == (1, ["index.vanished"], [])
    upstream.add_npm("gone", "1.0.0", {})
    assert rules() == (1, ["index.changed"], [])  # the version is back with other bytes
    (index.folder / "ai.lock").write_text(lock[: lock.index("[[component]]", 200)])
    facts = upstream.pages["tool"][0]
    assert rules() == (0, [], [])
    upstream.provenance("tool", facts, {**RELEASE, "repository": "mallory/tool"})
    assert rules() == (1, ["index.publisher"], [])
    del facts["provenance"]
    assert rules() == (1, ["index.publisher"], [])
    upstream.provenance("tool", facts, RELEASE)
    facts["yanked"] = "stolen key"
    assert rules() == (1, ["index.yanked"], [])
    facts["hashes"] = {"sha256": "0" * 64}
    assert rules() == (1, ["index.changed"], [])
    upstream.pages["tool"] = upstream.pages["tool"][1:]
    assert rules() == (1, ["index.vanished"], [])
    upstream.answers["/simple/tool/"] = lambda request: request.send_error(500)
    assert rules() == (3, [], ["its index's list"])


def test_a_reload_takes_all_of_the_new_file_or_nothing(
    index: Index, upstream: Upstream, tmp_path: Path
) -> None:
    def reload() -> bool:
        house, loop = index.house, index.loop  # type: ignore[attr-defined]
        return asyncio.run_coroutine_threadsafe(house.reload(), loop).result(10)

    def status() -> int:
        return httpx2.get(f"{index.url}/pypi/simple/tool/").status_code

    text = index.fleet.read_text()
    index.fleet.write_text(text.replace("[index]", '[index]\nmode = "lock"'))
    assert not reload()  # there is no lock
    assert status() == 200
    (tmp_path / "ai.lock").write_text(lock_text(Lock()))
    assert reload()
    assert status() == 404
    index.fleet.write_text(text)
    assert reload()
    assert status() == 200


def test_a_lock_serves_pip_uv_and_npm_what_it_names(tmp_path: Path, upstream: Upstream) -> None:
    facts = upstream.pages["tool"][0]
    dist = upstream.packuments["tool"]["versions"]["1.0.0"]["dist"]
    import base64

    sha512 = base64.b64decode(dist["integrity"].removeprefix("sha512-")).hex()
    one = PypiPackage(
        name="tool", version="1.0", purl="pkg:pypi/tool@1.0",
        artifacts=(Artifact(name="x", digest=f"sha256:{facts['hashes']['sha256']}"),),
    )  # fmt: skip
    two = NpmPackage(
        name="tool@1.0.0", version="1.0.0", purl="pkg:npm/tool@1.0.0",
        artifacts=(Artifact(name="x", digest=f"sha512:{sha512}"),),
    )  # fmt: skip
    (tmp_path / "ai.lock").write_text(lock_text(Lock(component=(one, two))))
    upstream.add_npm("tool", "1.1.0", {})
    upstream.add_npm("other", "1.0.0", {})
    tables = table({"pypi": pypi(upstream), "npm": npm(upstream)}, 'mode = "lock"')
    with running(Index(tmp_path, tables)) as index:
        programs = Installer(tmp_path, index)
        assert programs.pip("tool", "--no-deps").returncode == 0
        assert programs.has("tool-1.0")
        assert programs.uv("tool==1.1").returncode != 0
        assert programs.npm("tool").returncode == 0
        package = programs.into / "node_modules/tool/package.json"
        assert json.loads(package.read_text())["version"] == "1.0.0"
        refused = programs.npm("other")
        assert "it is not in the lock (tollway lock)" in refused.stderr
        assert upstream.asked.count("/npm/other") == 0
    assert ("denied", "npm:other", "index.unlocked") in decisions(programs)
