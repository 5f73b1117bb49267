"""One JSON line for each request that ends, for whoever keeps logs.

Rules
1. No prompt, no answer, no key: of a key its id, of a request what it cost and how it went.
2. A line is one line, whatever is in it: everything is encoded as JSON.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from tollway.dispatch.messages import (
    Action,
    Arrived,
    Content,
    Event,
    Failed,
    Reject,
    Relay,
    Reserve,
    Settle,
)
from tollway.gateway.switchboard import Steps
from tollway.gateway.telemetry.lines import LineWriter
from tollway.gateway.tracing.records import Attempted, Line

_BEGUN: Final = 200
_PICO: Final = 10**12
_OURS: Final = frozenset({401, 403, 407})
"""A source's refusals of our credential, which the client is told as 502."""


class Running:
    """What is known of a request before its end."""

    __slots__ = ("arrived", "at", "status", "tenant")

    def __init__(self, arrived: Arrived, at: float) -> None:
        self.arrived = arrived
        self.at = at
        self.tenant: str | None = None
        self.status: int | None = None


class RequestLog:
    """The lines of one gateway; it stands where a recording does. `tenant_of` knows whose a key
    is; `utc` is the wall clock."""

    def __init__(
        self,
        to: LineWriter,
        tenant_of: Callable[[str], str | None],
        utc: Callable[[], float],
    ) -> None:
        self.writer = to
        self._tenant_of = tenant_of
        self._utc = utc
        self._second = -1
        self._told = ""
        self._running: dict[str, Running] = {}
        self._encode = msgspec.json.Encoder().encode

    # --- as a recording --------------------------------------------------------------------------

    def step(self, now: float, event: Event, actions: list[Action]) -> None:
        """One event and what dispatch answered with."""
        if isinstance(event, Arrived):
            self._running.setdefault(event.request, Running(event, now))
        elif isinstance(event, Content | Failed):
            running = self._running.get(event.request)
            if running is not None and running.status != _BEGUN:
                running.status = _BEGUN if isinstance(event, Content) else event.status
        if actions:
            self._look(now, actions)

    def adopted(
        self, now: float, documents: Mapping[str, str], main: str, actions: list[Action]
    ) -> None:
        """A reload: it may refuse who waits."""
        self._look(now, actions)

    # --- lines -----------------------------------------------------------------------------------

    def _look(self, now: float, actions: list[Action]) -> None:
        # A request's last word may stand before its settlement, or behind it.
        settled = [each for each in actions if isinstance(each, Settle)]
        for action in actions:
            if isinstance(action, Reserve):
                running = self._running.get(action.request)
                if running is not None:
                    running.tenant = action.tenant
            elif isinstance(action, Relay | Reject):
                self._answered(action, now, settled)
        for settle in settled:
            running = self._running.pop(settle.request, None)
            if running is not None:
                self._settled(settle, running)

    def _answered(self, action: Relay | Reject, now: float, settled: list[Settle]) -> None:
        """The client is given an error of ours, or the source's own."""
        running = self._running.get(action.request)
        if running is None:
            return
        if isinstance(action, Relay):
            if running.status in _OURS:
                running.status = 502
            return
        if running.status != _BEGUN:
            running.status = action.status
        if all(each.request != action.request for each in settled):
            self._refused(action, now)

    def _refused(self, action: Reject, now: float) -> None:
        """Before anything was reserved, or because that could not be written."""
        running = self._running.pop(action.request)
        asked = running.arrived
        self._write(
            Line(
                time=self._now(),
                request=asked.request,
                outcome="refused",
                tenant=running.tenant or self._tenant_of(asked.key),
                key=asked.key,
                route=asked.route,
                operation=asked.operation,
                stream=asked.stream,
                trace=asked.trace,
                tag=asked.tag,
                status=action.status,
                code=action.code,
                duration=now - running.at,
            )
        )

    def _settled(self, settle: Settle, running: Running) -> None:
        asked, used = running.arrived, settle.usage
        self._write(
            Line(
                time=self._now(),
                request=asked.request,
                outcome=settle.outcome,
                tenant=running.tenant,
                key=asked.key,
                route=asked.route,
                operation=asked.operation,
                stream=asked.stream,
                trace=asked.trace,
                tag=asked.tag,
                status=200 if settle.outcome == "completed" else running.status,
                code=settle.code,
                source=settle.source,
                model=settle.model,
                upstream_model=settle.upstream_model,
                substituted=settle.substituted,
                attempts=settle.attempts,
                failed=tuple(
                    [
                        Attempted(each.source, each.model, each.kind, each.status)
                        for each in settle.failed
                    ]
                ),
                ttft=settle.ttft,
                duration=settle.duration,
                input=used.input,
                cached_input=used.cached_input,
                cache_write=used.cache_write,
                output=used.output,
                reasoning=used.reasoning,
                estimated=used.estimated,
                cost_usd=_dollars(settle.cost),
            )
        )

    def _write(self, line: Line) -> None:
        self.writer.add(self._encode(line))

    def _now(self) -> str:
        utc = self._utc()
        second = int(utc)
        if second != self._second:
            self._second = second
            self._told = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._told}.{int((utc - second) * 1000):03d}Z"


def _dollars(cost: int) -> str:
    """Pico-dollars as exact dollars."""
    if cost % _PICO == 0:
        return str(cost // _PICO)
    return f"{cost // _PICO}.{cost % _PICO:012d}".rstrip("0")


class Each:
    """Several who stand where a recording does, as one."""

    def __init__(self, *them: Steps) -> None:
        self._them = them

    def step(self, now: float, event: Event, actions: list[Action]) -> None:
        """See `Steps`."""
        for one in self._them:
            one.step(now, event, actions)

    def adopted(
        self, now: float, documents: Mapping[str, str], main: str, actions: list[Action]
    ) -> None:
        """See `Steps`."""
        for one in self._them:
            one.adopted(now, documents, main, actions)
