"""Gemini CLI, Claude Code and Codex each do their task in a sandbox, and reach nothing else."""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clis import BLUE, CLIS, DONE, RED, Cli, Place, transcript
from needs import needs_ns
from programs import NPM, Launch, node
from tollway_between import Between, tollway_between

PROBE = Path(__file__).parent / "probe.js"
MODELS = "http://127.0.0.1:8400"
EGRESS = '[egress]\nlisten = "127.0.0.1:0"\n'
# The files to work on are copied: what is mounted cannot be written.
BEGIN = """cp /given/*.txt . && "$@"; code=$?; "$1" /given/probe.js {host} {other} {port} >probe.txt
exit $code"""
HOST, OTHER = "127.0.0.1", "127.0.0.2"
"""The first is the sandbox's own inside, the second is asked for over the proxy."""

pytestmark = pytest.mark.slow


@dataclass
class Listener:
    """Somewhere on this machine that nobody in a sandbox may reach."""

    reached: int = 0
    port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    one = await asyncio.start_server(listener.serve, HOST, 0)
    listener.port = one.sockets[0].getsockname()[1]
    two = await asyncio.start_server(listener.serve, OTHER, listener.port)
    async with one, two:
        yield listener


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: a Unix socket's path has 107 characters at most."""
    made = Path(tempfile.mkdtemp(prefix="tw"))
    yield made
    shutil.rmtree(made)


async def tollway(*words: str, folder: Path) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tollway", *words),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def inside(launch: Launch) -> tuple[str, ...]:
    """Its words, with programs where the sandbox has them."""
    moved = {str(NPM): "/opt/clients/node_modules", str(Path(node()).parents[1]): "/opt/node"}

    def move(word: str) -> str:
        for here, there in moved.items():
            word = word.replace(here, there)
        return word

    return tuple(map(move, launch.argv))


def shown() -> list[str]:
    """Node and the CLIs, where links to them lead."""
    own = Path(node()).resolve().parents[1]
    return ["--mount", f"{NPM.resolve()}:/opt/clients/node_modules", "--mount", f"{own}:/opt/node"]


async def run(launch: Launch, folder: Path, listener: Listener) -> tuple[int, str, str]:
    """Run it in a sandbox, with nothing of this machine's but its program and settings."""
    given = folder / "given"
    given.mkdir()
    (given / "red.txt").write_text(RED)
    (given / "blue.txt").write_text(BLUE)
    shutil.copy(PROBE, given)
    words = shown()
    words += ["--mount", f"{given}:/given"]
    for path in launch.home.rglob("*"):
        if path.is_file():
            words += ["--mount", f"{path}:/home/agent/{path.relative_to(launch.home)}"]
    for name, value in launch.environment.items():
        words += ["--env", f"{name}={value}"]
    words += ["--out", "both.txt", "--out", "probe.txt"]
    begin = BEGIN.format(host=HOST, other=OTHER, port=listener.port)
    begun = ("sh", "-c", begin, "sh", *inside(launch))
    return await tollway("run", "--state", str(folder), *words, "--", *begun, folder=folder)


async def receipt(between: Between) -> dict[str, Any]:
    state = ("--state", str(between.folder))
    _, out, _ = await tollway("runs", "--json", *state, folder=between.folder)
    [run] = json.loads(out)
    _, out, _ = await tollway("runs", "show", run["task"], "--json", *state, folder=between.folder)
    return json.loads(out)


@pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)
async def test_a_cli_does_its_task_in_a_sandbox_and_reaches_nothing_else(
    cli: Cli, folder: Path
) -> None:
    needs_ns()
    home = folder / "home"
    home.mkdir()
    launch = cli.launch(Place(Path("/workspace"), home, MODELS, "no-key", cli.model, ""))
    script = {cli.api: transcript(cli, Path("/workspace"))}
    routes = {cli.model: cli.api}
    async with (
        listening() as listener,
        tollway_between(folder, script, routes, EGRESS) as between,
    ):
        code, out, err = await run(launch, folder, listener)
        ran = await receipt(between)
    assert between.faults == {}
    assert code == 0, (out, err)
    assert cli.said(out) == DONE
    assert (folder / "both.txt").read_text() == RED + BLUE
    assert ran["models"]["completed"] == 3
    assert listener.reached == 0
    assert "reached" not in (folder / "probe.txt").read_text()
    assert "known" not in (folder / "probe.txt").read_text()
    assert {it["outcome"] for it in ran["connections"]} == {"denied"}
    assert OTHER in {it["host"] for it in ran["connections"]}  # Node's fetch asked the proxy


async def test_outside_the_same_ways_lead_out() -> None:
    async with listening() as listener:
        process = await asyncio.create_subprocess_exec(
            *(node(), str(PROBE), HOST, OTHER, str(listener.port)),
            stdout=asyncio.subprocess.PIPE,
            env={},
        )
        out, _ = await process.communicate()
    assert out.decode().count("reached") == listener.reached == 4
