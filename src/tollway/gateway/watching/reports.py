"""How a watched model stands, as the watching process tells the gateway over the admin socket.

Rules
1. A report is a state and not a step: told twice, nothing happens the second time.
2. Only a model that was withdrawn is restored: a breaker that is open for failures stays so.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from tollway.dispatch.messages import Event, Restored, Withdrawn
from tollway.errors import unknown
from tollway.fleet.objects import Fleet
from tollway.gateway.http import Refusal
from tollway.pins.drift.standing import StandingName


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /drift`. `said` is a line for the log, empty where nothing is new."""

    source: str
    model: str
    standing: StandingName
    why: str = ""
    said: str = ""


class Board(Protocol):
    """Where events go."""

    def tell(self, event: Event) -> None: ...


class Gauges(Protocol):
    """What shows it."""

    def drift(self, source: str, model: str, standing: str) -> None: ...


def take_report(
    body: bytes, fleet: Fleet, board: Board, gauges: Gauges, say: Callable[[str], None]
) -> Mapping[str, object]:
    """Show a report, and have dispatch go by it.

    Raises:
        Refusal: it makes no sense.
    """
    try:
        report = msgspec.json.decode(body, type=Report)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "bad_report", f"The report cannot be read: {error}.") from None
    source = fleet.sources.get(report.source)
    if source is None:
        fault = unknown(report.source, fleet.sources, "source")
        raise Refusal(404, "unknown_source", str(fault))
    if report.model not in source.serves:
        raise Refusal(404, "unknown_model", str(unknown(report.model, source.serves, "model")))
    gauges.drift(report.source, report.model, report.standing)
    if report.said:
        say(f"drift: {report.source}/{report.model}: {report.said}")
    if report.standing == "withdrawn":
        board.tell(Withdrawn(report.source, report.model, f"drift: {report.why}"))
    else:
        board.tell(Restored(report.source, report.model))
    return {"ok": True}
