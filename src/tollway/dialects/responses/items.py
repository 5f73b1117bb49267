"""The items of `input`, as turns.

Rules
1. Items of one speaker that follow each other are one turn; a message begins a new one where the
   item before it was a message as well. A tool's output is the user's.
2. System and developer messages before all else are the system prompt.
3. An item's own `id` and `status` name what a server has stored; only a thought's id says more, as
   its encrypted content is bound to it.
"""

from typing import Final

from tollway.dialects.meaning import (
    Fault,
    Media,
    Part,
    Reasoning,
    Refusal,
    Speaker,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.members import Members
from tollway.dialects.responses.contents import Content, read_contents
from tollway.dialects.signatures import put_back, read_signature

ITEMS: Final = (
    "message, function_call, function_call_output, custom_tool_call, custom_tool_call_output, "
    "reasoning"
)


class Talk:
    """The system prompt and the turns, as they grow item by item."""

    __slots__ = ("_after_message", "_names", "_turns", "system", "system_speaker")

    def __init__(self) -> None:
        self.system: list[Text] = []
        self.system_speaker: Speaker = "system"
        self._turns: list[tuple[Speaker, list[Part]]] = []
        self._names: dict[str, str] = {}
        self._after_message = False

    def turns(self) -> tuple[Turn, ...]:
        """What has been said."""
        return tuple(Turn(speaker, put_back(parts)) for speaker, parts in self._turns)

    def instruct(self, text: str) -> None:
        """The `instructions`."""
        self.system.append(Text(text))

    def say(self, text: str) -> None:
        """An `input` that is one text."""
        self._turns.append(("user", [Text(text)]))

    def read(self, item: Members) -> None:
        """One more item.

        Raises:
            Fault: an item that nothing here can hold.
        """
        kind = item.text("type")
        item.take("status")
        match kind:
            case None | "message":
                item.take("id")
                self._read_message(item)
            case "function_call" | "custom_tool_call":
                self._read_call(item, custom=kind == "custom_tool_call")
            case "function_call_output" | "custom_tool_call_output":
                self._read_output(item, custom=kind == "custom_tool_call_output")
            case "reasoning":
                for thought in read_thoughts(item):
                    self._add("assistant", thought)
            case _:
                raise _unknown(item, kind)
        item.end()

    def _read_message(self, item: Members) -> None:
        role = item.needed("role")
        parts = read_contents(item, "content")
        match role:
            case "user" | "assistant":
                self._add_message(role, parts)
            case "system" | "developer":
                self._read_system(role, parts, item)
            case _:
                raise Fault(
                    item.at("role"),
                    f'"{item.at("role")}" is "{role}"; known: user, assistant, system, developer.',
                )

    def _read_system(self, role: Speaker, parts: tuple[Content, ...], item: Members) -> None:
        texts = [part for part in parts if isinstance(part, Text)]
        if len(texts) < len(parts):
            path = item.at("content")
            raise Fault(path, f'"{path}": a {role} message holds input_text only.')
        if self._turns:
            self._turns.append((role, list(texts)))
            self._after_message = True
            return
        self.system.extend(texts)
        if role == "developer":
            self.system_speaker = role

    def _read_call(self, item: Members, custom: bool) -> None:
        item.take("id")
        item.default("async", False)
        item.default("caller", {"type": "direct"})
        call = ToolCall(
            item.needed("call_id"),
            item.needed("name"),
            item.needed("input" if custom else "arguments"),
            custom=custom,
        )
        self._names[call.id] = call.name
        self._add("assistant", call)

    def _read_output(self, item: Members, custom: bool) -> None:
        item.take("id")
        item.default("caller", {"type": "direct"})
        call = item.needed("call_id")
        name = item.text("name") or self._names.get(call, "")
        parts: list[Text | Media] = []
        for part in read_contents(item, "output"):
            if isinstance(part, Refusal):
                path = item.at("output")
                raise Fault(path, f'"{path}": a tool gives texts, images and files, no refusal.')
            if part != Text(""):
                parts.append(part)
        self._add("user", ToolResult(call, name, tuple(parts), custom=custom))

    def _add_message(self, speaker: Speaker, parts: tuple[Content, ...]) -> None:
        last = self._turns[-1] if self._turns else None
        if last is None or last[0] != speaker or self._after_message:
            self._turns.append((speaker, list(parts)))
        else:
            last[1].extend(parts)
        self._after_message = True

    def _add(self, speaker: Speaker, part: Part) -> None:
        if self._turns and self._turns[-1][0] == speaker:
            self._turns[-1][1].append(part)
        else:
            self._turns.append((speaker, [part]))
        self._after_message = False


def read_thoughts(item: Members) -> tuple[Reasoning, ...]:
    """A reasoning item: its summaries, then its thoughts; the last one carries the signature.

    A thought that was made here is encrypted whole (`sealed`). One that came from another dialect
    is sealed where the item has no text at all, not even an empty one.
    """
    ident = item.text("id")
    thoughts = [Reasoning(text.needed("text"), True, id=ident) for text in _texts(item, "summary")]
    thoughts += [Reasoning(text.needed("text"), id=ident) for text in _texts(item, "content")]
    encrypted = item.text("encrypted_content")
    if encrypted:
        signature = read_signature(encrypted, "responses")
        sealed = signature.made_in == "responses" or not thoughts
        last = thoughts.pop() if thoughts else Reasoning(id=ident)
        thoughts.append(
            Reasoning(last.text, last.summary, sealed=sealed, signature=signature, id=ident)
        )
    return tuple(thoughts)


def _texts(item: Members, key: str) -> list[Members]:
    texts = item.objects(key)
    for text in texts:
        text.take("type")
    return texts


def _unknown(item: Members, kind: str) -> Fault:
    path = item.at("type")
    if kind == "item_reference":
        return Fault(
            path,
            f'"{path}" is "item_reference", which names an item that a server has stored; nothing '
            "is stored here. Send the item itself.",
        )
    return Fault(
        path,
        f'"{path}" is "{kind}", which only OpenAI itself can read; known: {ITEMS}. Leave it out, '
        "or route to a source that speaks responses.",
    )
