"""What is read of a response, whole or streamed: everything else in it is passed over quickly."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tollway.fleet.usage import Usage

_NOTHING: Final = msgspec.Raw(b"")


class Blob(msgspec.Struct, rename="camel", gc=False):
    """`inlineData`."""

    mime_type: str = ""
    data: str = ""


class Call(msgspec.Struct, rename="camel", gc=False):
    """`functionCall`."""

    name: str = ""
    id: str | None = None
    args: dict[str, Any] | None = None


class SaidPart(msgspec.Struct, rename="camel", gc=False):
    """A part of an answer."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: Call | None = None
    inline_data: Blob | None = None

    def plain(self) -> bool:
        """Whether it is words and nothing else."""
        return not self.thought and self.thought_signature is None and self.function_call is None


class Content(msgspec.Struct, rename="camel", gc=False):
    """`content`."""

    parts: list[SaidPart] = []


class Candidate(msgspec.Struct, rename="camel", gc=False):
    """One answer, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int = 0
    citation_metadata: msgspec.Raw = _NOTHING
    grounding_metadata: msgspec.Raw = _NOTHING
    logprobs_result: msgspec.Raw = _NOTHING
    url_context_metadata: msgspec.Raw = _NOTHING

    def unread(self) -> Sequence[str]:
        """Paths of what the meaning has no place for."""
        if (
            self.citation_metadata is _NOTHING
            and self.grounding_metadata is _NOTHING
            and self.logprobs_result is _NOTHING
            and self.url_context_metadata is _NOTHING
        ):
            return ()
        held = {
            "citationMetadata": self.citation_metadata,
            "groundingMetadata": self.grounding_metadata,
            "logprobsResult": self.logprobs_result,
            "urlContextMetadata": self.url_context_metadata,
        }
        return [
            f"candidates[{self.index}].{name}"
            for name, value in held.items()
            if bytes(value) not in (b"", b"null", b"{}")
        ]


class Count(msgspec.Struct, rename="camel", gc=False):
    """`usageMetadata`."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None

    def usage(self) -> Usage:
        """Google counts thoughts beside the answer, and what tools said beside the prompt."""
        thoughts = self.thoughts_token_count or 0
        return Usage(
            input=(self.prompt_token_count or 0) + (self.tool_use_prompt_token_count or 0),
            cached_input=self.cached_content_token_count or 0,
            output=(self.candidates_token_count or 0) + thoughts,
            reasoning=thoughts,
        )


class Feedback(msgspec.Struct, rename="camel", gc=False):
    """`promptFeedback`."""

    block_reason: str | None = None


class Failure(msgspec.Struct, rename="camel", gc=False):
    """`error`."""

    code: int | None = None
    message: str = ""


class Response(msgspec.Struct, rename="camel", gc=False):
    """A response, or one chunk of a streamed one."""

    candidates: list[Candidate] | None = None
    usage_metadata: Count | None = None
    prompt_feedback: Feedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Failure | None = None


decode_response = msgspec.json.Decoder(Response).decode
