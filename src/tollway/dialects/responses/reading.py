"""Reads a streamed response, event by event.

Rules
1. An event of an unknown type says nothing: the API adds new ones as it likes.
2. A part is opened by its first sign, whichever event that is: not every server sends them all.
3. A thought stays open until the next one, or the end of its item, which brings its signature.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal

import msgspec

from tollway.dialects.deltas import (
    Began,
    Broken,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Unread,
    Used,
)
from tollway.dialects.lenient import decoded
from tollway.dialects.responses.answering import Count, read_stop, read_usage
from tollway.dialects.responses.refusing import status_of
from tollway.dialects.signatures import read_signature

Kind = Literal["text", "reasoning", "tool_call", "refusal"]

CALLS: Final = ("function_call", "custom_tool_call")
CONTENTS: Final[dict[str, Kind]] = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
}


class Failure(msgspec.Struct, gc=False):
    """`error`, in a failed response."""

    message: str = ""
    code: str | None = None


class Details(msgspec.Struct, gc=False):
    """`incomplete_details`."""

    reason: str | None = None


class Response(msgspec.Struct, gc=False):
    """What is read of a response object."""

    id: str = ""
    model: str = ""
    status: str | None = None
    error: Failure | None = None
    incomplete_details: Details | None = None
    usage: Count | None = None


class Item(msgspec.Struct, gc=False):
    """What is read of an output item."""

    type: str = ""
    id: str | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    input: str = ""
    encrypted_content: str | None = None


class Content(msgspec.Struct, gc=False):
    """What is read of a content part."""

    type: str = ""


class Event(msgspec.Struct, gc=False):
    """What is read of the events that say something."""

    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: str = ""
    text: str = ""
    refusal: str = ""
    arguments: str = ""
    input: str = ""
    item: Item | None = None
    part: Content | None = None
    response: Response | None = None
    logprobs: list[msgspec.Raw] | None = None
    message: str = ""
    code: str | None = None
    error: Failure | None = None


class Words(msgspec.Struct, gc=False):
    """What is read of more words of an open part, which most events are."""

    output_index: int = 0
    content_index: int = 0
    delta: str = ""
    logprobs: list[msgspec.Raw] | None = None


class Kinded(msgspec.Struct, gc=False):
    """An event of which only the type is read."""

    type: str = ""


WORDS: Final = b"response.output_text.delta"

_decode = msgspec.json.Decoder(Event).decode
_decode_words = msgspec.json.Decoder(Words).decode
_decode_kind = msgspec.json.Decoder(Kinded).decode

Place = tuple[int, str, int]
"""Output index; "content", "summary" or "call"; and the index therein."""


class ResponsesReader:
    """Reads one stream of the Responses API."""

    __slots__ = ("_called", "_ended", "_next", "_open", "_refused", "_said", "_thoughts", "_unread")

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[Place, int] = {}
        # Parts that have said something: the last word of such a part repeats all of it.
        self._said: set[int] = set()
        # The open thought of an item, and the item's id.
        self._thoughts: dict[int, tuple[Place | None, str]] = {}
        self._called = False
        self._refused = False
        self._ended = False
        self._unread = False

    def read(self, name: bytes, payload: bytes) -> Sequence[Delta]:
        """What one event says.

        Raises:
            ValueError: it is not JSON, or not as the API has it.
        """
        if name == WORDS:
            words = decoded(_decode_words, payload)
            index = self._open.get((words.output_index, "content", words.content_index))
            if index is not None and not words.logprobs:
                self._said.add(index)
                return (Piece(0, index, words.delta),)
        elif name and name not in self._NAMES:
            return ()
        if payload == b"[DONE]":
            return self.finish()
        try:
            event = decoded(_decode, payload)
        except ValueError:
            if decoded(_decode_kind, payload).type not in self._HANDLERS:
                return ()
            raise
        handler = self._HANDLERS.get(event.type)
        return () if handler is None else handler(self, event)

    def finish(self) -> Sequence[Delta]:
        """The end, where the source closed without `response.completed`."""
        if self._ended:
            return ()
        self._ended = True
        return [*self._close_all(), Stopped(0, None), Done()]

    def _began(self, event: Event) -> Sequence[Delta]:
        response = event.response or Response()
        return (Began(response.id, response.model),)

    def _item_added(self, event: Event) -> Sequence[Delta]:
        item = event.item or Item()
        if item.type in CALLS:
            self._called = True
            place = (event.output_index, "call", 0)
            custom = item.type == "custom_tool_call"
            index = self._enter(place)
            return (Opened(0, index, "tool_call", item.call_id, item.name, custom),)
        if item.type == "reasoning":
            self._thoughts[event.output_index] = (None, item.id or "")
        elif item.type != "message":
            return (Unread(f"output[{event.output_index}]: {item.type}"),)
        return ()

    def _part_added(self, event: Event) -> Sequence[Delta]:
        kind = CONTENTS.get(event.part.type if event.part is not None else "")
        if kind is None:
            return ()
        place = (event.output_index, "content", event.content_index)
        return self._opened(place, kind)

    def _summary_added(self, event: Event) -> Sequence[Delta]:
        return self._opened((event.output_index, "summary", event.summary_index), "reasoning")

    def _text(self, event: Event) -> Sequence[Delta]:
        place = (event.output_index, "content", event.content_index)
        return self._piece(place, "text", event)

    def _refusal(self, event: Event) -> Sequence[Delta]:
        place = (event.output_index, "content", event.content_index)
        return self._piece(place, "refusal", event)

    def _thought(self, event: Event) -> Sequence[Delta]:
        place = (event.output_index, "content", event.content_index)
        return self._piece(place, "reasoning", event)

    def _summary(self, event: Event) -> Sequence[Delta]:
        place = (event.output_index, "summary", event.summary_index)
        return self._piece(place, "reasoning", event)

    def _arguments(self, event: Event) -> Sequence[Delta]:
        return self._piece((event.output_index, "call", 0), "tool_call", event)

    def _piece(self, place: Place, kind: Kind, event: Event) -> Sequence[Delta]:
        deltas = list(self._opened(place, kind))
        index = self._open[place]
        whole = event.text or event.refusal or event.arguments or event.input
        more = event.delta or ("" if index in self._said else whole)
        if more:
            self._said.add(index)
            deltas.append(Piece(0, index, more))
        if event.logprobs and not self._unread:
            self._unread = True
            deltas.append(Unread("logprobs"))
        return deltas

    def _part_done(self, event: Event) -> Sequence[Delta]:
        """A thought is not closed yet: rule 3."""
        place = (event.output_index, "content", event.content_index)
        thought, _ = self._thoughts.get(event.output_index, (None, ""))
        if place == thought or place not in self._open:
            return ()
        return (Closed(0, self._open.pop(place)),)

    def _item_done(self, event: Event) -> Sequence[Delta]:
        item = event.item or Item()
        deltas: list[Delta] = []
        if item.type in CALLS:
            place = (event.output_index, "call", 0)
            if place not in self._open:
                deltas.extend(self._item_added(event))
            whole = item.arguments or item.input
            if self._open[place] not in self._said and whole:
                deltas.append(Piece(0, self._open[place], whole))
        elif item.type == "reasoning" and item.encrypted_content:
            deltas.extend(self._sign(event.output_index, item))
        deltas.extend(self._close_item(event.output_index))
        return deltas

    def _sign(self, output_index: int, item: Item) -> Sequence[Delta]:
        place, _ = self._thoughts.get(output_index, (None, ""))
        deltas: list[Delta] = []
        textless = place is None
        if place is None or place not in self._open:
            self._thoughts[output_index] = (None, item.id or "")
            place = (output_index, "content", 0)
            deltas.extend(self._opened(place, "reasoning"))
        signature = read_signature(item.encrypted_content or "", "responses")
        sealed = signature.made_in == "responses" or textless
        deltas.append(Signed(0, self._open[place], signature, sealed))
        return deltas

    def _annotation(self, event: Event) -> Sequence[Delta]:
        return (Unread(f"output[{event.output_index}].content[{event.content_index}].annotations"),)

    def _ended_well(self, event: Event) -> Sequence[Delta]:
        response = event.response or Response()
        status = response.status or event.type.removeprefix("response.")
        reason = None if response.incomplete_details is None else response.incomplete_details.reason
        deltas = self._close_all()
        deltas.append(Stopped(0, read_stop(status, reason, self._called, self._refused)))
        usage = read_usage(response.usage)
        if usage is not None:
            deltas.append(Used(usage))
        deltas.append(Done())
        self._ended = True
        return deltas

    def _failed(self, event: Event) -> Sequence[Delta]:
        """`response.failed` behind an `error` says nothing new."""
        if self._ended:
            return ()
        self._ended = True
        failure = event.error or (event.response.error if event.response is not None else None)
        if failure is None:
            failure = Failure(event.message, event.code)
        message = failure.message or "the source failed without a word"
        return (Broken(message, status_of(failure.code)),)

    def _opened(self, place: Place, kind: Kind) -> Sequence[Delta]:
        """Opens the part at `place`, unless it is open."""
        if place in self._open:
            return ()
        if kind == "refusal":
            self._refused = True
        if kind != "reasoning":
            return (Opened(0, self._enter(place), kind),)
        before, ident = self._thoughts.get(place[0], (None, ""))
        self._thoughts[place[0]] = (place, ident)
        summary = place[1] == "summary"
        opened = Opened(0, self._enter(place), kind, ident, summary=summary)
        if before is None or before not in self._open:
            return (opened,)
        return (Closed(0, self._open.pop(before)), opened)

    def _enter(self, place: Place) -> int:
        """The index of the part that begins at `place`."""
        index = self._open[place] = self._next
        self._next += 1
        return index

    def _close_item(self, output_index: int) -> list[Delta]:
        places = [place for place in self._open if place[0] == output_index]
        return [Closed(0, self._open.pop(place)) for place in places]

    def _close_all(self) -> list[Delta]:
        closed: list[Delta] = [Closed(0, index) for index in self._open.values()]
        self._open.clear()
        return closed

    _HANDLERS: ClassVar[dict[str, Callable[["ResponsesReader", Event], Sequence[Delta]]]] = {
        "response.created": _began,
        "response.output_item.added": _item_added,
        "response.output_item.done": _item_done,
        "response.content_part.added": _part_added,
        "response.content_part.done": _part_done,
        "response.output_text.delta": _text,
        "response.output_text.done": _text,
        "response.output_text.annotation.added": _annotation,
        "response.refusal.delta": _refusal,
        "response.refusal.done": _refusal,
        "response.reasoning_text.delta": _thought,
        "response.reasoning_text.done": _thought,
        # As the Open Responses specification names them.
        "response.reasoning.delta": _thought,
        "response.reasoning.done": _thought,
        "response.reasoning_summary_part.added": _summary_added,
        "response.reasoning_summary_text.delta": _summary,
        "response.reasoning_summary_text.done": _summary,
        "response.function_call_arguments.delta": _arguments,
        "response.function_call_arguments.done": _arguments,
        "response.custom_tool_call_input.delta": _arguments,
        "response.custom_tool_call_input.done": _arguments,
        "response.completed": _ended_well,
        "response.incomplete": _ended_well,
        "response.failed": _failed,
        "response.error": _failed,
        "error": _failed,
    }
    _NAMES: ClassVar = frozenset(name.encode() for name in _HANDLERS)
