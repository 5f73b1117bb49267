"""`tollway up`: the gateway in the background, ready when this returns.

Rules
1. Exit 0 means that /readyz answered 200.
2. Running it again with the same fleet changes nothing and says the same.
3. What stops it from starting is one line that names the cause and the mend.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tollway.cli.demo import demo_fleet, demo_key
from tollway.cli.detach import Outcome, detach, is_ready, last_lines, wait_ready
from tollway.cli.invocation import this_command
from tollway.cli.ports import Holder, holder_of, is_busy
from tollway.cli.running import (
    Running,
    forget_running,
    read_running,
    start_of,
    write_running,
)
from tollway.console.adminkey import make_first_admin_key
from tollway.errors import TollwayError
from tollway.fleet.consoling import console_url
from tollway.fleet.objects import Fleet
from tollway.gateway.admin_client import ask_status
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.state import LOG, make_state_folder, state_folder

_ORPHAN_PATIENCE = 5.0
"""Seconds that the children of a killed gateway may take to notice and to leave their ports."""

_STOP_PATIENCE = 5.0
_CONSOLE_PATIENCE = 15.0
_LOOK_AGAIN = 0.05


class Up(msgspec.Struct, frozen=True):
    """How to reach a running gateway. `key` and `model` are None without a tenant or a route;
    `console` without one, and `console_key`, its admin key, unless it was made just now."""

    url: str
    key: str | None
    model: str | None
    log: str
    fleet: str
    state: str
    pid: int
    console: str | None = None
    console_key: str | None = None


def up(
    fleet: Path | None = None,
    /,
    *,
    state: str | None = None,
    wait: float = 60.0,
    json: bool = False,
) -> int:
    """Start the gateway in the background and wait until it is ready.

    Parameters
    ----------
    fleet
        The fleet file. Default: fleet.toml in the current directory, else a demo fleet.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    wait
        Seconds to wait until it is ready.
    json
        Print one JSON object.
    """
    folder = state_folder(state, os.environ)
    path = _fleet_path(fleet, folder)
    declared = read_fleet(path)
    make_state_folder(folder)
    with _one_at_a_time(folder):
        running = read_running(folder)
        if running is None:
            _refuse_busy_ports(declared, path)
            key = demo_key(folder, _ledger(folder, declared), declared)
            running = _start(declared, path, folder, wait)
            if running is None:
                return 1
        else:
            _same_fleet(running, declared, path, folder)
            if not is_ready(running.host, running.port):
                sys.stderr.write(
                    f"Process {running.pid} runs and is not ready: {folder / LOG} says why.\n"
                )
                return 1
            key = demo_key(folder, _ledger(folder, declared), declared)
            sys.stderr.write(f"Tollway is up already (process {running.pid}).\n")
        first = None if declared.console is None else make_first_admin_key(folder)
    said = _describe(declared, folder, running, key)
    _print(msgspec.structs.replace(said, console_key=first), json=json)
    return 0


def _fleet_path(named: Path | None, folder: Path) -> Path:
    if named is not None:
        return named.absolute()
    here = Path("fleet.toml").absolute()
    return here if here.is_file() else demo_fleet(folder)


def _ledger(folder: Path, fleet: Fleet) -> Path:
    return folder / fleet.gateway.ledger


def _address(fleet: Fleet) -> tuple[str, int]:
    """Where to reach the gateway from this machine."""
    host = fleet.gateway.host
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), fleet.gateway.port  # noqa: S104


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Two starts at once would both find nothing running."""
    with (folder / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another `tollway up` is at work here; waiting for it.\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _same_fleet(running: Running, fleet: Fleet, path: Path, folder: Path) -> None:
    if running.fleet != str(path):
        raise TollwayError(
            f"A gateway (process {running.pid}) runs here with another fleet, {running.fleet}. "
            f"Stop it first (`{this_command('down', folder)}`), or name another --state folder."
        )
    said = ask_status(Path(running.admin))
    if said is not None and said.digest != fleet.digest:
        sys.stderr.write(
            f"{path} has changed since the gateway read it; "
            f"`{this_command('reload', folder)}` puts the change into force.\n"
        )


def _refuse_busy_ports(fleet: Fleet, path: Path) -> None:
    gateway = fleet.gateway
    wanted = [("gateway.listen", gateway.host, gateway.port)]
    if fleet.console is not None:
        wanted.append(("console.listen", fleet.console.host, fleet.console.port))
    for source in fleet.sources.values():
        if source.emulation is not None:
            place = f"sources.{source.name}.listen"
            wanted.append((place, source.emulation.host, source.emulation.port))
    for place, host, port in wanted:
        holder = _holder(host, port)
        if holder is not None:
            raise TollwayError(
                f"{host}:{port} is taken by {holder}. Stop that process, or give {place} "
                f"in {path} another port."
            )


def _holder(host: str, port: int) -> Holder | str | None:
    deadline = time.monotonic() + _ORPHAN_PATIENCE
    while port and is_busy(host, port):
        holder = holder_of(port)
        orphan = holder is not None and "--until-eof" in holder.command
        if not orphan or time.monotonic() > deadline:
            return holder or "a process that this user may not look into"
        time.sleep(0.1)
    return None


def _start(fleet: Fleet, path: Path, folder: Path, wait: float) -> Running | None:
    """Start it and wait; None, with the reason on standard error, where it doesn't get ready."""
    log = folder / LOG
    since = log.stat().st_size if log.exists() else 0
    sys.stderr.write(f"Starting the gateway with {path}\n")
    command = [sys.executable, "-m", "tollway", "serve", str(path), "--state", str(folder)]
    child = detach(command, log)
    started = start_of(child.pid) or "gone"
    admin = str(folder / fleet.gateway.admin_socket)
    running = Running(child.pid, started, *_address(fleet), admin, str(path), fleet.gateway.drain)
    write_running(folder, running)
    outcome = wait_ready(child, running.host, running.port, wait, _report(wait))
    if outcome is Outcome.READY:
        _await_console(fleet)
        return running
    if outcome is Outcome.DIED:
        words = f"The gateway ended with exit code {child.returncode}. Its last words:"
    else:
        child.terminate()
        try:
            child.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
        words = f"The gateway was not ready after {wait:g} s (--wait), and was stopped. Its log:"
    forget_running(folder)
    shown = last_lines(log, min(since, log.stat().st_size)) or "(nothing)"
    sys.stderr.write(f"{words}\n{shown}\nThe whole log: {log}\n")
    return None


def _await_console(fleet: Fleet) -> None:
    """The gateway serves without it; only its address is not worth printing before it answers."""
    if fleet.console is None or fleet.console.port == 0:
        return
    end = time.monotonic() + _CONSOLE_PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection((fleet.console.host, fleet.console.port), 1.0).close()
        except OSError:
            time.sleep(_LOOK_AGAIN)
        else:
            return
    sys.stderr.write("The console is not there yet; the log says why, should it not come.\n")


def _report(patience: float) -> Callable[[float], None]:
    def report(waited: float) -> None:
        sys.stderr.write(f"  not ready yet, {waited:.0f} s of {patience:g} s\n")

    return report


def _describe(fleet: Fleet, folder: Path, running: Running, key: str | None) -> Up:
    return Up(
        url=running.url,
        key=key,
        model="chat" if "chat" in fleet.routes else next(iter(fleet.routes), None),
        log=str(folder / LOG),
        fleet=running.fleet,
        state=str(folder),
        pid=running.pid,
        console=None if fleet.console is None else console_url(fleet.console),
    )


def _print(up: Up, *, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(up).decode() + "\n")
        return
    folder = Path(up.state)
    create = this_command("keys create --tenant NAME", folder)
    key = up.key or f"none: `{create}` makes one"
    sys.stdout.write(
        f"Tollway is up.\n\n"
        f"  URL    {up.url}\n"
        f"  key    {key}\n"
        f"  fleet  {up.fleet}\n"
        f"{_console(up)}"
        f"  log    {up.log}\n"
        f"  stop   {this_command('down', folder)}\n"
    )
    if up.key and up.model:
        sys.stdout.write(f"\nTry it:\n\n{_curl(up.url, up.key, up.model)}\n")


def _console(up: Up) -> str:
    if up.console is None:
        return ""
    again = this_command("console key", Path(up.state))
    key = up.console_key or f"as it was shown; `{again}` makes a new one"
    return f"  pages  {up.console}\n         admin key {key}\n"


def _curl(url: str, key: str, model: str) -> str:
    body = (
        f'{{"model": "{model}", "stream": true, "max_tokens": 60, '
        '"messages": [{"role": "user", "content": "Why do toll roads exist?"}]}'
    )
    return (
        f"curl -N {url}/chat/completions \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )
