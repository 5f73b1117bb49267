"""What an answer in any dialect says about itself, and its bytes in the client's.

Rules
1. In the client's own dialect bytes go out as they came, whole events at a time; in another one
   they are written from what was read.
2. What comes before the first content is kept until then; nothing from an error on goes out.
3. Usage that the source gives is the truth; without it output is estimated, as `meter` does.
4. A whole answer is held to its end: its usage stands there, and it may have to be put anew.
5. A stream that closes without its end marker is whole only where every choice gave its reason.
6. Whatever a source's words lead a reader to raise ends the attempt, and nothing else.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tollway.dialects.deltas import Broken, Delta, Done, Opened, Piece, Stopped, Used
from tollway.dialects.forms import Form, Told, Writer
from tollway.dialects.meaning import Answer, Loss, Reasoning, Refusal, Text, ToolCall
from tollway.fleet.usage import Usage
from tollway.gateway.chunks import Errors
from tollway.gateway.facts import RequestFacts
from tollway.gateway.meter import Meter
from tollway.gateway.reported import UNREADABLE, error_in, text_bytes
from tollway.gateway.sse import BareCarriageReturn, plain_data, read_event
from tollway.gateway.tokens import text_tokens

MOST_HELD: Final = 32 * 1024 * 1024
"""Bytes of a whole answer that are held: images come in base64."""


def unread(paths: Sequence[str]) -> tuple[Loss, ...]:
    """What was said and has no place in the meaning."""
    return tuple([Loss(path, "has no meaning that dialects share") for path in paths])


class SpokenMeter(Meter):
    """Looks at a streamed answer in the dialect of `source`. `writer` puts it into the client's;
    None where that is the same."""

    __slots__ = ("_reader", "_writer")

    def __init__(
        self, facts: RequestFacts, started: float, source: Form, writer: Writer | None
    ) -> None:
        super().__init__(facts, started)
        self._reader = source.reader()
        self._writer = writer

    def feed(self, data: bytes, now: float) -> bytes:
        """See `Meter.feed`."""
        if self._over():
            return b""
        pieces = self._pieces
        out: list[bytes] = []
        for event in self._events.feed(data):
            said = self._look(event)
            if said:
                out.append(said)
                if not (self.started or self.ended):
                    self._hold(said)
            if self._over():
                break
        else:
            if self._events.overlong:
                self.malformed = f"an event is longer than {self._cap} bytes"
        if self._pieces > pieces:
            self._tick(now)
        return self._release(out)

    def finish(self, now: float) -> bytes:
        """See `Meter.finish`. A last event without its empty line is taken as whole."""
        rest = self._events.rest()
        out = self.feed(rest.rstrip(b"\r\n") + b"\n\n", now) if rest.strip() else b""
        if self._over() or not self.finished:
            return out
        try:
            said = self._note(self._reader.finish())
        except Exception as fault:  # noqa: BLE001 - rule 6
            self.malformed = _why(fault)
            return out
        return out + self._release([said] if said else [])

    def _look(self, event: bytes) -> bytes:
        """Note what an event says; what the client is to get of it."""
        name = b""
        payload = plain_data(event)
        if payload is None:
            try:
                name, payload = read_event(event)
            except BareCarriageReturn as bare:
                self.malformed = str(bare)
                return b""
        if not payload:
            return event if self._writer is None else b""
        try:
            deltas = self._reader.read(name, payload)
            said = self._note(deltas)
        except Exception as fault:  # noqa: BLE001 - rule 6
            self.malformed = _why(fault)
            return b""
        return said if self._writer is not None or self.error is not None else event

    def _note(self, deltas: Sequence[Delta]) -> bytes:
        """Count what was said, and put it into the client's dialect."""
        for delta in deltas:
            if isinstance(delta, Piece):
                if delta.text:
                    self._pieces += 1
                    self._bytes += text_bytes(delta.text)
                    self.started = True
            elif isinstance(delta, Used):
                self._reported = delta.usage
                self._pieces_reported = self._pieces
            elif isinstance(delta, Opened):
                self.started = self.started or delta.kind == "tool_call"
            elif isinstance(delta, Stopped):
                if not self.finished:
                    self.reasons.append(delta.stop)
                    self.finished = len(self.reasons) >= self._facts.choices
            elif isinstance(delta, Done):
                self.ended = True
            elif isinstance(delta, Broken):
                self.error, self.error_status = delta.message, delta.status
                return b""
        return self._said(deltas)

    def _said(self, deltas: Sequence[Delta]) -> bytes:
        """The client's words for it."""
        return b"" if self._writer is None else self._writer.write(deltas)

    def _release(self, out: list[bytes]) -> bytes:
        """Rule 2."""
        if not (self.started or self.ended):
            if not self._over():
                self._held += out
            return b""
        if self._held:
            out = self._held + out
            self._held = []
        return b"".join(out)


class SpokenBody:
    """Looks at a whole answer in the dialect of `source`. `client` is the form that it is put into;
    None where that is the same.

    `error` is set where a 200 holds an error, `malformed` where the body is no answer; `body` is
    what the client gets, `losses` what of it could not be carried.
    """

    __slots__ = (
        "_answer", "_client", "_facts", "_source", "_told", "body", "error", "error_status",
        "losses", "malformed",
    )  # fmt: skip

    def __init__(self, facts: RequestFacts, source: Form, client: Form | None, told: Told) -> None:
        self._facts = facts
        self._source = source
        self._client = client
        self._told = told
        self._answer: Answer | None = None
        self.body = b""
        self.losses: tuple[Loss, ...] = ()
        self.error: str | None = None
        self.error_status: int | None = None
        self.malformed: str | None = None

    def finish(self, body: bytes) -> None:
        """The answer is whole."""
        if _holds_error(body):
            self.error, self.error_status = error_in(body)
            return
        try:
            answer = self._answer = self._source.read_answer(body)
            self.body = body
            if self._client is not None:
                self.body, losses = self._client.write_answer(answer, self._told)
                self.losses = unread(answer.unread) + losses
        except Exception as fault:  # noqa: BLE001 - rule 6
            self.malformed = _why(fault)

    def usage(self) -> Usage:
        """What the request used; an error used nothing."""
        answer = self._answer
        if answer is None:
            return Usage(estimated=True)
        if answer.usage is not None:
            return answer.usage
        output = text_tokens(sum(_generated(part) for it in answer.choices for part in it.parts))
        return Usage(input=self._facts.input_tokens, output=output, estimated=True)


_decode_errors: Final = msgspec.json.Decoder(Errors).decode


def _holds_error(body: bytes) -> bool:
    """Whether a body is an error, in the shape of any dialect."""
    try:
        told = _decode_errors(body)
    except UNREADABLE:
        return False
    return told.type == "error" or bool(told.error)


def _why(fault: Exception) -> str:
    """In words: a reader's own are good, another exception's are for us."""
    if isinstance(fault, ValueError):
        return str(fault)
    return f"the answer cannot be read: {type(fault).__name__}: {fault}"


def _generated(part: object) -> int:
    """Bytes that the model wrote for a part."""
    if isinstance(part, Text | Reasoning | Refusal):
        return text_bytes(part.text)
    return text_bytes(part.arguments) if isinstance(part, ToolCall) else 0
