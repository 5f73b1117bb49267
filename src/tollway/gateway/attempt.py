"""One attempt at a request: what a source answers, until it is whole or has failed.

Rules
1. Nothing of an answer goes out before its first content: until then another source can take over
   and the client sees one clean answer.
2. Bytes are relayed as the meter hands them over, never rebuilt.
3. An answer that is not a stream is held until it is whole, up to a cap, so that one cut short
   can still fall back.
4. What a source says of a failure goes on without our credential, should it repeat it.
5. An attempt is over once, with a whole answer or with one failure.
"""

from typing import Final, Protocol

from tollway.dialects.meaning import Loss
from tollway.dispatch.messages import FailureKind, Send
from tollway.fleet.usage import Usage
from tollway.gateway.answers import relayed_lines, retry_after
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import JSON_HEADER, retry_after_line
from tollway.gateway.meter import BodyMeter, Meter
from tollway.gateway.spoken import MOST_HELD, SpokenBody
from tollway.gateway.upstream import Call, Upstream

MAX_HELD: Final = 1024 * 1024
"""Bytes of an unstreamed answer that are held."""
MAX_ERROR: Final = 64 * 1024
"""Bytes of a source's error answer that are kept for relaying."""


class Failure(Exception):  # noqa: N818 - what dispatch is told, not an error of ours
    """Why an attempt has no whole answer."""

    def __init__(
        self,
        kind: FailureKind,
        detail: str,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind
        self.detail = detail
        self.status = status
        self.retry_after = retry_after


class Owner(Protocol):
    """The exchange that an attempt is made for."""

    def clock(self) -> float: ...
    def utc(self) -> float: ...

    def content(self, lines: bytes, length: int | None) -> bool:
        """Start the client's answer; False where the attempt was given up over it."""
        ...

    def part(self, data: bytes) -> None: ...
    def finished(self, usage: Usage) -> None: ...
    def answered(
        self, lines: bytes, body: bytes, usage: Usage, losses: tuple[Loss, ...] = ()
    ) -> None: ...
    def failed(self, failure: Failure) -> None: ...

    def barred(self, words: str) -> None:
        """What the source answers may not come in."""
        ...


class Attempt:
    """What `StreamAttempt` and `BodyAttempt` have in common. Times are of the monotonic clock."""

    __slots__ = (
        "_due",
        "_flowing",
        "_good",
        "_held",
        "_held_size",
        "_moved",
        "_owner",
        "action",
        "call",
        "error_answer",
        "headers",
        "sent_at",
        "status",
        "upstream",
    )
    wanted = b""

    def __init__(self, owner: Owner, action: Send, upstream: Upstream) -> None:
        self._owner = owner
        self.action = action
        self.upstream = upstream
        self.call: Call | None = None
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.error_answer: tuple[int, bytes, bytes] | None = None
        self.sent_at = self._moved = owner.clock()
        self._due = self.sent_at + upstream.source.timeouts.total
        self._flowing = self._good = False
        self._held: list[bytes] = []
        self._held_size = 0

    # --- told by the call ------------------------------------------------------------------------

    def head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.status = status
        self.headers = headers
        self._good = 200 <= status < 300
        if not self._good:
            return
        kind = headers.get(b"content-type", b"")
        if kind != self.wanted:
            kind = kind.partition(b";")[0].strip().lower()
        if kind != self.wanted:
            shown = kind.decode("ascii", "replace")[:80] or "no content-type"
            self._fail("malformed", f"answered {shown} instead of {self.wanted.decode()}")
        elif headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            self._fail("malformed", "the answer is compressed, which was not asked for")

    def data(self, data: bytes, ended: bool) -> None:
        if self._good:
            self._take(data, ended)
            return
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > MAX_ERROR:
            self._answered_error(b"")
        elif ended:
            self._answered_error(b"".join(self._held))

    def lost(self, kind: FailureKind, detail: str) -> None:
        if self.status is not None and not self._good:
            self._answered_error(b"")
        else:
            self._fail(kind, detail)

    # --- told by the exchange --------------------------------------------------------------------

    def drop(self) -> None:
        """Give the attempt up."""
        call, self.call = self.call, None
        if call is not None:
            call.close()

    def pause(self) -> None:
        if self.call is not None:
            self.call.pause()

    def resume(self) -> None:
        self._moved = self._owner.clock()
        if self.call is not None:
            self.call.resume()

    def check(self, now: float, paused: bool) -> None:
        """Enforce the source's total and idle timeouts."""
        timeouts = self.upstream.source.timeouts
        if now >= self._due:
            self._fail("too_long", f"not done after {timeouts.total:g} s")
        elif self._flowing and not paused and now - self._lived_at() >= timeouts.idle:
            self._fail("stall", f"nothing for {timeouts.idle:g} s")

    def progress(self) -> int | None:
        """Output tokens so far of a stream that flows, else None."""
        return None

    def _lived_at(self) -> float:
        """When the source last showed life, or was last let go on."""
        return self._moved

    def spent(self, kind: FailureKind | None) -> Usage:
        """What the attempt is believed to cost if it ends now, for `kind` or because the client
        left. A source that refused charges nothing; one that was left at work may charge input."""
        if self.status is not None:
            return self._metered(kind) if self._good else Usage()
        at_work = self.call is not None and self.call.connection is not None
        if at_work and kind in (None, "late", "too_long"):
            return self._metered(kind)
        return Usage()

    # --- for the two kinds -----------------------------------------------------------------------

    def _take(self, data: bytes, ended: bool) -> None:
        raise NotImplementedError

    def _metered(self, kind: FailureKind | None) -> Usage:
        raise NotImplementedError

    def _fail(self, kind: FailureKind, detail: str, status: int | None = None) -> None:
        self._owner.failed(Failure(kind, self._veil(detail.encode()).decode(), status))

    def unpinned(self, words: str, body: bytes) -> None:
        """The answer is not of the model that is locked, which `words` say. `body` is all of one
        that is not a stream: it was paid for all the same."""
        self._weigh(body)
        self._fail("unpinned", words)

    def _weigh(self, body: bytes) -> None:
        """Count what a body says it used."""

    def _veil(self, said: bytes) -> bytes:
        """Rule 4."""
        secret = self.upstream.origin.secret
        return said if secret is None else said.replace(secret.encode(), b"[credential]")

    def _answered_error(self, body: bytes) -> None:
        status = self.status or 502
        after = retry_after(self.headers.get(b"retry-after"), self._owner.utc())
        if body.lstrip()[:1] == b"{":
            lines = JSON_HEADER + retry_after_line(after)
            self.error_answer = (status, lines, self._veil(body))
        self._owner.failed(Failure("status", f"answered {status}", status, after))


class StreamAttempt(Attempt):
    """An answer in server-sent events."""

    __slots__ = ("meter",)
    wanted = b"text/event-stream"

    def __init__(self, owner: Owner, action: Send, upstream: Upstream, meter: Meter) -> None:
        super().__init__(owner, action, upstream)
        self.meter = meter

    def _take(self, data: bytes, ended: bool) -> None:
        meter = self.meter
        now = self._owner.clock()
        out = meter.feed(data, now)
        if ended and not meter.ended:
            out += meter.finish(now)
        if out:
            if not self._flowing:
                self._moved = now
                self._flowing = True
                if not self._owner.content(relayed_lines(self.headers), None):
                    return
            self._owner.part(out)
        if meter.ended:
            if self.call is not None and not self.call.over:
                self.call.let_go()
            self._owner.finished(meter.usage())
        elif meter.error is not None:
            self._fail("error_event", meter.error, meter.error_status)
        elif meter.malformed is not None:
            self._fail("malformed", meter.malformed)
        elif ended:
            self._fail("cut", "the stream ended without its end marker")

    def progress(self) -> int | None:
        return self.meter.output_tokens if self._flowing else None

    def _lived_at(self) -> float:
        # Content, reasoning and tool calls are life; comments are what a hung source still sends.
        return max(self._moved, self.meter.last_at)

    def _metered(self, kind: FailureKind | None) -> Usage:
        return self.meter.usage()


class BodyAttempt(Attempt):
    """An answer in one JSON body."""

    __slots__ = ("_meter",)
    wanted = b"application/json"

    def __init__(self, owner: Owner, action: Send, upstream: Upstream, facts: RequestFacts) -> None:
        super().__init__(owner, action, upstream)
        self._meter = BodyMeter(facts)

    def _take(self, data: bytes, ended: bool) -> None:
        meter = self._meter
        self._moved = self._owner.clock()
        self._flowing = True
        meter.feed(data)
        if self._held_size > MAX_HELD:
            if data:
                self._owner.part(data)
        else:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size > MAX_HELD and not ended and not self._let_out():
                return
        if ended:
            self._end()

    def _weigh(self, body: bytes) -> None:
        self._meter.feed(body)
        self._meter.finish()

    def _let_out(self) -> bool:
        """Too large to hold (rule 3): from here on it can only be broken off."""
        held, self._held = self._held, []
        length = self.headers.get(b"content-length")
        lines = relayed_lines(self.headers)
        if not self._owner.content(lines, None if length is None else int(length)):
            return False
        self._owner.part(b"".join(held))
        return True

    def _end(self) -> None:
        meter = self._meter
        meter.finish()
        if meter.error is not None:
            self._fail("error_event", meter.error, meter.error_status)
        elif meter.malformed is not None:
            self._fail("malformed", meter.malformed)
        elif self._held:
            body = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._owner.answered(relayed_lines(self.headers), body, meter.usage())
        else:
            self._owner.finished(meter.usage())

    def _metered(self, kind: FailureKind | None) -> Usage:
        return self._meter.usage()


class SpokenAttempt(Attempt):
    """An answer in one JSON body of a dialect that is not Chat Completions, or is put into one."""

    __slots__ = ("meter",)
    wanted = b"application/json"

    def __init__(self, owner: Owner, action: Send, upstream: Upstream, meter: SpokenBody) -> None:
        super().__init__(owner, action, upstream)
        self.meter = meter

    def _take(self, data: bytes, ended: bool) -> None:
        self._moved = self._owner.clock()
        self._flowing = True
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > MOST_HELD:
            self._fail("malformed", f"the answer is longer than {MOST_HELD} bytes")
        elif ended:
            self._end()

    def _end(self) -> None:
        meter = self.meter
        meter.finish(b"".join(self._held))
        if meter.error is not None:
            self._fail("error_event", meter.error, meter.error_status)
        elif meter.malformed is not None:
            self._fail("malformed", meter.malformed)
        else:
            self._whole()

    def _weigh(self, body: bytes) -> None:
        self.meter.finish(body)

    def _whole(self) -> None:
        """The answer is whole and good."""
        meter = self.meter
        lines = relayed_lines(self.headers)
        self._owner.answered(lines, meter.body, meter.usage(), meter.losses)

    def _metered(self, kind: FailureKind | None) -> Usage:
        return self.meter.usage()
