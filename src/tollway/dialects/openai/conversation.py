"""The messages of a question, read into turns.

Rules
1. System and developer messages before the first other one are the system prompt.
2. Tool messages that follow each other are one turn of the user.
"""

from typing import Final, Literal

from tollway.dialects.meaning import (
    Fault,
    Media,
    Part,
    Speaker,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.members import Members
from tollway.dialects.openai.messages import read_said
from tollway.dialects.openai.parts import read_content

_SPEAKERS: Final[dict[str | None, Speaker]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}


class Conversation:
    """What `messages` says, read in order."""

    __slots__ = ("_calls", "_results", "system", "system_speaker", "turns")

    def __init__(self, said: Members) -> None:
        self.system: list[Text] = []
        self.system_speaker: Literal["system", "developer"] | None = None
        self.turns: list[Turn] = []
        self._results: list[Part] = []
        self._calls: dict[str, ToolCall] = {}
        messages = said.objects("messages")
        if not messages:
            raise Fault("messages", '"messages" must be a list with messages in it.')
        for message in messages:
            self._read(message)
            message.end()
        self._end_results()

    def _read(self, message: Members) -> None:
        role = message.text("role")
        if role == "tool":
            self._results.append(self._read_result(message))
            return
        self._end_results()
        if (role == "system" or role == "developer") and not self.turns:
            self.system += _texts(message)
            self.system_speaker = self.system_speaker or role
            return
        speaker = _SPEAKERS.get(role)
        if speaker is None:
            known = ", ".join([*filter(None, _SPEAKERS), "tool"])
            raise message.fault("role", f"must be one of {known}", role)
        name = message.text("name")
        if speaker == "assistant":
            parts = self._read_assistant(message)
        else:
            parts = tuple(read_content(message))
        self.turns.append(Turn(speaker, parts, name=name))

    def _read_assistant(self, message: Members) -> tuple[Part, ...]:
        if message.take("function_call") is not None:
            path = message.at("function_call")
            raise Fault(path, f'"{path}" is not taken: use tool_calls.')
        parts = read_said(message)
        for part in parts:
            if isinstance(part, ToolCall):
                self._calls[part.id] = part
        return parts

    def _read_result(self, message: Members) -> ToolResult:
        call_id = message.needed("tool_call_id")
        name = message.text("name")
        call = self._calls.get(call_id)
        parts = tuple(p for p in read_content(message) if isinstance(p, Text | Media))
        return ToolResult(
            id=call_id,
            name=call.name if call is not None else name or "",
            parts=parts,
            custom=call is not None and call.custom,
        )

    def _end_results(self) -> None:
        if self._results:
            self.turns.append(Turn("user", tuple(self._results)))
            self._results = []


def _texts(message: Members) -> list[Text]:
    parts = read_content(message)
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) != len(parts):
        raise Fault(message.path, f'"{message.path}" may have parts of type "text" only.')
    return texts
