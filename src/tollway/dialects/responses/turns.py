"""Writes turns as the items of `input`.

Rules
1. Texts, images and files that follow each other in a turn are one message.
2. An answer of one text is said as a text, not as a list: a list of output texts is only taken by
   the letter with the id of a stored message.
3. The API takes back only thoughts that it encrypted itself, or that it gave an id: other thoughts
   are left out, as a Loss.
4. Unsigned thoughts ahead of a signed one belong to its item, as they came out of it: summaries
   first.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from tollway.dialects.meaning import (
    Ask,
    Fault,
    Loss,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.responses.contents import write_content

NO_CACHE: Final = "only some models take breakpoints here: the Responses API caches by itself"
CONTINUED: Final = "the Responses API answers to the last words instead of going on with them"

Item = dict[str, object]


def write_input(ask: Ask, losses: list[Loss]) -> tuple[str | None, list[Item]]:
    """`instructions` and `input`. A system prompt of one text is `instructions`; several, or a
    developer's, stand ahead of the conversation as one message."""
    items: list[Item] = []
    instructions = None
    for at, text in enumerate(ask.system):
        _lose_of_text(text, f"system[{at}]", losses)
    if len(ask.system) == 1 and ask.system_speaker == "system":
        instructions = ask.system[0].text
    elif ask.system:
        content = [{"type": "input_text", "text": text.text} for text in ask.system]
        items.append({"type": "message", "role": ask.system_speaker, "content": content})
    if ask.turns and ask.turns[-1].speaker == "assistant":
        losses.append(Loss(f"turns[{len(ask.turns) - 1}].open", CONTINUED))
    for at, turn in enumerate(ask.turns):
        _TurnWriter(turn, f"turns[{at}]", items, losses).write()
    return instructions, items


class _TurnWriter:
    """Writes one turn behind the items that are there."""

    __slots__ = ("_first", "_items", "_losses", "_message", "_path", "_thoughts", "_turn")

    def __init__(self, turn: Turn, path: str, items: list[Item], losses: list[Loss]) -> None:
        self._turn = turn
        self._path = path
        self._items = items
        self._first = len(items)
        self._losses = losses
        self._message: list[Item] | None = None
        self._thoughts: list[tuple[Reasoning, str]] = []

    def write(self) -> None:
        """All parts of the turn, in their order."""
        if self._turn.name is not None:
            self._lose(f"{self._path}.name", "the Responses API has no names of speakers")
        for at, part in enumerate(self._turn.parts):
            self._write_part(part, f"{self._path}.parts[{at}]")
        self._end_thoughts()
        if self._turn.speaker == "assistant":
            for item in self._items[self._first :]:
                _say_plainly(item)

    def _write_part(self, part: Part, path: str) -> None:
        if isinstance(part, Reasoning):
            self._message = None
            self._write_thought(part, path)
            return
        self._end_thoughts()
        if isinstance(part, ToolCall):
            self._write_call(part, path)
        elif isinstance(part, ToolResult):
            self._write_result(part, path)
        else:
            self._write_content(part, path)

    def _write_content(self, part: Text | Media | Refusal, path: str) -> None:
        if self._message is None:
            self._message = []
            self._items.append(
                {"type": "message", "role": self._turn.speaker, "content": self._message}
            )
        if isinstance(part, Refusal):
            self._message.append({"type": "refusal", "refusal": part.text})
            return
        _lose_of_text(part, path, self._losses)
        if self._turn.speaker != "assistant":
            self._message.append(write_content(part, path))
        elif isinstance(part, Text):
            self._message.append({"type": "output_text", "text": part.text, "annotations": []})
        else:
            raise Fault(
                path,
                f"{path} is an {part.kind} that a model made: the Responses API takes only a "
                "user's. Put it into a user's turn.",
            )

    def _write_call(self, part: ToolCall, path: str) -> None:
        self._message = None
        _lose_of_text(part, path, self._losses)
        self._items.append(
            {
                "type": "custom_tool_call" if part.custom else "function_call",
                "call_id": part.id,
                "name": part.name,
                "input" if part.custom else "arguments": part.arguments,
            }
        )

    def _write_result(self, part: ToolResult, path: str) -> None:
        self._message = None
        if part.cache is not None:
            self._lose(f"{path}.cache", NO_CACHE)
        if part.failed:
            self._lose(f"{path}.failed", "the Responses API does not mark a failed tool")
        self._items.append(
            {
                "type": "custom_tool_call_output" if part.custom else "function_call_output",
                "call_id": part.id,
                "output": _output(part.parts, path, self._losses),
            }
        )

    def _write_thought(self, part: Reasoning, path: str) -> None:
        last = self._thoughts[-1][0] if self._thoughts else part
        if last.id != part.id or (part.summary and not last.summary):
            self._end_thoughts()
        self._thoughts.append((part, path))
        if part.signature is not None:
            self._end_thoughts()

    def _end_thoughts(self) -> None:
        thoughts, self._thoughts = self._thoughts, []
        if not thoughts:
            return
        last = thoughts[-1][0]
        own = last.signature is not None and last.signature.made_in == "responses"
        if not own and (last.id is None or last.signature is not None):
            for _, path in thoughts:
                self._lose(path, "the Responses API takes back only thoughts that it encrypted")
            return
        item: Item = {"type": "reasoning"}
        if last.id is not None:
            item["id"] = last.id
        item.update(thought_texts([thought for thought, _ in thoughts]))
        if last.signature is not None:
            item["encrypted_content"] = last.signature.data
        self._items.append(item)

    def _lose(self, path: str, why: str) -> None:
        self._losses.append(Loss(path, why))


def _say_plainly(item: Item) -> None:
    content: Any = item.get("content")
    if item.get("type") != "message" or not isinstance(content, list):
        return
    parts = cast(list[dict[str, object]], content)
    if len(parts) == 1 and parts[0].get("type") == "output_text" and "text" in parts[0]:
        item["content"] = parts[0]["text"]


def thought_texts(thoughts: Sequence[Reasoning]) -> Item:
    """The `summary` and, where there are thoughts in full, the `content` of a reasoning item."""
    texts = [thought for thought in thoughts if thought.text or not thought.sealed]
    said: Item = {
        "summary": [{"type": "summary_text", "text": one.text} for one in texts if one.summary]
    }
    whole = [{"type": "reasoning_text", "text": one.text} for one in texts if not one.summary]
    if whole:
        said["content"] = whole
    return said


def _output(parts: tuple[Text | Media, ...], path: str, losses: list[Loss]) -> object:
    for at, part in enumerate(parts):
        _lose_of_text(part, f"{path}.parts[{at}]", losses)
    match parts:
        case ():
            return ""
        case (Text(text),):
            return text
        case _:
            return [write_content(part, f"{path}.parts[{at}]") for at, part in enumerate(parts)]


def _lose_of_text(part: Text | Media | ToolCall, path: str, losses: list[Loss]) -> None:
    if part.cache is not None:
        losses.append(Loss(f"{path}.cache", NO_CACHE))
    if not isinstance(part, Media) and part.signature is not None:
        losses.append(Loss(f"{path}.signature", "the Responses API signs thoughts only"))
