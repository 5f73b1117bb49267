"""The gateway's state while it runs: what the routes ask for, and what the clock makes due.

Rules
1. One timer drives everything periodic: a tenth of the streams report at each tick, timeouts are
   enforced and keys are looked at twice a second, the recording is flushed once.
2. Nothing that reads a disk for long runs on the loop.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tollway.dispatch.messages import ClockSet, KeysChanged
from tollway.fleet.objects import Fleet
from tollway.gateway.child import Child
from tollway.gateway.ending import Ending
from tollway.gateway.guarded.inspector import Inspector
from tollway.gateway.loading import Loaded
from tollway.gateway.recorder import Recorder
from tollway.gateway.switchboard import BUCKETS, Switchboard
from tollway.gateway.telemetry.outlets import Outlets
from tollway.gateway.totals import ask_totals
from tollway.gateway.watch import Watch
from tollway.ledger.keys import KeyRecord
from tollway.ledger.ring import Claim, KeyRing
from tollway.ledger.writer import LedgerWriter

TICK = 1.0 / BUCKETS
_STEP = 1.0
"""Seconds that the wall clock must jump for dispatch to be told."""


class Hands(Protocol):
    """Who holds the clients of a gateway: its own process, or workers."""

    async def open(self, house: "House", ending: Ending) -> None:
        """Take clients in, from now on. Raises TollwayError where that cannot be."""

    def close(self) -> None:
        """Take nobody in any more."""

    async def drain(self) -> None:
        """End all clients: see `Ending`."""

    def shutdown(self) -> None:
        """The end was asked for over the admin socket."""

    async def prepare(self, loaded: Loaded) -> list[str]:
        """Make everything ready for a new fleet, and change nothing. Returns faults."""
        ...

    def adopt(self, loaded: Loaded) -> Loaded:
        """Go by the fleet that was prepared. Returns what of it this process is to keep."""
        ...

    def keys_changed(self) -> None: ...
    def sweep(self, now: float) -> None: ...
    def connections(self) -> int: ...
    def status(self) -> Mapping[str, object]: ...


class House:
    """One running gateway."""

    hands: Hands

    def __init__(
        self,
        loaded: Loaded,
        board: Switchboard,
        watch: Watch,
        writer: LedgerWriter,
        ring: KeyRing,
        ledger: Path,
    ) -> None:
        self.board = board
        self.fleet: Fleet = loaded.fleet
        self.loaded = loaded
        self.started = int(board.utc())
        self.open_metrics = False
        self.draining = False
        self.recorder: Recorder | None = None
        self.children: dict[str, Child] = {}
        self.outlets: Outlets | None = None
        self.inspector: Inspector | None = None
        self.sweeps: list[Callable[[float], None]] = []
        """What else looks at deadlines, twice a second."""
        self.watch = watch
        self.log = watch.log
        self._writer = writer
        self.ring = ring
        self.ledger = ledger
        self._offset = board.utc() - board.clock()
        self._ticks = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._keys_failed = False
        board.use(loaded.origins, loaded.pins)

    # --- for the routes --------------------------------------------------------------------------

    def find_key(self, claim: Claim) -> KeyRecord | None:
        return self.ring.recognise(claim, self.board.utc())

    def stopping(self) -> bool:
        return self.draining

    def not_ready(self) -> str | None:
        """Why no new work should come here; None where it may."""
        if self._timer is None:
            return "starting"
        if self.draining:
            return "stopping"
        if self._writer.down is not None:
            return "the ledger cannot be written"
        emulated = self.children.get("emulate")
        if emulated is not None and not emulated.ready:
            return "the emulated sources are starting"
        pairs = [(name, model) for name, one in self.fleet.sources.items() for model in one.serves]
        if pairs and all(pair in self.watch.open_breakers for pair in pairs):
            return "every source is refused by its breaker"
        return None

    def metrics(self, done: Callable[[bytes | None], None]) -> None:
        metrics = self.watch.metrics
        if self.outlets is not None:
            self.outlets.count(metrics)
        metrics.set_live(len(self.board.live), self.hands.connections(), self._writer.pending)
        done(metrics.render())

    def refused(self, code: str) -> None:
        self.watch.metrics.refused(code)

    def failed(self, error: BaseException) -> None:
        self.watch.failed(error)

    def usage(self, key: str, tag: str | None, done: Callable[[bytes | None], None]) -> None:
        ask_totals(self.ledger, key, tag, self.log, done)

    def status(self) -> Mapping[str, object]:
        """What an operator wants to see, as plain values."""
        return {
            "ready": self.not_ready() is None,
            "why": self.not_ready(),
            "fleet": str(self.loaded.path),
            "digest": self.fleet.digest,
            "started": self.started,
            "connections": self.hands.connections(),
            "live": len(self.board.live),
            "ledger_pending": self._writer.pending,
            "beside": {name: child.ready for name, child in self.children.items()},
            "idle_upstream": {name: up.idle for name, up in self.board.upstreams.items()},
            "dispatch": self.board.decider.snapshot(self.board.clock()),
            **self.hands.status(),
        }

    # --- time ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the timer."""
        self._timer = self._loop.call_later(TICK, self._tick)
        self.hands.sweep(self.board.clock())

    def end(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK, self._tick)
        self._ticks += 1
        bucket = self._ticks % BUCKETS
        try:
            self.board.report_progress(bucket)
            if bucket % 5 == 0:
                now = self.board.clock()
                self.hands.sweep(now)
                for sweep in self.sweeps:
                    sweep(now)
                self.board.sweep(now)
                self.look_at_keys()
                if self.outlets is not None:
                    self.outlets.tell()
                if self._writer.down is None and not self._writer.pending:
                    self.watch.settling_again()
            if bucket == 0:
                self._look_at_clock()
                if self.recorder is not None:
                    self.recorder.flush(self._loop)
        except Exception as error:  # noqa: BLE001 - the timer must go on
            self.log.fault(error)

    def look_at_keys(self) -> None:
        """Have keys hold that were made or revoked since the last time."""
        try:
            if self.ring.changed():
                self.board.tell(KeysChanged(self.ring.terms()))
                self.hands.keys_changed()
            self._keys_failed = False
        except Exception as error:  # noqa: BLE001 - a ledger that cannot be read now may be later
            if not self._keys_failed:
                self._keys_failed = True
                self.log.say(f"ledger: keys cannot be read: {type(error).__name__}")

    def _look_at_clock(self) -> None:
        offset = self.board.utc() - self.board.clock()
        if abs(offset - self._offset) > _STEP:
            self.log.say(f"the wall clock was set by {offset - self._offset:+.1f} s")
            self.board.tell(ClockSet(offset))
            self._offset = offset
