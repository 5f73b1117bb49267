"""Drills, as an operator asks for them over the admin socket.

Rules
1. One drill at a time, for an hour at most; it ends by itself, whatever becomes of who asked.
2. All of the traffic is taken only from who says that it is meant.
"""

from collections.abc import Mapping
from typing import Protocol, cast

import msgspec

from tollway.dispatch.messages import Drill, DrillOver, Event
from tollway.errors import unknown
from tollway.fleet.objects import Fleet
from tollway.gateway.http import Refusal

LONGEST = 3600.0
"""Seconds. A source that is gone for longer is not a drill."""

_EXACT = 1e-9


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /drill`: take `source` away from a `share` (0 to 1) of the requests that arrive within
    `seconds`. `all` says that a share of 1 is meant."""

    source: str
    share: float
    seconds: float
    all: bool = False


class Told(Protocol):
    """Where events go, and what dispatch says of itself."""

    def tell(self, event: Event) -> None: ...
    def utc(self) -> float: ...


def begin(
    body: bytes, fleet: Fleet, running: str | None, board: Told
) -> tuple[str, Mapping[str, object]]:
    """Begin a drill. `running` is the source whose drill is on, None where none is. Gives a line
    for the log and the answer: the moment (UTC seconds), the routes that the source serves, and
    those of them that have no other source.

    Raises:
        Refusal: the order makes no sense, or a drill is on.
    """
    try:
        order = msgspec.json.decode(body, type=Order)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "bad_order", f"The order cannot be read: {error}.") from None
    _check(order, fleet, running)
    routes, alone = _routes(order.source, fleet)
    if not routes:
        raise Refusal(409, "not_used", f'No route uses source "{order.source}".')
    board.tell(Drill(order.source, order.share, order.seconds))
    line = (
        f"drill: {order.source} is taken from {order.share:.4g} of its routes' requests for "
        f"{order.seconds:g} s"
    )
    return line, {"ok": True, "began": board.utc(), "routes": routes, "alone": alone}


def running(snapshot: Mapping[str, object]) -> str | None:
    """The source whose drill is on, of a snapshot of dispatch; None where none is."""
    drill = snapshot["drill"]
    return str(cast("Mapping[str, object]", drill)["source"]) if drill is not None else None


def end(board: Told) -> Mapping[str, object]:
    """End the drill that is on, if one is."""
    board.tell(DrillOver())
    return {"ok": True, "ended": board.utc()}


def _check(order: Order, fleet: Fleet, running: str | None) -> None:
    if order.source not in fleet.sources:
        fault = unknown(order.source, fleet.sources, "source")
        raise Refusal(404, "unknown_source", str(fault))
    if not 0.0 < order.share <= 1.0:
        raise Refusal(400, "bad_share", f"The share is {order.share:g}; it is above 0, 1 at most.")
    if order.share >= 1.0 - _EXACT and not order.all:
        why = "A share of 100% takes the source from everybody: say that all is meant."
        raise Refusal(409, "all_not_meant", why)
    if not 0.0 < order.seconds <= LONGEST:
        why = f"A drill of {order.seconds:g} s: it lasts {LONGEST:g} s at most."
        raise Refusal(400, "bad_length", why)
    if running is not None:
        raise Refusal(409, "drill_is_on", f'One drill at a time: "{running}" has one.')


def _routes(source: str, fleet: Fleet) -> tuple[list[str], list[str]]:
    routes: list[str] = []
    alone: list[str] = []
    for name, route in sorted(fleet.routes.items()):
        sources = {pair.source for pair in (*route.candidates, *route.fallbacks)}
        if source in sources:
            routes.append(name)
            if len(sources) == 1:
                alone.append(name)
    return routes, alone
