"""What dispatch needs of a request in Anthropic's, Gemini's or OpenAI's Responses dialect.

Rules
1. Only `model` is ever changed in a body; Gemini's is in the path, and a body is left as it is.
2. What would name an object kept at the source, under a credential that many tenants share, is
   refused: one tenant could reach another's.
3. The prefix is a hash of what stays the same while a conversation grows: instructions, tools and
   the first turn, up to 2 KiB.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from tollway.fleet.objects import Dialect
from tollway.fleet.tiers import Tier
from tollway.gateway.body import (
    MAX_CHOICES,
    MAX_OUTPUT,
    OTHER_MODELS,
    BadRequest,
    Values,
    checked_model,
    is_null,
    members,
    model_in,
    positive,
    prefix_of,
    required,
    scalar,
    value_starts,
)
from tollway.gateway.facts import RequestFacts
from tollway.gateway.kept import KEPT, refuse_kept
from tollway.gateway.tokens import gemini_tokens, json_tokens, text_tokens

_TIERS: Mapping[str, Tier] = {"default": "standard", "flex": "flex", "priority": "priority"}
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

_ANTHROPIC: Final = OTHER_MODELS | frozenset(
    {"model", "stream", "max_tokens", "messages", "system", "tools", "container"}
)
_RESPONSES: Final = OTHER_MODELS | frozenset(
    {
        "model", "stream", "max_output_tokens", "input", "instructions", "tools", "service_tier",
        "previous_response_id", "conversation", "background", "prompt",
    }
)  # fmt: skip
_GEMINI: Final = OTHER_MODELS | frozenset(
    {
        "model", "contents", "systemInstruction", "system_instruction", "tools",
        "generationConfig", "generation_config", "cachedContent", "cached_content",
    }
)  # fmt: skip


def read_anthropic(body: bytes, tenant: str, affine: Collection[str]) -> RequestFacts:
    """The facts of a Messages request. Raises BadRequest, as all of these do."""
    values = members(body)
    starts = value_starts(body, values, _ANTHROPIC)
    _refuse_kept(values, ("container",))
    refuse_kept("anthropic", body)
    model = model_in(values)
    asked = _turns(values, "messages")
    leading = (_raw(values, "system"), _raw(values, "tools"))
    return RequestFacts(
        dialect="anthropic",
        operation="chat",
        model=model,
        stream=scalar(values, "stream", bool) is True,
        wants_usage=True,
        input_tokens=json_tokens(asked) + sum(map(json_tokens, leading)),
        max_output=positive(values, "max_tokens", MAX_OUTPUT),
        prefix=_prefix(tenant, leading, asked) if model in affine else 0,
        model_at=(starts["model"], starts["model"] + len(values["model"])),
    )


def read_responses(body: bytes, tenant: str, affine: Collection[str]) -> RequestFacts:
    """The facts of a Responses request."""
    values = members(body)
    starts = value_starts(body, values, _RESPONSES)
    _refuse_kept(values, ("previous_response_id", "conversation", "prompt"))
    refuse_kept("responses", body)
    if "background" in values and scalar(values, "background", bool):
        raise BadRequest(400, "unsupported_parameter", KEPT.format("background"), "background")
    model = model_in(values)
    asked = required(values, "input")
    if asked[:1] != b'"':
        asked = _turns(values, "input")
    leading = (_raw(values, "instructions"), _raw(values, "tools"))
    named = scalar(values, "service_tier", str) if "service_tier" in values else None
    return RequestFacts(
        dialect="responses",
        operation="chat",
        model=model,
        stream=scalar(values, "stream", bool) is True,
        wants_usage=True,
        input_tokens=json_tokens(asked) + sum(map(json_tokens, leading)),
        max_output=positive(values, "max_output_tokens", MAX_OUTPUT),
        prefix=_prefix(tenant, leading, asked) if model in affine else 0,
        tier=None if named is None else _TIERS.get(named),
        model_at=(starts["model"], starts["model"] + len(values["model"])),
    )


def read_gemini(
    body: bytes, tenant: str, affine: Collection[str], model: str, stream: bool
) -> RequestFacts:
    """The facts of a generateContent request; `model` and `stream` are what its path says."""
    values = members(body)
    value_starts(body, values, _GEMINI)
    _refuse_kept(values, ("cachedContent", "cached_content"))
    refuse_kept("gemini", body)
    if "model" in values:
        message = '"model" stands in the path; take it out of the body.'
        raise BadRequest(400, "unsupported_parameter", message, "model")
    asked = _turns(values, "contents")
    system = _raw(values, "systemInstruction") or _raw(values, "system_instruction")
    leading = (system, _raw(values, "tools"))
    most, choices = _generation(values)
    return RequestFacts(
        dialect="gemini",
        operation="chat",
        model=checked_model(model),
        stream=stream,
        wants_usage=True,
        input_tokens=gemini_tokens(asked) + text_tokens(sum(map(len, leading))),
        max_output=None if most is None else most * choices,
        prefix=_prefix(tenant, leading, asked) if model in affine else 0,
        choices=choices,
    )


def _generation(values: Values) -> tuple[int | None, int]:
    """The cap of one answer, and how many are asked for."""
    raw = _raw(values, "generationConfig") or _raw(values, "generation_config")
    if not raw:
        return None, 1
    inner = members(raw)
    value_starts(raw, inner, ("maxOutputTokens", "candidateCount"))

    def number(camel: str, snake: str, most: int) -> int | None:
        # Which of two spellings Google obeys is its own affair: the larger is set aside.
        return max(positive(inner, camel, most) or 0, positive(inner, snake, most) or 0) or None

    most = number("maxOutputTokens", "max_output_tokens", MAX_OUTPUT)
    return most, number("candidateCount", "candidate_count", MAX_CHOICES) or 1


def _refuse_kept(values: Values, keys: Collection[str]) -> None:
    """Rule 2."""
    for key in keys:
        if key in values and not is_null(values[key]):
            raise BadRequest(400, "unsupported_parameter", KEPT.format(key), key)


def _turns(values: Values, key: str) -> bytes:
    """The list of turns, which has one at least."""
    asked = required(values, key)
    try:
        turns = _decode_list(asked)
    except msgspec.MsgspecError:
        turns = []
    if not turns:
        message = f'"{key}" must be a list with a turn in it.'
        raise BadRequest(400, "invalid_type", message, key)
    return asked


def _raw(values: Values, key: str) -> bytes:
    """The member as it stands; empty where it is absent or null."""
    value = values.get(key)
    return b"" if value is None or is_null(value) else bytes(value)


def _prefix(tenant: str, leading: Collection[bytes], asked: bytes) -> int:
    """Rule 3."""
    first = asked if asked[:1] == b'"' else bytes(_decode_list(asked)[0])
    return prefix_of(tenant, b"".join((*leading, first)))


NATIVE: Mapping[Dialect, Callable[[bytes, str, Collection[str]], RequestFacts]] = {
    "anthropic": read_anthropic,
    "responses": read_responses,
}
"""The readers of dialects whose body says it all."""
