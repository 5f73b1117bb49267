"""What is read of a response, whole or streamed: everything else in it is passed over quickly."""

from typing import Any, Final

import msgspec

from tollway.fleet.usage import Usage

_NOTHING: Final = msgspec.Raw(b"")


class Blob(msgspec.Struct, rename="camel"):
    """`inlineData`."""

    mime_type: str = ""
    data: str = ""


class Call(msgspec.Struct, rename="camel"):
    """`functionCall`."""

    name: str = ""
    id: str | None = None
    args: dict[str, Any] | None = None


class SaidPart(msgspec.Struct, rename="camel"):
    """A part of an answer."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: Call | None = None
    inline_data: Blob | None = None


class Content(msgspec.Struct, rename="camel"):
    """`content`."""

    parts: list[SaidPart] = []


class Candidate(msgspec.Struct, rename="camel"):
    """One answer, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int = 0
    citation_metadata: msgspec.Raw = _NOTHING
    grounding_metadata: msgspec.Raw = _NOTHING
    logprobs_result: msgspec.Raw = _NOTHING
    url_context_metadata: msgspec.Raw = _NOTHING

    def unread(self) -> list[str]:
        """Paths of what the meaning has no place for."""
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


class Count(msgspec.Struct, rename="camel"):
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


class Feedback(msgspec.Struct, rename="camel"):
    """`promptFeedback`."""

    block_reason: str | None = None


class Failure(msgspec.Struct, rename="camel"):
    """`error`."""

    code: int | None = None
    message: str = ""


class Response(msgspec.Struct, rename="camel"):
    """A response, or one chunk of a streamed one."""

    candidates: list[Candidate] | None = None
    usage_metadata: Count | None = None
    prompt_feedback: Feedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Failure | None = None


decode_response = msgspec.json.Decoder(Response).decode
