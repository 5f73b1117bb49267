"""One task in a machine of its own, from a template restored to a machine that is gone.

Rules
1. Nothing that a guest says is believed but how its command ended; what it says otherwise is held
   against bounds of the host's own: time, output, connections, what is kept.
2. Whatever happens, the machine is gone when the box is closed, and when this process ends.
"""

import asyncio
import base64
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tollway.errors import TollwayError
from tollway.sandbox.defences import Defences
from tollway.sandbox.exits import Exits
from tollway.sandbox.keeping import Keeper, inside
from tollway.sandbox.order import Ended, Kept, NotBegunError, Order, Streams, Why
from tollway.sandbox.printing import Printing
from tollway.sandbox.vm import luggage, standard
from tollway.sandbox.vm.guest.parcels import Unreadable
from tollway.sandbox.vm.link import FILES, STDERR, STDIN, STDOUT, Incoming, Link, Outgoing
from tollway.sandbox.vm.machine import Machine
from tollway.units import Bytes, Seconds

_ANSWER_SECONDS: Seconds = Seconds(60.0)
"""A guest answers within milliseconds; a very busy host may take long."""
_KEEP_SECONDS: Seconds = Seconds(600.0)


class VmBox:
    """A box whose machine waits for its command."""

    def __init__(
        self, machine: Machine, order: Order, streams: Streams, defences: Defences
    ) -> None:
        self._machine, self._order, self._streams = machine, order, streams
        self._defences = defences
        self._exits = Exits(order.exits, order.limits, defences)
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = self._closed = False
        self._stopped: tuple[Why, str] | None = None
        self._link: Link

    async def prepare(self, hello: dict[str, Any], calls: Sequence[bytes]) -> None:
        """Make the guest this task's own.

        Raises:
            TollwayError: it does not become so.
        """
        reader, writer = await asyncio.open_connection(sock=self._machine.port)
        most = self._order.limits.connections
        self._link = Link(reader, writer, self._told, self._opened, most)
        self._start(self._link.serve())
        ready = self._expect("ready")
        self._link.say(do="prepare", **hello)
        out = self._link.outgoing[FILES]
        sending = asyncio.create_task(luggage.sent(self._order, self._defences, calls, out))
        try:
            answer = await self._answer(ready, None)
            if answer["is"] == "failed":
                raise TollwayError(f"sandbox: the machine could not be set up: {_words(answer)}.")
        finally:
            if not sending.done() or sending.exception() is None:
                sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionResetError):
                await sending

    async def run(self) -> Ended:
        """As `Box.run` says."""
        order, began = self._order, time.monotonic()
        printing = Printing(order.limits, self._defences)
        started, ended = self._expect("started"), self._expect("ended")
        terminal = standard.size(self._streams.stdin) if order.terminal else None
        self._link.say(do="start", terminal=terminal)
        answer = await self._answer(started, _ANSWER_SECONDS)
        if answer["is"] == "failed":
            raise NotBegunError(_not_begun(order.argv[0], answer))
        self._running = True
        typed = standard.Typed(self._streams.stdin, self._link.outgoing[STDIN])
        with standard.raw(self._streams.stdin if order.terminal else -1):
            try:
                said = await self._to_the_end(ended, printing)
            finally:
                self._running = False
                typed.stop()
        return self._how(said, printing, Seconds(time.monotonic() - began))

    async def _to_the_end(
        self, ended: "asyncio.Future[dict[str, Any]]", printing: Printing
    ) -> dict[str, Any] | None:
        outputs = [
            asyncio.create_task(
                standard.printed(printing, self._link.incoming[it], self._link.outgoing[it], to)
            )
            for it, to in ((STDOUT, self._streams.stdout), (STDERR, self._streams.stderr))
        ]
        if self._order.terminal:  # one stream is all that a terminal has
            outputs.pop().cancel()
        watching = [
            asyncio.create_task(self._time_is_up(outputs)),
            asyncio.create_task(self._too_much(printing)),
        ]
        try:
            await asyncio.wait((ended, self._link.lost), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*outputs, return_exceptions=True)
        finally:
            for task in (*watching, *outputs):
                task.cancel()
            await asyncio.gather(*watching, *outputs, return_exceptions=True)
        return ended.result() if ended.done() and not ended.cancelled() else None

    async def _time_is_up(self, outputs: "Sequence[asyncio.Task[None]]") -> None:
        limits = self._order.limits
        if not self._defences.time:
            return
        await asyncio.sleep(limits.time)
        self._stopped = "time", f"its time of {limits.time:g} s was up"
        self.signal(signal.SIGTERM)
        await asyncio.sleep(limits.grace)
        await self._machine.close()
        await asyncio.sleep(limits.grace)
        for output in outputs:  # whoever reads it has stopped
            output.cancel()

    async def _too_much(self, printing: Printing) -> None:
        await printing.full.wait()
        self._stopped = "output", f"it printed more than {self._order.limits.output} bytes"
        await self._machine.close()

    def _how(self, said: dict[str, Any] | None, printing: Printing, seconds: Seconds) -> Ended:
        code, why, words = self._verdict(said)
        peak = said.get("peak") if said else None
        return Ended(
            code=code,
            why=why,
            words=words,
            seconds=seconds,
            peak=Bytes(peak) if isinstance(peak, int) else None,
            printed=Bytes(printing.printed),
            out=self._exits.out,
            back=self._exits.back,
            connections=self._exits.connections,
        )

    def _verdict(self, said: dict[str, Any] | None) -> tuple[int, Why, str]:
        if self._stopped is not None:
            why, words = self._stopped
            return (124 if why == "time" else 125), why, words
        if said is None:
            return 125, "lost", f"the sandbox broke: {self._link.lost.result()}"
        status = said.get("status")
        if not isinstance(status, int) or not 0 <= status <= 0xFFFF:
            return 125, "lost", "the sandbox broke: its guest told no exit status"
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGKILL and said.get("memory") is True:
                return 125, "memory", "it needed more memory than its bound or its machine has"
            return 128 + number, "signal", ""
        return os.WEXITSTATUS(status), "exit", ""

    def signal(self, number: int) -> None:
        """As `Box.signal` says. SIGWINCH tells a terminal the size of the caller's."""
        if not self._running:
            return
        if number == signal.SIGWINCH and self._order.terminal:
            rows, columns = standard.size(self._streams.stdin)
            self._link.say(do="size", rows=rows, columns=columns)
        self._link.say(do="signal", number=int(number))

    async def keep(self, path: str, into: Path) -> Kept:
        """As `Box.keep` says."""
        parts = inside(path)
        keeper = Keeper(into, self._order.limits, self._defences)
        try:
            keeping = self._expect("keeping")
            self._link.say(do="keep", path=[base64.b64encode(it).decode() for it in parts])
            answer = await self._answer(keeping, _ANSWER_SECONDS)
            if answer["is"] == "failed":
                raise TollwayError(f"{path}: {_words(answer)} in the sandbox")
            async with asyncio.timeout(_KEEP_SECONDS):
                collecting = luggage.Collecting(keeper, self._order.limits)
                await collecting.collect(self._link.incoming[FILES])
            return keeper.done()
        except (Unreadable, ConnectionResetError, TimeoutError) as error:
            why = str(error) or "the guest broke off"
            raise TollwayError(f"{path}: could not be taken out: {why}. Nothing was kept") from None
        finally:
            keeper.abandon()

    async def close(self) -> None:
        """As `Box.close` says."""
        if self._closed:
            return
        self._closed = True
        await self._machine.close()
        await self._exits.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _opened(self, port: int, reader: Incoming, writer: Outgoing) -> None:
        if port in self._order.exits:
            self._start(self._exits.lead(port, reader, writer))
        else:
            writer.close()

    def _told(self, message: dict[str, Any]) -> None:
        what = message["is"]
        waiting = list(self._answers) if what == "failed" else [what]
        for name in waiting:
            future = self._answers.pop(name, None)
            if future is not None and not future.done():
                future.set_result(message)
        port = message.get("port")
        if what == "refused" and isinstance(port, int) and port in self._order.exits:
            self._exits.connections[port] += 1

    def _expect(self, what: str) -> "asyncio.Future[dict[str, Any]]":
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[what] = future
        return future

    async def _answer(
        self, future: "asyncio.Future[dict[str, Any]]", within: Seconds | None
    ) -> dict[str, Any]:
        """What the guest answers.

        Raises:
            TollwayError: it does not.
        """
        await asyncio.wait(
            (future, self._link.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED
        )
        if future.done():
            return future.result()
        why = self._link.lost.result() if self._link.lost.done() else "its guest does not answer"
        raise TollwayError(f"sandbox: {why}. Is the machine out of memory, or very busy?")


def _words(answer: dict[str, Any]) -> str:
    """A guest's own words, short and printable."""
    text = str(answer.get("words", ""))[:200]
    return "".join(it if it.isprintable() else "?" for it in text)


def _not_begun(command: str, answer: dict[str, Any]) -> str:
    if answer.get("missing") is True:
        return (
            f"{command}: no such command in the template. "
            "`tollway sandbox build --package NAME` or `--python NAME` adds one."
        )
    return f"{command}: could not be begun: {_words(answer)}"
