"""Writes a streamed response, event by event.

Rules
1. Every event has the next `sequence_number`; every part is an item of its own, at the next
   `output_index`; `response.created` comes first, whatever the source says first.
2. A part is begun by its first words or its end, so that a signature which stands ahead of a call
   or text goes ahead of it.
3. The end repeats the whole answer, as a client that only reads the end expects it.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tollway.dialects.deltas import (
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Used,
)
from tollway.dialects.forms import Told
from tollway.dialects.meaning import Part, Reasoning, Refusal, Signature, Stop, Text, ToolCall
from tollway.dialects.responses.refusing import error_type, response_code
from tollway.dialects.responses.resource import (
    call_item,
    end_response,
    is_whole,
    item_id,
    message_item,
    thought_id,
    thought_item,
    write_item,
    write_response,
)
from tollway.fleet.usage import Usage

Item = dict[str, Any]

_encode = msgspec.json.encode

DELTAS: Final = {
    "text": "response.output_text.delta",
    "refusal": "response.refusal.delta",
    "thought": "response.reasoning_text.delta",
    "summary": "response.reasoning_summary_text.delta",
    "call": "response.function_call_arguments.delta",
    "custom": "response.custom_tool_call_input.delta",
}
"""The event of a piece, by what it is a piece of."""


class _OpenPart:
    """A part that is being written. `head` and `tail` stand around the words of its pieces, with
    the place of the sequence number between `head`'s two halves; empty until it is begun."""

    __slots__ = ("head", "ident", "index", "kind", "opened", "sealed", "signature", "tail", "texts")

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.kind = _kind(opened)
        self.texts: list[str] = []
        self.signature: Signature | None = None
        self.sealed = False
        self.index: int | None = None
        self.ident = ""
        self.head = b""
        self.tail = b""

    def part(self) -> Part:
        """The part as far as it is written."""
        text = "".join(self.texts)
        opened = self.opened
        match opened.kind:
            case "text":
                return Text(text)
            case "refusal":
                return Refusal(text)
            case "reasoning":
                return Reasoning(
                    text,
                    opened.summary,
                    sealed=self.sealed,
                    signature=self.signature,
                    id=opened.id or None,
                )
            case "tool_call":
                return ToolCall(opened.id, opened.name, text, custom=opened.custom)


class ResponsesWriter:
    """Writes one stream of the Responses API."""

    __slots__ = (
        "_begun",
        "_open",
        "_out",
        "_output",
        "_refused",
        "_stop",
        "_told",
        "_turn",
        "_usage",
    )

    def __init__(self, told: Told) -> None:
        self._told = told
        self._turn = 0
        self._begun = False
        self._out: list[bytes] = []
        self._open: dict[int, _OpenPart] = {}
        self._output: list[Item | None] = []
        self._stop: Stop | None = None
        self._refused = False
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """Whole events; empty where nothing is to be said yet."""
        for delta in deltas:
            if isinstance(delta, Piece):
                part = self._open.get(delta.index)
                if part is None or delta.choice:
                    continue
                if not part.head:
                    self._begin_part(part)
                part.texts.append(delta.text)
                self._out += (
                    part.head,
                    b"%d" % self._turn,
                    part.tail,
                    _encode(delta.text),
                    b"}\n\n",
                )
                self._turn += 1
            else:
                self._write_sign(delta)
        return self._taken()

    def broken(self, status: int, code: str, message: str) -> bytes:
        """`error`, at which OpenAI's SDKs raise, and `response.failed`, which others wait for. The
        reference has the words of `error` at its top, the API itself sends them one level down.
        Where nothing was written here, the stream so far is a source's own, and a response of ours
        would be a second one in it: the error goes alone."""
        error = {"code": code, "message": message, "param": None}
        self._say("error", {**error, "error": {"type": error_type(status), **error}})
        if not self._begun:
            return self._taken()
        output = [item for item in self._output if item is not None]
        response = write_response(self._told, "failed", output)
        response["error"] = {"code": response_code(status), "message": message}
        end_response(response, None, self._usage)
        self._say("response.failed", {"response": response})
        return self._taken()

    def _write_sign(self, delta: Delta) -> None:
        self._begin()
        if isinstance(delta, Opened) and not delta.choice:
            self._open[delta.index] = _OpenPart(delta)
            self._refused = self._refused or delta.kind == "refusal"
        elif isinstance(delta, Signed) and not delta.choice:
            self._sign(delta)
        elif isinstance(delta, Closed) and not delta.choice:
            self._close(delta.index)
        elif isinstance(delta, Stopped) and not delta.choice:
            self._stop = delta.stop
        elif isinstance(delta, Used):
            self._usage = delta.usage
        elif isinstance(delta, Done):
            self._end()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        response = write_response(self._told, "in_progress", [])
        self._say("response.created", {"response": response})
        self._say("response.in_progress", {"response": response})

    def _sign(self, delta: Signed) -> None:
        part = self._open.get(delta.index)
        if part is None:
            return
        if part.opened.kind == "reasoning":
            part.signature = delta.signature
            part.sealed = delta.sealed
            return
        thought = Reasoning(sealed=True, signature=delta.signature)
        index = self._place()
        item = thought_item(thought, thought_id(thought, self._told, index))
        self._say("response.output_item.added", {"output_index": index, "item": item})
        self._finish_item(index, item)

    def _begin_part(self, part: _OpenPart) -> None:
        index = part.index = self._place()
        opened = part.opened
        match opened.kind:
            case "text" | "refusal":
                part.ident = item_id("msg", self._told, index)
                item = message_item(part.ident, "in_progress", [])
            case "tool_call":
                part.ident = item_id("fc", self._told, index)
                call = ToolCall(self._call_id(part), opened.name, "", opened.custom)
                item = call_item(call, part.ident, "in_progress")
            case "reasoning":
                part.ident = item_id("rs", self._told, index)
                item = thought_item(Reasoning(sealed=True), part.ident)
        self._say("response.output_item.added", {"output_index": index, "item": item})
        self._say_part(part, "added")
        part.head, part.tail = _around(part)

    def _call_id(self, part: _OpenPart) -> str:
        return part.opened.id or item_id("call", self._told, part.index or 0)

    def _say_part(self, part: _OpenPart, sign: str) -> None:
        """`content_part` or `reasoning_summary_part`; a call has neither."""
        inner = _inner(part.kind, "" if sign == "added" else "".join(part.texts))
        if inner is None:
            return
        name = "reasoning_summary_part" if part.kind == "summary" else "content_part"
        self._say(f"response.{name}.{sign}", {**_where(part), "part": inner})

    def _close(self, at: int) -> None:
        part = self._open.pop(at, None)
        if part is None:
            return
        if not part.head and not (part.kind in ("thought", "summary") and part.sealed):
            self._begin_part(part)
        whole = part.part()
        index = part.index
        if index is None:
            index = self._place()
            item = write_item(whole, self._told, index)
            self._say("response.output_item.added", {"output_index": index, "item": item})
        else:
            self._say_words(part)
            item = self._whole_item(part, whole)
        if item is not None:
            self._finish_item(index, item)

    def _whole_item(self, part: _OpenPart, whole: Part) -> Item | None:
        """The item under the id that it was begun with."""
        if isinstance(whole, Reasoning):
            return thought_item(whole, part.ident)
        if isinstance(whole, ToolCall):
            call = msgspec.structs.replace(whole, id=self._call_id(part))
            return call_item(call, part.ident, "completed")
        return write_item(whole, self._told, part.index or 0)

    def _say_words(self, part: _OpenPart) -> None:
        text = "".join(part.texts)
        said: Item = {**_where(part)}
        match part.kind:
            case "text":
                said |= {"text": text, "logprobs": []}
            case "refusal":
                said["refusal"] = text
            case "call":
                said |= {"name": part.opened.name, "arguments": text}
            case "custom":
                said["input"] = text
            case _:
                said["text"] = text
        self._say(DELTAS[part.kind].removesuffix("delta") + "done", said)
        self._say_part(part, "done")

    def _place(self) -> int:
        self._output.append(None)
        return len(self._output) - 1

    def _finish_item(self, index: int, item: Item) -> None:
        self._output[index] = item
        self._say("response.output_item.done", {"output_index": index, "item": item})

    def _end(self) -> None:
        for at in list(self._open):
            self._close(at)
        whole = is_whole(self._stop, self._refused)
        status = "completed" if whole else "incomplete"
        output = [item for item in self._output if item is not None]
        response = write_response(self._told, status, output)
        end_response(response, self._stop, self._usage)
        self._say(f"response.{status}", {"response": response})

    def _say(self, name: str, said: dict[str, Any]) -> None:
        event = {"type": name, "sequence_number": self._turn, **said}
        self._turn += 1
        self._out += (b"event: ", name.encode(), b"\ndata: ", _encode(event), b"\n\n")

    def _taken(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out


def _kind(opened: Opened) -> str:
    match opened.kind:
        case "reasoning":
            return "summary" if opened.summary else "thought"
        case "tool_call":
            return "custom" if opened.custom else "call"
        case _:
            return opened.kind


def _where(part: _OpenPart) -> Item:
    where: Item = {"item_id": part.ident, "output_index": part.index}
    if part.kind == "summary":
        where["summary_index"] = 0
    elif part.kind in ("text", "refusal", "thought"):
        where["content_index"] = 0
    return where


def _inner(kind: str, text: str) -> Item | None:
    match kind:
        case "text":
            return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        case "refusal":
            return {"type": "refusal", "refusal": text}
        case "thought":
            return {"type": "reasoning_text", "text": text}
        case "summary":
            return {"type": "summary_text", "text": text}
        case _:
            return None


def _around(part: _OpenPart) -> tuple[bytes, bytes]:
    """What stands before a piece's sequence number, and between that and its words."""
    name = DELTAS[part.kind].encode()
    head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
    rest = _where(part)
    if part.kind == "text":
        rest["logprobs"] = []
    return head, b',%b,"delta":' % _encode(rest)[1:-1]
