"""The shapes of what an OpenAI-shaped server answers, as far as they matter here."""

from typing import Any

import msgspec

from tollway.dialects.openai.usage_fields import Reported


class Delta(msgspec.Struct, gc=False):
    """What an event adds to one choice; `role` and the like are passed over."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    audio: Any = None
    images: Any = None

    def parts(self) -> list[Any]:
        """What is not empty."""
        text = self.content
        thought = self.reasoning or self.reasoning_content or self.reasoning_details
        called = self.tool_calls or self.function_call
        rest = self.refusal or self.audio or self.images
        if not (thought or called or rest):
            return [text] if text else []
        return [part for part in (text, thought, called, rest) if part]


class Choice(msgspec.Struct, gc=False):
    """One choice of an event, or of a whole answer."""

    delta: Delta | None = None
    message: Delta | None = None
    text: Any = None
    finish_reason: Any = None

    def parts(self) -> list[Any]:
        """The content in it."""
        said = self.delta or self.message
        parts = said.parts() if said is not None else []
        if self.text:
            parts.append(self.text)
        return parts


class Chunk(msgspec.Struct, gc=False):
    """An event, or a whole answer, as far as it matters here."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


class Answer(Chunk, gc=False):
    """A whole answer whose usage is as it should be."""

    usage: Reported | None = None


class Errors(msgspec.Struct, gc=False):
    """What makes a whole answer, of any dialect, an error."""

    error: Any = None
    type: Any = None
