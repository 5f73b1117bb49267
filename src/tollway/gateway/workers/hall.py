"""The accountant's side: all workers, what each has in hand, and what concerns all of them.

Rules
1. A request belongs to the worker that told of it: actions go there, and nowhere else.
2. When a worker is gone, each of its requests is settled as cancelled, with what it is believed to
   have used.
3. A fleet is taken by all workers or by none.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tollway.dispatch.messages import Arrived, Cancelled, Finished, Reject
from tollway.gateway.ending import LAST_BYTES, Ending
from tollway.gateway.house import House
from tollway.gateway.loading import Loaded
from tollway.gateway.private import listen_privately
from tollway.gateway.workers.errand import Errand, Happened
from tollway.gateway.workers.frames import (
    Adopt,
    AskPage,
    Counted,
    Hello,
    Keys,
    Page,
    Paused,
    Prepare,
    Prepared,
    Standing,
    Traced,
    Welcome,
    Wire,
    decode_up,
)
from tollway.gateway.workers.memory import Memory
from tollway.gateway.workers.pulse import Pulse

Aside = Hello | Prepared | Counted | Traced | Paused | AskPage
"""What a worker says that is no event of a request."""

_BEYOND_DRAIN = 5.0
"""Seconds that workers may take beyond the drain time."""
_PREPARING = 20.0
"""Seconds that a worker may take to read secrets and certificates."""


def door(folder: Path, admin_socket: str) -> Path:
    """Where workers find the accountant."""
    return folder / f"{admin_socket}.workers"


class Seat:
    """One connected worker."""

    def __init__(self, wire: Wire, now: float) -> None:
        self.wire = wire
        self.hello: Hello | None = None
        self.connections = 0
        self.heard = now
        self.prepared: dict[int, tuple[str, ...]] = {}
        self._standing: Standing | None = None

    def tell(self, standing: Standing) -> None:
        """Say how things stand, where that is news."""
        if standing != self._standing:
            self._standing = standing
            self.wire.say(standing)


class Hall:
    """The hands of a gateway with workers."""

    _house: House
    _ending: Ending
    _server: asyncio.Server

    def __init__(self, folder: Path, memory: Memory, pulse: Pulse) -> None:
        self._folder = folder
        self._memory = memory
        self._pulse = pulse
        self._seats: dict[Wire, Seat] = {}
        self._fleets = 0
        self._changed = asyncio.Event()

    # --- for the process -------------------------------------------------------------------------

    async def open(self, house: House, ending: Ending) -> None:
        """See `Hands`."""
        self._house = house
        self._ending = ending
        self._pulse.begin(ending)
        where = door(self._folder, house.fleet.gateway.admin_socket)
        self._server = await listen_privately(self._wire, where)

    def close(self) -> None:
        """See `Hands`."""
        self._server.close()

    async def drain(self) -> None:
        """See `Hands`. The workers end by themselves; this waits for the last of them, and ends
        what the operator asked."""
        house, ending = self._house, self._ending
        patience = house.fleet.gateway.drain
        house.log.say(f"stopping: {len(house.board.live)} requests may end within {patience:g} s")
        until = house.board.clock() + patience
        await ending.wait(lambda: not (self._seats or house.board.live), patience)
        self._end_own()
        rest = until - house.board.clock() + _BEYOND_DRAIN
        await ending.wait(lambda: not self._seats, rest)
        ending.last_wait()
        await ending.wait(lambda: not self._seats, LAST_BYTES + 1.0)
        for wire in list(self._seats):
            self._lost(wire)
            wire.abort()

    def _end_own(self) -> None:
        for exchange in list(self._house.board.live.values()):
            if not isinstance(exchange, Errand):
                exchange.stop()

    def shutdown(self) -> None:
        """See `Hands`. All processes end, so it is the supervisor's to do."""
        if self._pulse.orphaned():
            self._ending.ask()
        else:
            os.kill(self._pulse.parent, signal.SIGTERM)

    async def prepare(self, loaded: Loaded) -> list[str]:
        """See `Hands` (rule 3)."""
        self._fleets += 1
        number = self._fleets
        seats = list(self._seats.values())
        for seat in seats:
            seat.wire.say(Prepare(number, dict(loaded.documents)))
        try:
            async with asyncio.timeout(_PREPARING):
                while any(number not in seat.prepared for seat in self._present(seats)):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            late = [d for d in self._present(seats) if number not in d.prepared]
            return [f"{_name(seat)} was not ready for the fleet in time." for seat in late]
        faults = [fault for seat in self._present(seats) for fault in seat.prepared[number]]
        return list(dict.fromkeys(faults))

    def _present(self, seats: list[Seat]) -> list[Seat]:
        return [seat for seat in seats if seat.wire in self._seats]

    def adopt(self, loaded: Loaded) -> Loaded:
        """See `Hands`. This process reaches the sources for its operator."""
        self._memory.keep(loaded.documents)
        for seat in self._seats.values():
            if self._fleets not in seat.prepared:  # it came in the meantime
                seat.wire.say(Prepare(self._fleets, dict(loaded.documents)))
            seat.wire.say(Adopt(self._fleets))
            seat.prepared.clear()
        return loaded

    def keys_changed(self) -> None:
        """See `Hands`."""
        keys = Keys(self._house.ring.records())
        for wire in self._seats:
            wire.say(keys)

    def sweep(self, now: float) -> None:
        """See `Hands`."""
        why = self._house.not_ready()
        everywhere = self.connections()
        for seat in self._seats.values():
            if seat.hello is not None:
                seat.tell(Standing(why, everywhere - seat.connections))

    def connections(self) -> int:
        """See `Hands`."""
        return sum(seat.connections for seat in self._seats.values())

    def status(self) -> Mapping[str, object]:
        """See `Hands`."""
        board = self._house.board
        live = dict.fromkeys(self._seats, 0)
        for errand in board.live.values():
            if isinstance(errand, Errand):
                live[errand.wire] += 1
        now = board.clock()
        return {
            "workers": [
                {
                    "number": seat.hello.number,
                    "pid": seat.hello.pid,
                    "live": live[wire],
                    "connections": seat.connections,
                    "heard": round(now - seat.heard, 3),
                }
                for wire, seat in self._seats.items()
                if seat.hello is not None
            ]
        }

    # --- workers ---------------------------------------------------------------------------------

    def _wire(self) -> Wire:
        wire = Wire(decode_up, self._taken, self._lost)
        self._seats[wire] = Seat(wire, self._house.board.clock())
        return wire

    def _lost(self, wire: Wire) -> None:
        """Rule 2."""
        if self._seats.pop(wire, None) is None:
            return
        board = self._house.board
        for errand in [each for each in board.live.values() if isinstance(each, Errand)]:
            if errand.wire is wire:
                errand.stop()
        self._changed.set()

    def _taken(self, wire: Wire, messages: list[Any]) -> None:
        seat = self._seats.get(wire)
        if seat is None:
            return
        seat.heard = self._house.board.clock()
        for message in messages:
            try:
                kind = type(message)
                if kind is Arrived:
                    self._arrived(wire, message)
                elif kind in _ASIDE:
                    self._aside(seat, message)
                else:
                    self._happened(message)
            except Exception as error:  # noqa: BLE001 - the others of the frame must not be lost
                self._house.watch.failed(error)
                errand = self._house.board.live.get(getattr(message, "request", ""))
                if errand is not None:
                    errand.break_down()

    def _happened(self, event: Happened) -> None:
        board = self._house.board
        errand = board.live.get(event.request)
        if isinstance(errand, Errand):  # else it has ended here while that was on its way
            errand.happened(event)
            board.tell(event)
            if isinstance(event, Finished | Cancelled):
                board.closed(errand)

    def _arrived(self, wire: Wire, event: Arrived) -> None:
        house = self._house
        if len(house.board.live) >= house.fleet.gateway.max_streams:
            many = Reject(event.request, 503, "too_many_streams", "Try again soon.", 1.0)
            wire.say(many)
            return
        house.board.arrive(Errand(house.board, wire, event), event)

    def _aside(self, seat: Seat, message: Aside) -> None:
        house = self._house
        if isinstance(message, Hello):
            seat.hello = message
            seat.wire.say(Welcome(dict(house.loaded.documents), house.started))
            seat.wire.say(Keys(house.ring.records()))
            seat.tell(Standing(house.not_ready(), self.connections()))
        elif isinstance(message, Prepared):
            seat.prepared[message.number] = message.faults
            self._changed.set()
        elif isinstance(message, Counted):
            seat.connections = message.connections
            house.watch.metrics.add(message.counts)
        elif isinstance(message, Paused):
            house.watch.paused(message.request, message.attempt, message.pauses)
        elif isinstance(message, Traced):
            if house.outlets is not None:
                house.outlets.forward(message.lines, message.lost)
        else:
            number, wire = message.number, seat.wire
            house.metrics(lambda page: wire.say(Page(number, page or b"")))


_ASIDE = frozenset({Hello, Prepared, Counted, Traced, Paused, AskPage})


def _name(seat: Seat) -> str:
    return "a worker" if seat.hello is None else f"worker {seat.hello.number}"
