"""A console over a gateway that may be there or not: in a test's own process, or by `tollway up`.

Everything listens on loopback and ends with the test.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_fleet import LiveFleet, demo

from tollway.console.adminkey import make_admin_key
from tollway.console.clocks import Clocks
from tollway.console.house import House
from tollway.gateway.log import Log

FLEET = """version = 1
[console]
listen = "127.0.0.1:0"

[models.m]

[sources.one]
kind = "server"
url = "http://127.0.0.1:9/v1"

[sources.one.serves.m]
precision = "fp8"
prices = [{ since = 2026-01-01, input = "0.50", output = "1.50" }]

[routes.chat]
model = "m"
candidates = ["one"]

[tenants.team]
"""


@dataclass
class Site:
    """A running console. `key` is the admin key, `client_key` a virtual key of the gateway's, empty
    where there is none."""

    url: str
    key: str
    state: Path
    fleet_file: Path
    gateway: str = ""
    client_key: str = ""
    live: LiveFleet | None = None
    house: House | None = None


@asynccontextmanager
async def console(folder: Path, fleet: str = FLEET) -> AsyncIterator[Site]:
    """A console in this process, without a gateway. The state folder may be filled before."""
    state, file = _written(folder, fleet)
    key = make_admin_key(state)
    async with House(file, state, Log(time.time), Clocks(time.time, time.monotonic)) as house:
        yield Site(house.url, key, state, file, house=house)


def _written(folder: Path, fleet: str) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    state, file = folder / "state", folder / "fleet.toml"
    state.mkdir(mode=0o700, exist_ok=True)
    file.write_text(fleet)
    return state, file


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """The demo fleet, with its console, as `tollway up` starts it and `tollway down` ends it."""
    live = demo(folder)
    live.file.write_text(live.text)
    state = ["--state", str(live.state)]
    try:
        up = json.loads(_run("up", str(live.file), *state, "--json"))
        yield Site(
            up["console"],
            up["console_key"],
            live.state,
            live.file,
            live.url,
            up["key"],
            live,
        )
    finally:
        _run("down", *state)


def printed(*words: str) -> Any:
    """What a command prints with --json, whatever its exit code."""
    return json.loads(_run(*words, "--json", check=False))


def _run(*words: str, check: bool = True) -> bytes:
    command = [sys.executable, "-m", "tollway", *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TOLLWAY_")}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=100, check=False)
    fine = done.returncode == 0 if check else done.stdout
    assert fine, done.stderr.decode()
    return done.stdout
