"""One request's life: what dispatch asks for is done, what happens is told to dispatch.

Rules
1. Until the first content has gone out every failure can be made good by another attempt.
2. After it a failure ends in an error event and the end of the chunks, without `[DONE]`: the
   client's library sees an error and not a short answer. An answer that is not a stream is broken
   off instead.
3. A client that reads slowly stops the reading from the source, and the source's idle timeout.
4. Every attempt that was sent is ended by exactly one `Finished`, `Failed` or `Cancelled`.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from tollway.dialects.forms import Told, Writer
from tollway.dialects.meaning import Fault, Loss
from tollway.dialects.registry import FORMS
from tollway.dispatch.messages import (
    Abort,
    Cancelled,
    Content,
    EndWithError,
    Event,
    Failed,
    Finished,
    Progressed,
    Reject,
    Room,
    Send,
)
from tollway.fleet.objects import Dialect
from tollway.fleet.usage import Usage
from tollway.gateway.answers import attempt_lines
from tollway.gateway.attempt import Attempt, Failure, StreamAttempt
from tollway.gateway.attempts import Said, guarded_attempt, plain_attempt, spoken_attempt
from tollway.gateway.client import ClientConnection
from tollway.gateway.guarded.request import Guarded
from tollway.gateway.http import Refusal, header_line, retry_after_line
from tollway.gateway.meter import Meter
from tollway.gateway.openai import error_event
from tollway.gateway.pacing import room_lines
from tollway.gateway.reported import error_in
from tollway.gateway.tracing.tracer import Trace
from tollway.gateway.upstream import Upstream
from tollway.gateway.witness import Witness
from tollway.gateway.wording import Asked, Wording, told, worded
from tollway.pins.serving import RoutePins

_SECRET_STATUSES: Final = frozenset({401, 403, 407})
"""About our credential, not about the client's request, and their text may quote the credential."""


class Board(Protocol):
    """Where exchanges live."""

    upstreams: dict[str, Upstream]
    pins: Mapping[str, RoutePins]

    def clock(self) -> float: ...
    def utc(self) -> float: ...
    def tell(self, event: Event) -> None: ...
    def closed(self, exchange: "Exchange") -> None: ...
    def first_content(self, action: Send, seconds: float) -> None: ...
    def stream_ended(self, action: Send, meter: Meter) -> None: ...
    def unpinned(self, action: Send, words: str, refused: bool) -> None: ...


class Exchange:
    """A request from its arrival to its answer."""

    __slots__ = (
        "_asked", "_attempt", "_board", "_connection", "_error_answer", "_flagged", "_last_send",
        "_losses", "_paused", "_relaying", "_room", "_spoken", "_writer", "bucket", "clock", "done",
        "guarded", "id", "part", "trace", "utc",
    )  # fmt: skip

    def __init__(
        self,
        board: Board,
        connection: ClientConnection,
        request_id: str,
        asked: Asked,
    ) -> None:
        self.id = request_id
        self.done = False
        self.bucket = 0
        self.clock = board.clock
        self.utc = board.utc
        self.part = connection.send
        self.trace: Trace | None = None
        self.guarded: Guarded | None = None
        self._board = board
        self._connection = connection
        self._asked = asked
        self._losses: tuple[Loss, ...] = ()
        self._room: Room | None = None
        self._spoken: Dialect = asked.facts.dialect
        self._writer: Writer | None = None
        self._attempt: Attempt | None = None
        self._last_send: Send | None = None
        self._error_answer: tuple[int, bytes, bytes] | None = None
        self._paused = False
        self._flagged = False
        self._relaying = False
        connection.listener = self

    # --- what dispatch asks for ------------------------------------------------------------------

    def send(self, action: Send) -> None:
        """Start an attempt."""
        self._last_send = action
        self._room = action.room
        upstream = self._board.upstreams.get(action.source)
        if upstream is None:
            self._fail_unsent(action, "the source is not in the fleet any more")
            return
        asked = self._asked
        if self.guarded is not None:
            its_own = self.guarded.asked_of(upstream.source.labels)
            if its_own is None:  # it was labelled anew
                self._fail_unsent(action, "what was found in the request may not go to this source")
                return
            asked = its_own
        try:
            wording = worded(asked, upstream, action.upstream_model)
        except Fault as fault:  # it could be put otherwise before a reload
            self._fail_unsent(action, fault.message)
            return
        attempt = self._attempt = self._begin(action, upstream, wording)
        lines = wording.lines
        if self.trace is not None:
            lines += self.trace.send(action, upstream.source)
        reply = attempt if not self._board.pins else self._witnessed(attempt)
        attempt.call = upstream.open(wording.head, lines, wording.body, reply)
        if self._paused:
            attempt.pause()

    def _begin(self, action: Send, upstream: Upstream, wording: Wording) -> Attempt:
        """The attempt that understands what this source will say."""
        self._losses = wording.losses
        self._spoken = wording.dialect
        facts = self._asked.facts
        inspected = None if self.guarded is None else self.guarded.inspected
        if inspected is None and facts.dialect == "openai" and wording.dialect == "openai":
            return plain_attempt(self, action, upstream, facts)
        said = Said(facts, wording.dialect, self._told())
        if inspected is None:
            attempt, self._writer = spoken_attempt(self, action, upstream, said)
        else:
            attempt, self._writer = guarded_attempt(self, action, upstream, said, inspected)
        return attempt

    def _witnessed(self, attempt: Attempt) -> Attempt | Witness:
        """Who hears the source's answer: a witness first, where the route goes by a lock."""
        self._flagged = False
        action, facts = attempt.action, self._asked.facts
        pins = self._board.pins.get(facts.model)
        pin = None if pins is None else pins.get((action.source, action.upstream_model))
        return attempt if pin is None else Witness(attempt, pin, facts.stream, self._differs)

    def _differs(self, action: Send, words: str, refused: bool) -> None:
        self._flagged = not refused
        self._board.unpinned(action, words, refused)

    def _told(self) -> Told:
        facts = self._asked.facts
        repeated = self._asked.ask if facts.dialect == "responses" else None
        return Told(self.id, facts.model, int(self.utc()), facts.wants_usage, repeated)

    def _fail_unsent(self, action: Send, why: str) -> None:
        self._board.tell(Failed(self.id, action.attempt, "internal", Usage(), detail=why))

    def reject(self, action: Reject) -> None:
        """Answer with dispatch's error."""
        self._room = action.room or self._room
        if self._relaying:
            self.end_with_error(EndWithError(self.id, action.code, action.message))
        else:
            self._refuse(action.status, action.code, action.message, action.retry_after)

    def relay(self) -> None:
        """Answer with the last attempt's own error."""
        answer = self._error_answer
        if answer is None or answer[0] in _SECRET_STATUSES or self._relaying:
            self._refuse(502, "upstream_error", "The source refused the request.", None)
            return
        status, lines, body = answer
        if self.guarded is not None and self._last_send is not None:
            body = self.guarded.error(body, self._board.upstreams.get(self._last_send.source))
        own = self._asked.facts.dialect
        if self._spoken != own:
            body = FORMS[own].write_error(status, "upstream_error", error_in(body)[0], None)
        lines += self._lines()
        self._close()
        self._connection.respond(status, lines, body)

    def end_with_error(self, action: EndWithError) -> None:
        """Rule 2."""
        if not self._relaying:
            self._refuse(502, action.code, action.message, None)
            return
        self._close()
        if self._asked.facts.stream:
            # The meter hands over whole events, so this begins a new one.
            writer = self._writer
            if writer is None:
                event = error_event(action.code, action.message)
            else:
                event = writer.broken(502, action.code, action.message)
            self._connection.send(event)
            self._connection.end()
        else:
            self._connection.abort()

    def abort(self, action: Abort) -> None:
        """Give the attempt up."""
        attempt = self._attempt
        if attempt is not None and attempt.action.attempt == action.attempt:
            self.failed(Failure(action.kind, action.detail))

    # --- what the attempt tells ------------------------------------------------------------------

    def content(self, lines: bytes, length: int | None) -> bool:
        """The first content is here: start the client's answer."""
        attempt = self._attempt
        if attempt is None:
            return False
        self._say_content(attempt)
        if self._attempt is not attempt:
            return False
        self._relaying = True
        if self.trace is not None:
            self.part = self._first_part
        self._asked.forget()  # rule 1: nobody else will be asked
        if self.guarded is not None:
            self.guarded.forget()
        if attempt.call is not None:
            attempt.call.forget_request()
        self._connection.begin(200, lines + self._lines(), length)
        return self._attempt is attempt

    def _first_part(self, data: bytes) -> None:
        self.part = self._connection.send
        if self.trace is not None and self._spoken == self._asked.facts.dialect:
            self.trace.begun(data)
        self.part(data)

    def answered(
        self, lines: bytes, body: bytes, usage: Usage, losses: tuple[Loss, ...] = ()
    ) -> None:
        """A whole answer is here, and nothing of it has gone out."""
        attempt = self._attempt
        if attempt is None:
            return
        # `Finished` says that there was content: nothing is decided between the two.
        self._board.first_content(attempt.action, self.clock() - attempt.sent_at)
        self._losses += losses
        lines += self._lines()
        if self.trace is not None and self._spoken == self._asked.facts.dialect:
            self.trace.body(body)
        self._end_attempt(attempt, usage)
        self._connection.respond(200, lines, body)

    def finished(self, usage: Usage) -> None:
        """The last part of the answer has gone out."""
        attempt = self._attempt
        if attempt is not None:
            self._end_attempt(attempt, usage)
            self._connection.end()

    def failed(self, failure: Failure) -> None:
        """The attempt is over without a whole answer."""
        attempt = self._attempt
        if attempt is None:
            return
        usage = attempt.spent(failure.kind)
        self._error_answer = attempt.error_answer
        self._drop_attempt()
        self._board.tell(
            Failed(
                self.id,
                attempt.action.attempt,
                failure.kind,
                usage,
                failure.status,
                failure.retry_after,
                failure.detail,
            )
        )

    def barred(self, words: str) -> None:
        """What came may not come in. It is used and paid for, and no fault of the source's."""
        if self._attempt is None:
            return
        usage, writer = self._spent(), self._writer
        if not self._relaying or writer is None:  # only a stream is inspected while it goes out
            self._refuse(403, "guard_blocked", words, None)
        else:
            self._close()
            self._connection.send(writer.broken(403, "guard_blocked", words))
            self._connection.end()
        self._board.tell(Cancelled(self.id, usage))

    def _say_content(self, attempt: Attempt) -> None:
        self._board.first_content(attempt.action, self.clock() - attempt.sent_at)
        self._board.tell(Content(self.id, attempt.action.attempt))

    def _end_attempt(self, attempt: Attempt, usage: Usage) -> None:
        self._close()
        self._board.tell(Finished(self.id, attempt.action.attempt, usage))

    # --- ends ------------------------------------------------------------------------------------

    def _drop_attempt(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        if self._relaying and isinstance(attempt, StreamAttempt):
            self._board.stream_ended(attempt.action, attempt.meter)
        attempt.drop()

    def _close(self) -> None:
        self.done = True
        self._drop_attempt()
        self._connection.listener = None
        self._board.closed(self)

    def _refuse(self, status: int, code: str, message: str, after: float | None) -> None:
        lines = retry_after_line(after) + self._lines()
        self._close()
        self._connection.refuse(Refusal(status, code, message, lines))

    def _lines(self) -> bytes:
        lines = attempt_lines(self.id, self._last_send)
        if self._room is not None:
            lines += room_lines(self._room, self._asked.facts.dialect, self.utc())
        if self._losses:
            lines += header_line(b"x-tollway-lost", told(self._losses))
        if self._flagged:
            lines += b"x-tollway-pin: mismatch\r\n"
        return lines

    def _spent(self) -> Usage:
        return Usage() if self._attempt is None else self._attempt.spent(None)

    def client_gone(self) -> None:
        """The client has left: so does the attempt, at once."""
        usage = self._spent()
        self._close()
        self._board.tell(Cancelled(self.id, usage))

    def stop(self) -> None:
        """The gateway ends: so does this request, in words."""
        if self._relaying:
            self.failed(Failure("internal", "the gateway is stopping"))
            return
        usage = self._spent()
        self._refuse(503, "stopping", "The gateway is stopping; try again.", 1.0)
        self._board.tell(Cancelled(self.id, usage))

    def break_down(self) -> None:
        """A fault of ours: end the request, whatever it was doing."""
        if self.done:
            return
        usage = self._spent()
        if self._relaying:
            self._close()
            self._connection.abort()
        else:
            self._refuse(500, "internal_error", "The gateway failed.", None)
        self._board.tell(Cancelled(self.id, usage))

    # --- the client's pace, and time -------------------------------------------------------------

    def client_paused(self) -> None:
        """Rule 3."""
        self._paused = True
        if self._attempt is not None:
            self._attempt.pause()

    def client_resumed(self) -> None:
        self._paused = False
        if self._attempt is not None:
            self._attempt.resume()

    def check(self, now: float) -> None:
        """Enforce the source's timeouts."""
        if self._attempt is not None:
            self._attempt.check(now, self._paused)

    def progress(self) -> None:
        """Tell dispatch how far a stream is."""
        attempt = self._attempt
        if attempt is None:
            return
        tokens = attempt.progress()
        if tokens is not None:
            self._board.tell(Progressed(self.id, attempt.action.attempt, tokens))
