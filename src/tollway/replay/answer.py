"""What one request got back: an answer as it streams in, and the few facts kept of it.

Rules
1. An answer is whole only with its end marker `[DONE]`; a stream that ends without it was cut.
2. Content is text, reasoning or a tool call; an empty delta or a role is not.
"""

from collections.abc import Callable

import msgspec

MAX_ERROR_BODY = 64 * 1024
MAX_EVENT = 16 * 1024 * 1024


class _Delta(msgspec.Struct, frozen=True, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw | None = None


class _Choice(msgspec.Struct, frozen=True, gc=False):
    delta: _Delta = _Delta()


class _Tokens(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Problem(msgspec.Struct, frozen=True, gc=False):
    message: str = ""
    code: str | int | None = None
    type: str | None = None

    @property
    def name(self) -> str:
        return str(self.code or self.type or "error")


class _Chunk(msgspec.Struct, frozen=True, gc=False):
    choices: tuple[_Choice, ...] = ()
    usage: _Tokens | None = None
    error: _Problem | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class Answer:
    """An HTTP answer to one request. Times are readings of `clock`; None is "not yet"."""

    __slots__ = (
        "_buffer",
        "_clock",
        "complete",
        "done",
        "error",
        "error_message",
        "events",
        "first_content",
        "headers",
        "input_tokens",
        "last_content",
        "output_tokens",
        "status",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buffer = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.first_content: float | None = None
        self.last_content: float | None = None
        self.events = 0
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.error: str | None = None
        self.error_message = ""
        self.done = False
        self.complete = False

    @property
    def is_stream(self) -> bool:
        """Whether the answer is server-sent events."""
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        data = self._buffer + data
        if not self.is_stream:
            self._buffer = data[:MAX_ERROR_BODY]
            return
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        *events, self._buffer = data.split(b"\n\n")
        for event in events:
            self._event(event)
        if len(self._buffer) > MAX_EVENT:
            self.error, self._buffer = "event_too_long", b""

    def end(self) -> None:
        """The body is whole. A body that is no stream is an error's, or another JSON answer."""
        self.complete = True
        if self.is_stream or self.status < 400:
            return
        try:
            problem = _chunk.decode(self._buffer).error
        except msgspec.MsgspecError:
            problem = None
        self.error = problem.name if problem else f"status_{self.status}"
        self.error_message = problem.message if problem else ""

    @property
    def body(self) -> bytes:
        """The body of an answer that is no stream, up to `MAX_ERROR_BODY` bytes."""
        return self._buffer

    def _event(self, event: bytes) -> None:
        data = b"\n".join(
            line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")
        )
        if not data:
            return
        if data == b"[DONE]":
            self.done = True
            return
        self.events += 1
        try:
            chunk = _chunk.decode(data)
        except msgspec.MsgspecError:
            self.error = self.error or "malformed_event"
            return
        if chunk.error is not None:
            self.error, self.error_message = chunk.error.name, chunk.error.message
        if chunk.usage is not None:
            self.input_tokens = chunk.usage.prompt_tokens
            self.output_tokens = chunk.usage.completion_tokens
        if any(_has_content(choice.delta) for choice in chunk.choices):
            self.last_content = self._clock()
            if self.first_content is None:
                self.first_content = self.last_content


def _has_content(delta: _Delta) -> bool:
    return bool(delta.content or delta.reasoning_content or delta.reasoning or delta.tool_calls)
