"""Attempts whose answers are inspected before they go out.

Rules
1. A stream is written anew from its meaning: what has no meaning that dialects share (log
   probabilities, for one) is left out.
2. A whole answer goes out as it came where nothing is to be taken out of it. One of more than
   `ON_THE_LOOP` bytes is inspected in a thread.
3. A barred answer is no failure of its source: it is settled with what it used, and nobody else is
   asked.
"""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass

from tollway.dialects.deltas import Delta
from tollway.dialects.forms import Form, Told, Writer
from tollway.dialects.registry import FORMS
from tollway.dispatch.messages import FailureKind, Send
from tollway.fleet.usage import Usage
from tollway.gateway.answers import relayed_lines
from tollway.gateway.attempt import Owner, SpokenAttempt, StreamAttempt
from tollway.gateway.facts import RequestFacts
from tollway.gateway.guarded.answers import BarredError, Incoming, Passing
from tollway.gateway.guarded.clearing import Labels
from tollway.gateway.guarded.completions import CompletionReader
from tollway.gateway.guarded.inspector import ON_THE_LOOP, QUICK, Inspector
from tollway.gateway.meter import BodyMeter
from tollway.gateway.spoken import SpokenBody, SpokenMeter
from tollway.gateway.upstream import Upstream
from tollway.guard.limit import OverLimitError

_PASSED_ON = (b"x-request-id", b"openai-processing-ms")
_UNREADABLE = "The answer could not be inspected, so it may not come in."


@dataclass(frozen=True, slots=True)
class Inspected:
    """How the answers to one request are inspected, and where."""

    incoming: Incoming
    inspector: Inspector

    def error(self, body: bytes, upstream: Upstream) -> bytes | None:
        """A source's own error, as it may come in; None where it may not."""
        try:
            return self.incoming.whole(body, labels_of(upstream), QUICK)
        except (BarredError, OverLimitError, ValueError):
            return None


class GuardedMeter(SpokenMeter):
    """Looks at a stream, and lets out what may pass. `barred` says why nothing more may."""

    __slots__ = ("_passing", "barred")

    def __init__(
        self,
        facts: RequestFacts,
        started: float,
        source: Form | None,
        writer: Writer,
        passing: Passing,
    ) -> None:
        super().__init__(facts, started, source or FORMS["openai"], writer)
        if source is None:
            self._reader = CompletionReader()
        self._passing = passing
        self.barred: str | None = None

    def _said(self, deltas: Sequence[Delta]) -> bytes:
        try:
            passed = self._passing.take(deltas)
        except BarredError as barred:
            self.barred = str(barred)
            self.malformed = "barred"  # nothing more of it is read
            self.ended = False  # it may have been the end marker that let the last words out
            return b""
        return super()._said(passed)

    def _release(self, out: list[bytes]) -> bytes:
        return b"" if self.barred is not None else super()._release(out)


def _own(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The source's headers without those that would be passed on unread."""
    return {name: value for name, value in headers.items() if name not in _PASSED_ON}


class GuardedStream(StreamAttempt):
    """An answer in server-sent events, inspected."""

    __slots__ = ("_barring",)

    def __init__(self, owner: Owner, action: Send, upstream: Upstream, meter: GuardedMeter) -> None:
        super().__init__(owner, action, upstream, meter)
        self._barring = meter

    def head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """See `Attempt.head`."""
        super().head(status, _own(headers))

    def _fail(self, kind: FailureKind, detail: str, status: int | None = None) -> None:
        barred = self._barring.barred
        if barred is None:
            super()._fail(kind, detail, status)
        else:
            self._owner.barred(barred)


class PlainBody(SpokenBody):
    """A whole answer of Chat Completions, completions or embeddings that goes out as it came."""

    __slots__ = ("_meter",)

    def __init__(self, facts: RequestFacts, told: Told) -> None:
        super().__init__(facts, FORMS["openai"], None, told)
        self._meter = BodyMeter(facts)

    def finish(self, body: bytes) -> None:
        """See `SpokenBody.finish`."""
        self._meter.feed(body)
        self._meter.finish()
        self.error, self.error_status = self._meter.error, self._meter.error_status
        self.malformed = self._meter.malformed
        self.body = body

    def usage(self) -> Usage:
        """See `SpokenBody.usage`."""
        return self._meter.usage()


class GuardedWhole(SpokenAttempt):
    """An answer in one JSON body, inspected."""

    __slots__ = ("_gone", "_inspected")

    def __init__(
        self,
        owner: Owner,
        action: Send,
        upstream: Upstream,
        meter: SpokenBody,
        inspected: Inspected,
    ) -> None:
        super().__init__(owner, action, upstream, meter)
        self._inspected = inspected
        self._gone = False

    def head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """See `Attempt.head`."""
        super().head(status, _own(headers))

    def drop(self) -> None:
        """See `Attempt.drop`."""
        self._gone = True
        super().drop()

    def _whole(self) -> None:
        body, incoming = self.meter.body, self._inspected.incoming
        labels = labels_of(self.upstream)
        if len(body) > ON_THE_LOOP:
            self._beside(body)
            return
        try:
            body = incoming.whole(body, labels, QUICK)
        except OverLimitError:
            self._beside(body)
        except BarredError as barred:
            self._owner.barred(str(barred))
        except ValueError:
            self._owner.barred(_UNREADABLE)
        else:
            self._answered(body)

    def _beside(self, body: bytes) -> None:
        inspected, labels = self._inspected, labels_of(self.upstream)
        limit = inspected.inspector.limit()
        work = inspected.inspector.run(lambda: inspected.incoming.whole(body, labels, limit))
        work.add_done_callback(self._cleared)

    def _cleared(self, work: "Future[bytes]") -> None:
        if self._gone:
            return
        error = None if work.cancelled() else work.exception()
        if work.cancelled() or error is not None:
            self._owner.barred(str(error) if isinstance(error, BarredError) else _UNREADABLE)
        else:
            self._answered(work.result())

    def _answered(self, body: bytes) -> None:
        lines = relayed_lines(self.headers)
        self._owner.answered(lines, body, self.meter.usage(), self.meter.losses)


def labels_of(upstream: Upstream) -> Labels:
    return frozenset(upstream.source.labels)
