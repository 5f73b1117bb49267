"""Drains, as an operator asks for them over the admin socket, kept where a restart finds them.

Rules
1. A drain is written down before dispatch is told of it, and so is its end: what the gateway does
   after a restart is what it did before.
2. A route is left without a source only by who says that it is meant.
3. A source that the fleet no longer declares is forgotten, with a line in the log.
4. A file that cannot be read is set aside, in words: for its sake no gateway stays down.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tollway.dispatch.messages import Drained, Event, Undrained
from tollway.errors import unknown
from tollway.fleet.demands import meets
from tollway.fleet.objects import Fleet
from tollway.gateway.http import Refusal
from tollway.ledger.state import FILE_MODE

FILE: Final = "drains.json"
_LONGEST: Final = 500
"""Characters of a reason."""


class Drain(msgspec.Struct, frozen=True):
    """Since when (UTC seconds), why, and who said so."""

    since: float
    why: str
    by: str


class Kept(msgspec.Struct, frozen=True):
    """All of the file: drains by source."""

    sources: dict[str, Drain] = {}


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /drain` and `POST /undrain`. `all` says that a route may be left without a source."""

    source: str
    why: str = ""
    by: str = ""
    all: bool = False


class Told(Protocol):
    """Where events go."""

    def tell(self, event: Event) -> None: ...
    def utc(self) -> float: ...


class Gauges(Protocol):
    """What shows it."""

    def drained(self, source: str, on: bool) -> None: ...


class Drains:
    """What is drained, in memory and in a state folder."""

    def __init__(
        self, folder: Path, board: Told, gauges: Gauges, say: Callable[[str], None]
    ) -> None:
        self._path = folder / FILE
        self._board = board
        self._gauges = gauges
        self._say = say
        self._kept: dict[str, Drain] = {}
        self._one_at_a_time = asyncio.Lock()

    def begin(self, fleet: Fleet) -> None:
        """Tell dispatch of what was drained before this start."""
        self._kept = self._read()
        for name, drain in list(self._kept.items()):
            if name in fleet.sources:
                self._say(f"drain: {name} stays drained: {_words(drain)}")
                self._tell(name, drain)
        for name in fleet.sources:
            self._gauges.drained(name, name in self._kept)

    async def adopt(self, fleet: Fleet) -> None:
        """Rule 3, at a start and after a reload."""
        async with self._one_at_a_time:
            gone = [name for name in self._kept if name not in fleet.sources]
            for name in gone:
                self._say(f"drain: {name} is not in the fleet any more, and is forgotten")
                self._gauges.drained(name, False)
            if gone:
                left = {name: one for name, one in self._kept.items() if name not in gone}
                try:
                    await self._keep(left)
                except Refusal as refusal:  # it is forgotten again at the next start
                    self._say(f"drain: {refusal.message}")
                self._kept = left
            for name in fleet.sources:
                self._gauges.drained(name, name in self._kept)

    async def drain(self, body: bytes, fleet: Fleet) -> Mapping[str, object]:
        """Take a source out of use. Gives the routes that it serves, and those of them that have no
        other source now.

        Raises:
            Refusal: the order makes no sense, or cannot be kept; nothing has changed.
        """
        order = _order(body, fleet)
        async with self._one_at_a_time:
            without = {order.source, *self._kept}
            routes, alone = _routes(order.source, without, fleet)
            if alone and not order.all:
                names = ", ".join(alone)
                raise Refusal(
                    409,
                    "all_not_meant",
                    f'Without "{order.source}" nothing serves {_of_routes(alone)} {names}: say '
                    "that all is meant (--all), or undrain another source first.",
                )
            before = self._kept.get(order.source)
            since = self._board.utc() if before is None else before.since
            drain = Drain(since, order.why, order.by or "operator")
            await self._keep({**self._kept, order.source: drain})
            self._tell(order.source, drain)
            self._gauges.drained(order.source, True)
            self._say(f"drain: {order.source} takes no new requests: {_words(drain)}")
        return {"ok": True, "since": since, "routes": routes, "alone": alone}

    async def undrain(self, body: bytes, fleet: Fleet) -> Mapping[str, object]:
        """Put a source back.

        Raises:
            Refusal: the order makes no sense, or cannot be kept; nothing has changed.
        """
        order = _order(body, fleet)
        async with self._one_at_a_time:
            was = self._kept.get(order.source)
            if was is not None:
                left = {name: one for name, one in self._kept.items() if name != order.source}
                await self._keep(left)
                self._gauges.drained(order.source, False)
                self._say(f"drain: {order.source} is back, by {order.by or 'operator'}")
            self._board.tell(Undrained(order.source))
        since = None if was is None else was.since
        return {"ok": True, "was": was is not None, "since": since}

    def _tell(self, name: str, drain: Drain) -> None:
        self._board.tell(Drained(name, drain.why, drain.by, drain.since))

    # --- the file --------------------------------------------------------------------------------

    def _read(self) -> dict[str, Drain]:
        try:
            return dict(msgspec.json.decode(self._path.read_bytes(), type=Kept).sources)
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:  # rule 4
            aside = self._path.with_suffix(".unreadable")
            self._say(f"{self._path}: cannot be read ({error}): nothing is drained; see {aside}")
            try:
                self._path.replace(aside)
            except OSError as fault:
                self._say(f"{self._path}: cannot be set aside: {fault.strerror}")
            return {}

    async def _keep(self, kept: dict[str, Drain]) -> None:
        """Write the file beside the event loop, and then go by it."""
        data = msgspec.json.encode(Kept(kept))
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, _write, self._path, data)
        except OSError as error:
            raise Refusal(
                503,
                "not_kept",
                f"{self._path} cannot be written: {error.strerror}. Nothing has changed.",
            ) from None
        self._kept = kept


def _write(path: Path, data: bytes) -> None:
    """Whole, or the one before: written beside, and moved in place."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _order(body: bytes, fleet: Fleet) -> Order:
    try:
        order = msgspec.json.decode(body, type=Order)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "bad_order", f"The order cannot be read: {error}.") from None
    for text in (order.why, order.by):
        if len(text) > _LONGEST or not text.isprintable():
            why = f"A reason and a name have {_LONGEST} characters at most, in one line."
            raise Refusal(400, "bad_words", why)
    if order.source not in fleet.sources:
        raise Refusal(404, "unknown_source", str(unknown(order.source, fleet.sources, "source")))
    return order


def _routes(source: str, without: set[str], fleet: Fleet) -> tuple[list[str], list[str]]:
    """The routes that the source may serve, and those of them that have no source but `without`."""
    routes: list[str] = []
    alone: list[str] = []
    for name, route in sorted(fleet.routes.items()):
        serving = {
            pair.source
            for pair in (*route.candidates, *route.fallbacks)
            if meets(fleet.sources[pair.source].serves[pair.model], route.demand)
        }
        if source in serving:
            routes.append(name)
            if serving <= without:
                alone.append(name)
    return routes, alone


def _of_routes(names: list[str]) -> str:
    return "route" if len(names) == 1 else "routes"


def _words(drain: Drain) -> str:
    return f"{drain.why or 'no reason given'} (by {drain.by})"
