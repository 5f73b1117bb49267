"""`tollway audit`: exit codes tell the truth, and nothing that fails counts as fine."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from built_packages import artifact, tarball, wheel
from inline_snapshot import snapshot
from msgspec.structs import replace

from tollway.cli.app import run
from tollway.inspect.packages.entries import npm, pypi
from tollway.pins.component import (
    Component,
    McpServer,
    ModelApi,
    PinnedFile,
    Publisher,
    PypiPackage,
    Runtime,
    Weights,
)
from tollway.pins.lock import Lock, lock_text, read_lock

_TODAY = "2026-11-20"
_CLEAN = {
    "id": "X-1",
    "modified": "2026-11-19T00:00:00Z",
    "affected": [
        {"package": {"ecosystem": "PyPI", "name": "other"}, "versions": ["1.0"]},
        {"package": {"ecosystem": "npm", "name": "other"}, "versions": ["1.0.0"]},
    ],
}

Served = dict[str, tuple[int, bytes]]


@pytest.fixture
def index() -> Iterator[tuple[str, Served]]:
    """An index on loopback: its URL, and what it answers by path."""
    served: Served = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = served.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "/simple/x/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple", served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def advisories(tmp_path: Path) -> Path:
    folder = tmp_path / "osv"
    folder.mkdir()
    (folder / "X-1.json").write_text(json.dumps(_CLEAN))
    return folder


def _lock(folder: Path, *components: Component) -> Path:
    path = folder / "ai.lock"
    path.write_text(lock_text(Lock(component=components)))
    return path


def _store(folder: Path) -> tuple[Path, Any]:
    store = folder / "store"
    store.mkdir()
    path = wheel(store, "x", "1.0", {"x/__init__.py": ""})
    package = pypi("x", "1.0", [artifact(path, day=1)], publishers=())
    return store, package


def _page(package: Any, **facts: object) -> bytes:
    file = package.artifacts[0]
    told = {
        "filename": file.name,
        "hashes": {"sha256": file.digest.partition(":")[2]},
        "size": file.size,
        "upload-time": "2026-10-01T00:00:00Z",
        "yanked": False,
        "provenance": None,
        **facts,
    }
    kept = {key: value for key, value in told.items() if value is not ...}
    return json.dumps({"meta": {"api-version": "1.4"}, "name": "x", "files": [kept]}).encode()


def _audit(
    capsys: pytest.CaptureFixture[str], lock: Path, *options: str
) -> tuple[int, dict[str, Any]]:
    code = run(["audit", str(lock), "--json", "--today", _TODAY, *options])
    return code, json.loads(capsys.readouterr().out)


def test_all_looked_at_and_nothing_found_is_0(
    tmp_path: Path, index: tuple[str, Served], advisories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    served["/simple/x/"] = 200, _page(package)
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    code, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert (code, told["findings"], told["unaudited"]) == (0, [], [])


_UNAUDITED: Mapping[str, Callable[[Any], tuple[int, bytes]]] = {
    "it answered 404": lambda _: (404, b""),
    "it answered 500": lambda _: (500, b""),
    "it answered 302": lambda _: (302, b""),
    "its answer is not JSON": lambda it: (200, _page(it)[:80]),
    "is no page of a simple index": lambda _: (200, b'{"files": []}'),
    "has api-version '2.0'": lambda _: (200, b'{"meta": {"api-version": "2.0"}, "files": []}'),
    "the index has no upload time of it": lambda it: (200, _page(it, **{"upload-time": ...})),
    "the index does not tell of any": lambda it: (200, _page(it, provenance=...)),
    "the index names another host for them, and that is not asked": lambda it: (
        200,
        _page(it, provenance="http://169.254.0.1/x"),
    ),
    "the index gives no sha256 of it": lambda it: (200, _page(it, hashes={"sha512": "0" * 128})),
}


@pytest.mark.parametrize("why", list(_UNAUDITED))
def test_what_an_index_fails_to_say_is_not_audited(
    why: str,
    tmp_path: Path,
    index: tuple[str, Served],
    advisories: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    served["/simple/x/"] = _UNAUDITED[why](package)
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    code, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert (code, told["findings"]) == (3, [])
    assert any(why in it["why"] for it in told["unaudited"])


_FOUND: Mapping[str, Callable[[Any], bytes]] = {
    "package.yanked": lambda it: _page(it, yanked="broken"),
    "package.vanished": lambda it: _page(it, filename="y-1.0.tar.gz", hashes={"sha256": "0" * 64}),
    "package.artifact-replaced": lambda it: _page(it, hashes={"sha256": "0" * 64}),
}


@pytest.mark.parametrize("rule", list(_FOUND))
def test_what_an_index_says_now_is_held_against_the_lock(
    rule: str,
    tmp_path: Path,
    index: tuple[str, Served],
    advisories: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    served["/simple/x/"] = 200, _FOUND[rule](package)
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    code, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert code == 1
    assert [it["rule"] for it in told["findings"]] == [rule]


def test_a_provenance_that_does_not_hold_is_an_alarm_and_a_lost_one_too(
    tmp_path: Path, index: tuple[str, Served], advisories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    place = url.removesuffix("/simple")
    served["/simple/x/"] = 200, _page(package, provenance=f"{place}/proof")
    served["/proof"] = 200, b'{"version": 1, "attestation_bundles": []}'
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    _, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert [it["rule"] for it in told["findings"]] == ["package.attestation-invalid"]
    served["/proof"] = 404, b""
    code, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert (code, [it["why"] for it in told["unaudited"]]) == (3, ["it answered 404"])
    served["/simple/x/"] = 200, _page(package)
    publisher = Publisher(kind="GitHub", identity="x/x", workflow="release.yml")
    locked = replace(package, publishers=(publisher,))
    code, told = _audit(capsys, _lock(tmp_path, locked), *options)
    assert (code, [it["rule"] for it in told["findings"]]) == (1, ["package.publisher-changed"])


def test_what_was_learned_is_written_and_never_replaces_what_was_locked(
    tmp_path: Path, index: tuple[str, Served], advisories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    served["/simple/x/"] = 200, _page(package, yanked="broken")
    bare = replace(package.artifacts[0], size=None, uploaded=None)
    publisher = Publisher(kind="GitHub", identity="x/x", workflow="release.yml")
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    for publishers, kept in ((None, ()), ((publisher,), (publisher,))):
        lock = _lock(tmp_path, replace(package, artifacts=(bare,), publishers=publishers))
        _audit(capsys, lock, *options, "--write")
        (now,) = read_lock(lock.read_text(), "ai.lock").component
        assert isinstance(now, PypiPackage)
        assert (now.publishers, now.startup, now.scripts) == (kept, (), ())
        artifact_ = now.artifacts[0]
        assert (artifact_.size, artifact_.yanked) == (package.artifacts[0].size, "broken")
        assert artifact_.uploaded == package.artifacts[0].uploaded


def _stale(folder: Path) -> None:
    record = {**_CLEAN, "modified": "2026-10-01T00:00:00Z"}
    (folder / "X-1.json").write_text(json.dumps(record))


def _emptied(folder: Path) -> None:
    (folder / "X-1.json").unlink()


def _broken(folder: Path) -> None:
    (folder / "X-2.json").write_text('{"id": "X-2"')


def _npm_only(folder: Path) -> None:
    record = {**_CLEAN, "affected": _CLEAN["affected"][1:]}  # type: ignore[index]
    (folder / "X-1.json").write_text(json.dumps(record))


def _commits(folder: Path) -> None:
    ranges = [{"type": "GIT", "events": [{"introduced": "0"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": ranges}]
    record = {**_CLEAN, "id": "X-2", "affected": affected}
    (folder / "X-2.json").write_text(json.dumps(record))


def _no_zip(folder: Path) -> None:
    (folder / "all.zip").write_bytes(b"PK")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_stale, "the newest of them is 50 days old; at most 7 are allowed"),
        (_emptied, "those that were given hold none for pypi"),
        (_broken, "it is no OSV record"),
        (_npm_only, "those that were given hold none for pypi"),
        (_commits, "it does not say whether 1.0 is affected"),
        (_no_zip, "it cannot be read: File is not a zip file"),
    ],
)
def test_advisories_that_do_not_answer_leave_packages_unaudited(
    spoil: Callable[[Path], None],
    why: str,
    tmp_path: Path,
    index: tuple[str, Served],
    advisories: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, package = _store(tmp_path)
    url, served = index
    served["/simple/x/"] = 200, _page(package)
    spoil(advisories)
    options = ["--index", url, "--advisories", str(advisories), "--artifacts", str(store)]
    code, told = _audit(capsys, _lock(tmp_path, package), *options)
    assert (code, told["findings"]) == (3, [])
    assert any(why in it["why"] for it in told["unaudited"])


def test_an_advisory_about_a_release_is_a_finding(
    tmp_path: Path, advisories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for id_, ecosystem, name in (("GHSA-1", "PyPI", "X"), ("MAL-1", "npm", "@a/b")):
        affected = [{"package": {"ecosystem": ecosystem, "name": name}, "versions": ["1.0.0"]}]
        record = {**_CLEAN, "id": id_, "summary": "It is bad.", "affected": affected}
        (advisories / f"{id_}.json").write_text(json.dumps(record))
    path = tarball(tmp_path / "b-1.0.0.tgz", {"package.json": "{}"}, "package")
    _, package = _store(tmp_path)
    lock = _lock(tmp_path, package, npm("@a/b", "1.0.0", [artifact(path, "sha512")]))
    code, told = _audit(capsys, lock, "--offline", "--advisories", str(advisories))
    assert code == 1
    rules = [(it["component"], it["rule"]) for it in told["findings"]]
    assert rules == [
        ("npm:@a/b@1.0.0", "package.malware"),
        ("pypi:x", "package.advisory"),
    ]


def test_every_kind_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = PinnedFile(path="m.bin", digest="sha256:" + "0" * 64, size=1)
    lock = _lock(
        tmp_path,
        ModelApi(name="s/m", purl="p", source="s", version="m", moving=True, fallback="w"),
        Weights(name="w", purl="p", files=(file,), formats=()),
        McpServer(name="mail", purl="p", runs=("npx", "mail"), fallback="by hand"),
        Runtime(name="python", purl="p", version="3.11"),
        pypi("litellm", "1.82.8", [], startup=("litellm_init.pth",), scripts=("setup.py",)),
    )
    code = run(["audit", str(lock), "--offline", "--today", _TODAY])
    assert code == 1
    shown = "\n".join(
        line for line in capsys.readouterr().out.splitlines() if "weights" not in line
    )
    assert shown == snapshot("""\
alarm pypi:litellm: 1.82.8 is hostile: LiteLLM: a .pth file runs at every start of the interpreter and sends credentials away (https://blog.mozilla.ai/hardening-your-llm-dependency-supply-chain). Take it out, and run: tollway incident pypi:litellm@1.82.8 [package.known-bad]
look  model-api:s/m: m is an alias that the provider may point elsewhere. Ask for a dated snapshot. [model.moving-alias]
look  pypi:litellm: no artifact of it is locked. Lock it from a file with hashes. [package.no-artifact]
look  pypi:litellm: an interpreter runs litellm_init.pth at every start. Read it, then accept it. [package.startup-file]
look  pypi:litellm: installing it runs setup.py. Read it, then accept it. [package.install-script]
look  mcp:mail: its tools are not pinned, so it may describe them anew at any time. Run: tollway tools pin [mcp.no-tool-pins]
look  runtime:python: 3.11 is locked by its version alone. Lock it where its file is at hand. [runtime.no-digest]
not audited pypi:litellm: advisories: none were given; name a folder of OSV records with --advisories
not audited pypi:litellm: its index: --offline was given
not audited pypi:litellm: its publisher: nobody looked for attestations of it
not audited mcp:mail: its code: no package of the lock is named as what its command runs\
""")  # noqa: E501


@pytest.mark.parametrize(
    ("today", "rule"),
    [
        ("2026-09-11", None),
        ("2026-09-12", "model.shutdown-in-90-days"),
        ("2026-11-11", "model.shutdown-in-30-days"),
        ("2026-12-04", "model.shutdown-in-7-days"),
        ("2026-12-11", "model.shutdown-in-7-days"),
        ("2026-12-12", "model.shut-down"),
    ],
)
def test_a_models_end_is_told_ahead(
    today: str, rule: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import date

    model = ModelApi(
        name="s/gpt-5", purl="p", source="s", fallback="x", shutdown=date(2026, 12, 11)
    )
    lock = _lock(tmp_path, model)
    code = run(["audit", str(lock), "--json", "--today", today])
    told = json.loads(capsys.readouterr().out)
    assert [it["rule"] for it in told["findings"]] == ([rule] if rule else [])
    assert code == (1 if rule else 0)


def test_what_is_accepted_is_left_out_until_its_day() -> None:
    from datetime import date

    from tollway.pins.auditing import accepting
    from tollway.pins.finding import Finding, Findings

    one = Finding("model-api:s/m", "model.moving-alias", "moves", "Stop it.")
    accepted = {("model-api:s/m", "model.moving-alias"): ("trial", date(2026, 11, 20))}
    found = Findings((one,), (), 1)
    assert accepting(found, accepted, date(2026, 11, 20)).exit_code == 0
    late = accepting(found, accepted, date(2026, 11, 21))
    assert [it.rule for it in late.found] == ["model.moving-alias", "audit.acceptance-expired"]
    other = {("model-api:s/m", "fallback.missing"): ("trial", date(2027, 1, 1))}
    assert accepting(found, other, date(2026, 11, 20)).exit_code == 1


_FLEET = """
version = 1
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves = { m = {} }
[tenants.t]
[[pins.accept]]
component = "model-api:s/m"
rule = "model.moving-alias"
reason = "a trial"
until = 2026-11-30
"""


def test_the_fleet_file_says_what_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ModelApi(name="s/m", purl="p", source="s", version="m", moving=True, fallback="w")
    lock = _lock(tmp_path, model)
    assert run(["audit", str(lock), "--today", _TODAY]) == 1
    (tmp_path / "fleet.toml").write_text(_FLEET)
    assert run(["audit", str(lock), "--today", _TODAY]) == 0
    assert run(["audit", str(lock), "--today", "2026-12-01"]) == 1
    assert "was accepted until 2026-11-30 (a trial)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["absent.lock"], "absent.lock: cannot be read: No such file or directory"),
        (["ai.lock", "--today", "soon"], "--today is 'soon'"),
        (["ai.lock", "--advisories", "absent"], "absent: is not there"),
        (["ai.lock", "--artifacts", "absent"], "absent: is no folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _lock(tmp_path)
    assert run(["audit", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_a_large_lock_is_audited_in_a_glance(
    tmp_path: Path, advisories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, package = _store(tmp_path)
    many = [pypi(f"x{at}", "1.0", package.artifacts) for at in range(500)]
    code, told = _audit(
        capsys, _lock(tmp_path, *many), "--offline", "--advisories", str(advisories)
    )
    assert (code, told["looked"]) == (3, 500)
