"""A console over a gateway that may be there or not, in a test's own process or as `tollway serve`.

Everything listens on loopback and ends with the test.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from live_fleet import LiveFleet, demo

from tollway.cli.demo import demo_key
from tollway.console.adminkey import make_admin_key
from tollway.console.clocks import Clocks
from tollway.console.house import House
from tollway.gateway.log import Log
from tollway.inspect.fleetfile import read_fleet

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
def serving(folder: Path, change: str = "") -> Iterator[Site]:
    """The demo fleet, with `change` behind it, served by a child process with its console."""
    live = demo(folder)
    live.text += change
    live.file.write_text(live.text)
    live.state.mkdir(mode=0o700, exist_ok=True)
    fleet = read_fleet(live.file)
    client_key = demo_key(live.state, live.state / fleet.gateway.ledger, fleet) or ""
    key = make_admin_key(live.state)
    command = [sys.executable, "-m", "tollway", "serve", str(live.file), "--state", str(live.state)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TOLLWAY_")}
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
    url = f"http://127.0.0.1:{live.ports['console']}"
    try:
        _await(f"{live.url}/readyz", process)
        _await(f"{url}/sign-in", process)
        yield Site(url, key, live.state, live.file, live.url, client_key, live)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def printed(*words: str) -> Any:
    """What a command prints with --json, whatever its exit code."""
    command = [sys.executable, "-m", "tollway", *words, "--json"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TOLLWAY_")}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)


def _await(url: str, process: "subprocess.Popen[bytes]", patience: float = 40.0) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            assert process.poll() is None, "the gateway ended"
            assert time.monotonic() < end, f"{url} did not answer"
        time.sleep(0.05)
