"""The two shapes of an answer, chat and completion: chunks of a stream, and whole bodies."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tollway.emulator.utterance import Heading, Piece, Utterance, usage_json

_json = msgspec.json.encode
DONE = b"data: [DONE]\n\n"


class Form(Protocol):
    """How one answer is written."""

    def opening(self) -> bytes:
        """What a stream carries before its first content; may be empty."""
        ...

    def piece(self, piece: Piece) -> bytes:
        """One token as an event."""
        ...

    def ending(self, said: Utterance, prompt: int, with_usage: bool) -> bytes:
        """The finish reason, usage where it was asked for, and the end marker."""
        ...

    def whole(self, pieces: Sequence[Piece], said: Utterance, prompt: int) -> bytes:
        """The same answer as one body."""
        ...


def _event(fields: bytes, rest: bytes) -> bytes:
    return b"data: " + fields + rest + b"}\n\n"


class ChatForm:
    """`chat.completion` and `chat.completion.chunk`."""

    def __init__(self, heading: Heading, with_usage: bool) -> None:
        self._heading = heading
        self._fields = heading.fields("chat.completion.chunk")
        # OpenAI writes "usage":null into every chunk of a stream that will end with usage.
        self._null = b',"usage":null' if with_usage else b""

    def _chunk(self, delta: bytes, finish: bytes = b"null") -> bytes:
        choice = b'"choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}]' % (
            delta,
            finish,
        )
        return _event(self._fields, choice + self._null)

    def opening(self) -> bytes:
        """The role."""
        return self._chunk(b'{"role":"assistant","content":""}')

    def piece(self, piece: Piece) -> bytes:
        """One token as an event."""
        return self._chunk(piece.delta())

    def ending(self, said: Utterance, prompt: int, with_usage: bool) -> bytes:
        """The finish reason, usage where it was asked for, and the end marker."""
        events = self._chunk(b"{}", _json(said.finish))
        if with_usage:
            usage = usage_json(prompt, said.length, said.reasoning)
            events += _event(self._fields, b'"choices":[],"usage":' + usage)
        return events + DONE

    def whole(self, pieces: Sequence[Piece], said: Utterance, prompt: int) -> bytes:
        """The same answer as one body."""
        text = "".join(piece.text for piece in pieces if piece.kind == "content")
        reasoning = "".join(piece.text for piece in pieces if piece.kind == "reasoning_content")
        message: dict[str, object] = {
            "role": "assistant",
            "content": text if text or not said.calls else None,
            "refusal": None,
        }
        if reasoning:
            message["reasoning_content"] = reasoning
        if said.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in said.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
        return b'%s"choices":[%s],"usage":%s}' % (
            self._heading.fields("chat.completion"),
            _json(choice),
            usage_json(prompt, said.length, said.reasoning),
        )


class CompletionForm:
    """`text_completion`."""

    def __init__(self, heading: Heading, with_usage: bool) -> None:
        self._fields = heading.fields("text_completion")
        self._null = b',"usage":null' if with_usage else b""

    def _choice(self, text: str, finish: bytes) -> bytes:
        return b'"choices":[{"text":%s,"index":0,"logprobs":null,"finish_reason":%s}]' % (
            _json(text),
            finish,
        )

    def opening(self) -> bytes:
        """Nothing: a completion has no role."""
        return b""

    def piece(self, piece: Piece) -> bytes:
        """One token as an event."""
        return _event(self._fields, self._choice(piece.text, b"null") + self._null)

    def ending(self, said: Utterance, prompt: int, with_usage: bool) -> bytes:
        """The finish reason, usage where it was asked for, and the end marker."""
        events = _event(self._fields, self._choice("", _json(said.finish)) + self._null)
        if with_usage:
            usage = usage_json(prompt, said.length, said.reasoning)
            events += _event(self._fields, b'"choices":[],"usage":' + usage)
        return events + DONE

    def whole(self, pieces: Sequence[Piece], said: Utterance, prompt: int) -> bytes:
        """The same answer as one body."""
        text = "".join(piece.text for piece in pieces)
        return b'%s%s,"usage":%s}' % (
            self._fields,
            self._choice(text, _json(said.finish)),
            usage_json(prompt, said.length, said.reasoning),
        )
