"""The process that tells a collector of requests, as the gateway has it.

Rules
1. It holds a pipe from us as its standard input and ends when that ends, so it cannot outlive us.
2. What it does not take is lost after `MOST_WAITING`, and counted; the gateway never waits for it.
3. It is given no environment but what Python needs: no credential, no proxy, no `OTEL_` word.
4. One that dies is started again, later each time, with a line in the log.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

import msgspec

from tollway import __version__
from tollway.errors import TollwayError
from tollway.fleet.objects import Telemetry
from tollway.gateway.log import Log
from tollway.gateway.tracing.records import Orders, Told

MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes that may wait for the process to read them."""
LAST_WORDS: Final = 5.0
"""Seconds that the collector may take, at the end, for what is left."""
_FIRST_WAIT, _LAST_WAIT = 0.5, 15.0
_STEADY = 30.0
"""Seconds after which a process that dies is one that had worked."""
_NEEDED: Final = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


class Exporter:
    """Tells the collector that `telemetry.otlp` names. `told` and `lost` count requests since they
    were last taken."""

    def __init__(
        self, telemetry: Telemetry, instance: str, log: Log, clock: Callable[[], float]
    ) -> None:
        if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
            raise TollwayError(
                "telemetry.otlp needs OpenTelemetry's library, which is not installed. Install "
                '"tollway[otel]", or leave telemetry.otlp out.'
            )
        collector = telemetry.otlp or ""
        self._orders = Orders(
            collector, telemetry.service, __version__, instance, telemetry.interval
        )
        self._log = log
        self._clock = clock
        self._told = self._lost = 0
        self._mute = self._closing = False
        self._early = bytearray()
        self._pipe: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, lines: bytes) -> None:
        """Tell of requests, a JSON line each."""
        pipe = self._pipe
        waiting = len(self._early) if pipe is None else pipe.transport.get_write_buffer_size()
        if waiting > MOST_WAITING:
            self.lose(lines.count(b"\n"), "the process that tells it is too slow, or gone")
        elif pipe is None:
            self._early += lines
        elif lines:
            pipe.write(lines)

    def lose(self, count: int, why: str) -> None:
        """So many requests will not be told."""
        self._lost += count
        if count and not self._mute:
            self._mute = True
            self._log.say(f"telemetry: requests are not told to {self._orders.collector}: {why}")

    def take_counts(self) -> tuple[int, int]:
        """Requests told and lost since the last call."""
        counts = self._told, self._lost
        self._told = self._lost = 0
        return counts

    # --- the process -----------------------------------------------------------------------------

    async def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._closing:
            started = self._clock()
            try:
                ended = f"ended with code {await self._live()}"
            except OSError as error:
                ended = f"cannot be started: {error.strerror}"
            if self._closing:
                break
            if self._clock() - started > _STEADY:
                wait = _FIRST_WAIT
            self._log.say(
                f"telemetry: the process that tells it {ended}, and what it had is lost; it is "
                f"started again in {wait:g} s"
            )
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LAST_WAIT)

    async def _live(self) -> int:
        process = self._process = await asyncio.create_subprocess_exec(
            # -P: nothing is imported from the folder that the gateway happens to be started in.
            *(sys.executable, "-P", "-m", "tollway.gateway.telemetry.telling"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
            start_new_session=True,
        )
        pipe, answers = process.stdin, process.stdout
        if pipe is not None and answers is not None:  # they were asked for
            pipe.write(msgspec.json.encode(self._orders) + b"\n")
            pipe.write(bytes(self._early))
            self._early.clear()
            self._pipe = pipe
            if self._closing:
                pipe.close()
            while line := await answers.readline():
                self._heard(msgspec.json.decode(line, type=Told))
        self._pipe = None
        return await process.wait()

    def _heard(self, answer: Told) -> None:
        self._told += answer.told
        if answer.told and self._mute:
            self._mute = False
            self._log.say(f"telemetry: requests are told to {self._orders.collector} again")
        if answer.lost:
            self.lose(answer.lost, answer.why or "the collector took nothing")

    async def close(self) -> None:
        """Have what is left told, within `LAST_WORDS`, and end the process."""
        self._closing = True
        if self._pipe is not None:
            self._pipe.close()
        await asyncio.wait([self._task], timeout=LAST_WORDS)
        if not self._task.done():
            self._log.say("telemetry: what was left could not be told in time")
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
            await asyncio.wait([self._task])
