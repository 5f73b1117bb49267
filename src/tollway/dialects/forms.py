"""What each dialect can do, by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from tollway.dialects.deltas import Delta
from tollway.dialects.meaning import Answer, Ask, Loss


class Told(msgspec.Struct, frozen=True, gc=False):
    """What an answer says of itself to the client: the gateway's `id` for it, the model as the
    client named it, when it was `created` (seconds since the epoch), whether the client asked for
    a usage event, and what the client `asked` (Responses repeats it in the answer; without it the
    API's defaults stand there)."""

    id: str
    model: str
    created: int
    wants_usage: bool = True
    asked: Ask | None = None


class Reader(Protocol):
    """Reads one stream, event by event."""

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one event says. `name` is its `event:` field, empty where it has none.

        Raises:
            ValueError: the event is not JSON, or not of this dialect.
        """
        ...

    def finish(self) -> Sequence[Delta]:
        """What remains to be said where the source closed in good order, without an end marker."""
        ...


class Writer(Protocol):
    """Writes one stream."""

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole server-sent events; empty where nothing is to be said yet. `Broken` is not
        written: what the client is told of a failure is the gateway's to say (`broken`)."""
        ...

    def broken(self, status: int, code: str, message: str) -> bytes:
        """The event that ends a stream which broke after content went out."""
        ...


@dataclass(frozen=True, slots=True)
class Form:
    """One dialect. `read_ask(body, model, stream)`: the model and whether to stream are None where
    the body says it (all but Gemini, whose path does). `write_ask(ask, model)` names the model as
    the source knows it; its losses do not repeat `Ask.unread`, nor those of `write_answer`
    `Answer.unread`. `write_error(status, code, message, param)` is a whole error answer.

    Raises:
        Fault: from `read_ask`, for a body that says nothing in this dialect; from `write_ask`, for
            what this dialect cannot say and nobody may leave out.
        ValueError: from `read_answer`, for a body that is no answer.
    """

    read_ask: Callable[[bytes, str | None, bool | None], Ask]
    write_ask: Callable[[Ask, str], tuple[bytes, tuple[Loss, ...]]]
    read_answer: Callable[[bytes], Answer]
    write_answer: Callable[[Answer, Told], tuple[bytes, tuple[Loss, ...]]]
    reader: Callable[[], Reader]
    writer: Callable[[Told], Writer]
    write_error: Callable[[int, str, str, str | None], bytes]
