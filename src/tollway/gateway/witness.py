"""Holds an answer against the lock before anything of it counts as one.

Rules
1. Nothing of an answer is handed on before it has said which model gives it; an unstreamed one is
   held whole for that.
2. One that says so nowhere within `MOST_UNNAMED` bytes of a stream says it nowhere.
3. An error is no answer: it is handed on as it came.
4. Once it is known, what comes is handed on as it comes.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from tollway.dispatch.messages import FailureKind, Send
from tollway.gateway.spoken import MOST_HELD
from tollway.gateway.sse import BareCarriageReturn, EventSplitter, plain_data, read_event
from tollway.pins.serving import Pin, difference

MOST_UNNAMED: Final = 64 * 1024


class _Named(msgspec.Struct, gc=False):
    """Where the dialects say which model it is: Chat Completions, Messages, Responses, Gemini."""

    model: Any = None
    system_fingerprint: Any = None
    modelVersion: Any = None  # noqa: N815 - Gemini's name for it
    message: Any = None
    response: Any = None
    error: Any = None
    type: Any = None


_decode: Final = msgspec.json.Decoder(_Named).decode


class Attempting(Protocol):
    """The attempt whose answer it is."""

    action: Send

    def head(self, status: int, headers: dict[bytes, bytes]) -> None: ...
    def data(self, data: bytes, ended: bool) -> None: ...
    def lost(self, kind: FailureKind, detail: str) -> None: ...
    def unpinned(self, words: str, body: bytes) -> None: ...


class Witness:
    """What a source's call tells instead of the attempt, until the answer has named its model.

    `differs` is told how the answer of an attempt differs, and whether it is refused for that.
    """

    __slots__ = (
        "_attempt", "_differs", "_events", "_held", "_pin", "_size", "_stream", "_through",
    )  # fmt: skip

    def __init__(
        self,
        attempt: Attempting,
        pin: Pin,
        stream: bool,
        differs: Callable[[Send, str, bool], None],
    ) -> None:
        self._attempt = attempt
        self._pin = pin
        self._stream = stream
        self._differs = differs
        self._events = EventSplitter(MOST_UNNAMED)
        self._held: list[bytes] = []
        self._size = 0
        self._through = False

    def head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """The head of the answer: an error's is handed on (rule 3)."""
        self._through = not 200 <= status < 300
        self._attempt.head(status, headers)

    def lost(self, kind: FailureKind, detail: str) -> None:
        """The answer ends here."""
        self._attempt.lost(kind, detail)

    def data(self, data: bytes, ended: bool) -> None:
        """The next bytes of the body."""
        if self._through:
            self._attempt.data(data, ended)
            return
        self._held.append(data)
        self._size += len(data)
        if self._stream:
            self._read_events(data, ended)
        elif ended:
            self._judge(b"".join(self._held))
        elif self._size > MOST_HELD:
            self._tell(f"is longer than {MOST_HELD} bytes before it names a model", ended)

    def _read_events(self, data: bytes, ended: bool) -> None:
        events = self._events.feed(data)
        if ended:
            events = [*events, self._events.rest()]
        for event in events:
            named = _named(event)
            if named is not None and (named.error or named.type == "error"):
                self._pass(ended)
                return
            if named is not None and _model(named) is not None:
                self._hold_against(named, ended)
                return
        if ended or self._events.overlong or self._size > MOST_UNNAMED:
            self._hold_against(None, ended)

    def _judge(self, body: bytes) -> None:
        try:
            named = _decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._pass(ended=True)  # it is no answer, and the attempt says why
            return
        if named.error or named.type == "error":
            self._pass(ended=True)
        else:
            self._hold_against(named, ended=True)

    def _hold_against(self, named: _Named | None, ended: bool) -> None:
        model = None if named is None else _model(named)
        fingerprint = None if named is None else _text(named.system_fingerprint)
        self._tell(difference(self._pin, model, fingerprint), ended)

    def _tell(self, words: str | None, ended: bool) -> None:
        """Hand the answer on, or not: `words` say how it differs."""
        if words is not None:
            self._differs(self._attempt.action, words, self._pin.enforced)
            if self._pin.enforced:
                body = b"" if self._stream else b"".join(self._held)
                self._held.clear()
                self._attempt.unpinned(words, body)
                return
        self._pass(ended)

    def _pass(self, ended: bool) -> None:
        """Rule 4."""
        self._through = True
        held, self._held = self._held, []
        self._attempt.data(held[0] if len(held) == 1 else b"".join(held), ended)


def _named(event: bytes) -> _Named | None:
    payload = plain_data(event)
    if payload is None:
        try:
            _, payload = read_event(event)
        except BareCarriageReturn:
            return None
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _model(named: _Named) -> str | None:
    inner: Any = named.message or named.response
    within = inner.get("model") if isinstance(inner, dict) else None
    return _text(named.model) or _text(named.modelVersion) or _text(within)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
