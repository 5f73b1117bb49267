"""What clients ask for: OpenAI request bodies, checked as the API would.

Rules
1. A body that is not JSON, lacks a field or has one of the wrong type is a 400 that names it.
2. Unknown fields are accepted and ignored, as engines do.
"""

from typing import Annotated, Any, TypeVar

import msgspec

A = TypeVar("A")
Count = Annotated[int, msgspec.Meta(ge=1)]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of this program
    """An OpenAI error answer: HTTP `status`, and the fields of its `error` object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind

    def body(self) -> bytes:
        """The answer's JSON."""
        return msgspec.json.encode(
            {
                "error": {
                    "message": str(self),
                    "type": self.kind,
                    "param": self.param,
                    "code": self.code,
                }
            }
        )


class Part(msgspec.Struct, gc=False):
    """One part of a message's content."""

    type: str
    text: str | None = None


class Message(msgspec.Struct):
    """One message. `tool_calls` is kept as bytes: it is only counted."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: msgspec.Raw = msgspec.Raw()

    def text(self) -> str:
        """All text of the message."""
        if self.content is None:
            return ""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if part.text is not None)


class StreamOptions(msgspec.Struct, gc=False):
    """What a stream may carry beside content."""

    include_usage: bool | None = None


class Ask(msgspec.Struct, kw_only=True):
    """What chat and completion requests share. `min_tokens` and `ignore_eos` are vLLM's."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Count | None = None
    min_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    ignore_eos: bool | None = None
    n: Count | None = None
    seed: int | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether the stream ends with a usage chunk."""
        return self.stream_options is not None and self.stream_options.include_usage is True

    @property
    def limit(self) -> int | None:
        """The client's own cap on output tokens."""
        return self.max_tokens


class ChatAsk(Ask, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_completion_tokens: Count | None = None
    tools: msgspec.Raw = msgspec.Raw()

    @property
    def limit(self) -> int | None:
        """The client's own cap on output tokens; the newer field wins."""
        return self.max_completion_tokens or self.max_tokens


class CompletionAsk(Ask, kw_only=True):
    """`POST /v1/completions`, of one prompt: text or token ids."""

    prompt: str | list[Any]


class EmbeddingAsk(msgspec.Struct, kw_only=True):
    """`POST /v1/embeddings`."""

    model: str
    input: str | list[Any]
    encoding_format: str | None = None
    dimensions: Count | None = None


def read(body: bytes, kind: type[A]) -> A:
    """A request of that kind.

    Raises:
        Refusal: 400; the message names the field.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message = str(error)
        _, _, path = message.partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or _missing_field(message)
        raise Refusal(400, f"Invalid request: {message}", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f"The body is not valid JSON: {error}") from None


def _missing_field(message: str) -> str | None:
    parts = message.split("`")
    return parts[1] if message.startswith("Object missing required field") else None


def inputs(written: str | list[Any], param: str) -> list[str | int]:
    """The prompts or texts of a request: each a text, or the number of its token ids.

    Raises:
        Refusal: 400; it is neither text, nor texts, nor lists of token ids.
    """
    if isinstance(written, str):
        return [written]
    if written and all(isinstance(one, str) for one in written):
        return list(written)
    if written and all(type(one) is int for one in written):
        return [len(written)]
    if written and all(_is_ids(one) for one in written):
        return [len(one) for one in written]
    raise Refusal(
        400, f"{param} must be a string, strings, or token ids, and not empty.", param=param
    )


def _is_ids(one: object) -> bool:
    return isinstance(one, list) and bool(one) and all(type(token) is int for token in one)
