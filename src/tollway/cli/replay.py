"""`tollway replay`: a trace against a running gateway, and a table of what it saw.

Rules
1. Nothing but the given URL is sent requests; one that is not this machine is named first.
2. A key is never an argument: --key says where it is.
3. Exit code 1 means that requests failed. A refusal (402, 429) is an answer.
"""

import asyncio
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.cli.given_key import given_key
from tollway.cli.running import read_running
from tollway.errors import TollwayError
from tollway.fleet.quantities import MalformedError
from tollway.fleet.quantities import duration as read_duration
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.state import state_folder
from tollway.replay.client import Client
from tollway.replay.library import load
from tollway.replay.player import Orders
from tollway.replay.session import Played, Session
from tollway.simulator.report import summarise
from tollway.simulator.trace import Trace, cut
from tollway.units import Seconds

if TYPE_CHECKING:
    from tollway.cli.replay_progress import Progress

EXIT_FAILURES = 1
EXIT_INTERRUPTED = 130

_URL = "http://127.0.0.1:8400"
_TAG = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NOT_IN_TAG = re.compile(r"[^A-Za-z0-9_.-]")


def replay(
    trace: str,
    /,
    *,
    url: str | None = None,
    key: str | None = None,
    route: str = "chat",
    speed: float = 1.0,
    warp: float = 1.0,
    start: str = "0s",
    duration: str = "2m",
    limit: int | None = None,
    max_in_flight: int = 1000,
    timeout: str = "10m",
    tag: str | None = None,
    state: str | None = None,
    fleet: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Play a trace of real requests against a running gateway, and measure what comes back.

    Parameters
    ----------
    trace
        azure-code or servegen-chat (both packaged), or a file: Azure's CSV, Mooncake's JSON lines,
        or t_ms,input,output; gzipped or not.
    url
        The gateway. Default: the one that `tollway up` runs in the state folder, else
        http://127.0.0.1:8400.
    key
        Where the key is: env:NAME or file:PATH. Default: $TOLLWAY_KEY, else the demo key.
    route
        The route, or model, to ask for.
    speed
        Requests arrive this many times as fast.
    warp
        Everything runs this many times as fast, emulators included; times are scaled back.
    start
        Where in the trace to begin.
    duration
        How much of the trace to play, or "all".
    limit
        At most this many requests.
    max_in_flight
        At most this many requests at a time; those that wait leave late, and are counted as such.
    timeout
        How long one request may take.
    tag
        The name of this replay in the ledger. Default: trace and time.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    fleet
        The fleet file whose emulators to warp. Default: that of `tollway up`.
    json
        Print one JSON object.
    """
    _refuse_nonsense(speed, warp, max_in_flight, limit)
    folder = state_folder(state, os.environ)
    begin = _seconds("--start", start) or Seconds(0.0)
    length = None if duration == "all" else _seconds("--duration", duration)
    part = cut(load(trace), begin, length, limit)
    if not part.requests:
        raise TollwayError(f"{trace}: no request from {start} on for {duration}. Try --start 0s.")
    named = _tag(tag, trace)
    headers = {"authorization": f"Bearer {given_key(key, folder)}", "x-tollway-tag": named}
    patience = _seconds("--timeout", timeout) or Seconds(600.0)
    orders = Orders(route, speed * warp, named, max_in_flight, patience, seed=named)
    emulators = _emulators(folder, fleet) if warp != 1.0 else []
    url = url or _running_url(folder)
    client = Client(url, headers)
    _announce(part, orders, client)
    played = _play(client, orders, part, warp, emulators)
    _print(_Settings(trace, url, named, speed, warp), played, json=json)
    return _exit_code(played)


def _refuse_nonsense(speed: float, warp: float, max_in_flight: int, limit: int | None) -> None:
    for name, factor in (("--speed", speed), ("--warp", warp)):
        if not 0.001 <= factor <= 10_000:
            raise TollwayError(f"{name} is {factor:g}. It is between 0.001 and 10000.")
    for name, count in (("--max-in-flight", max_in_flight), ("--limit", limit)):
        if count is not None and not 1 <= count <= 10_000_000:
            raise TollwayError(f"{name} is {count}. It is 1 or more.")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What was played, for the report."""

    trace: str
    url: str
    tag: str
    speed: float
    warp: float


def _seconds(option: str, text: str) -> Seconds | None:
    if text in ("0", "0s"):
        return None
    try:
        return read_duration(text)
    except MalformedError as error:
        raise TollwayError(f"{option} {error}") from error


def _tag(given: str | None, trace: str) -> str:
    if given is None:
        stem = _NOT_IN_TAG.sub("-", Path(trace).name)[:40]
        return f"{stem}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    if _TAG.fullmatch(given) is None:
        raise TollwayError(f"--tag is {given!r}. Use 1 to 64 of A-Z a-z 0-9 _ . : -")
    return given


def _running_url(folder: Path) -> str:
    """Where the gateway of a state folder answers; the default address where none is known."""
    running = read_running(folder)
    return _URL if running is None else running.url.removesuffix("/v1")


def _emulators(folder: Path, fleet: Path | None) -> list[str]:
    """Base URLs of the emulated sources of the fleet that runs."""
    if fleet is None:
        running = read_running(folder)
        if running is None:
            raise TollwayError(
                f"--warp: nothing that `tollway up` started runs in {folder}. "
                "Name the fleet file whose emulators run with --fleet."
            )
        fleet = Path(running.fleet)
    sources = read_fleet(fleet).sources.values()
    urls = [source.base_url.removesuffix("/v1") for source in sources if source.emulation]
    if not urls:
        raise TollwayError(f"--warp: {fleet} has no emulated source; leave --warp out.")
    return urls


def _announce(part: Trace, orders: Orders, client: Client) -> None:
    if not client.is_loopback:
        sys.stderr.write(f"Note: {client.host} is not this machine; it is sent real load.\n")
    sys.stderr.write(
        f"{part.name}: {len(part.requests)} requests over {part.span / orders.pace:.0f} s, "
        f"to {orders.route} at {client.host}:{client.port}, tag {orders.tag}\n"
    )


def _play(client: Client, orders: Orders, part: Trace, warp: float, emulators: list[str]) -> Played:
    import uvloop

    from tollway.cli.replay_progress import Progress

    with (
        Progress(len(part.requests)) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_run(client, orders, part, warp, emulators, progress))


async def _run(
    client: Client,
    orders: Orders,
    part: Trace,
    warp: float,
    emulators: list[str],
    progress: "Progress",
) -> Played:
    session = Session(client, orders, progress.ended)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, session.stop)
    return await session.run(part, warp, emulators)


def _print(settings: _Settings, played: Played, *, json: bool) -> None:
    from tollway.cli.replay_table import as_json, as_table, as_words

    costs = {} if played.bill is None else played.bill.costs
    report = summarise(played.samples, settings.warp, costs)
    said = {
        "trace": settings.trace,
        "url": settings.url,
        "tag": settings.tag,
        "speed": settings.speed,
        "warp": settings.warp,
        "wall_seconds": played.wall,
        "stopped": played.stopped,
        "settled": None if played.bill is None else played.bill.total.requests,
    }
    sys.stdout.write(as_json(report, said) if json else as_table(report))
    sys.stderr.write(as_words(report, played, settings.warp, settings.tag))


def _exit_code(played: Played) -> int:
    if played.stopped:
        return EXIT_INTERRUPTED
    failed = any(sample.outcome == "failed" for sample in played.samples)
    return EXIT_FAILURES if failed else 0
