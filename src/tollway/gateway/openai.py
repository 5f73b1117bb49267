"""OpenAI's dialect: the facts dispatch needs from a request, and answers in OpenAI's shapes.

Rules
1. Only `model` and `stream_options.include_usage` are ever changed in a body.
2. The prefix is a hash of what stays the same while a conversation grows: system messages, tools
   and the first user message, up to 2 KiB.
"""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from tollway.fleet.objects import Operation
from tollway.fleet.tiers import Tier
from tollway.gateway import splice as splicing
from tollway.gateway.body import (
    MAX_CHOICES,
    MAX_OUTPUT,
    OTHER_MODELS,
    PREFIX_BYTES,
    BadRequest,
    Values,
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
from tollway.gateway.kept import refuse_kept
from tollway.gateway.roles import Role
from tollway.gateway.tokens import json_tokens, text_tokens, turns_tokens

PROMPT_PREFIX_BYTES: Final = 512
"""A bare prompt has no turns; its first 512 bytes stand for the conversation."""

_MATTERING: Final = OTHER_MODELS | frozenset(
    {
        "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "best_of",
        "messages", "prompt", "input", "tools", "functions", "service_tier",
    }
)  # fmt: skip
_SUBJECT: dict[Operation, str] = {
    "chat": "messages",
    "completion": "prompt",
    "embedding": "input",
}
_TIERS: dict[str, Tier] = {"default": "standard", "flex": "flex", "priority": "priority"}
_USAGE_WANTED: Final = b'"stream_options":{"include_usage":true}'
_USUAL_OPTIONS: Final = (b'{"include_usage":true}', b'{"include_usage": true}')
_UNCOMMON: Final = frozenset(
    {
        "n", "best_of", "max_completion_tokens", "service_tier", "tools", "functions",
        "response_format",
    }
)  # fmt: skip
"""Members that are looked for one by one only where any of them is there."""
_MESSAGES: Final = re.compile(rb"\[[ \t\n\r]*[^\] \t\n\r]")
_TOKEN_IDS: Final = re.compile(rb"\[[ \t\n\r\[]*[0-9]")
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_role: Final = msgspec.json.Decoder(Role).decode
_encode: Final = msgspec.json.Encoder().encode


def read_request(
    operation: Operation, body: bytes, tenant: str, affine: Collection[str]
) -> RequestFacts:
    """The facts of a request body; the prefix only where its model is among the `affine` ones.

    Raises:
        BadRequest: the body is not JSON, says something twice, or lacks or mistypes a member that
            matters here. Other members are the upstream's business.
    """
    values = members(body)
    starts = value_starts(body, values, _MATTERING)
    model = model_in(values)
    subject = _SUBJECT[operation]
    asked = required(values, subject)
    stream = scalar(values, "stream", bool) is True
    chat = operation == "chat"
    if chat:
        if not asked.startswith(b"[{") and not _MESSAGES.match(asked):
            raise _no_messages(subject)
        at = starts[subject]
        refuse_kept("openai", body, (asked, body[:at] + body[at + len(asked) :]))
    plain = _UNCOMMON.isdisjoint(values)
    choices = 1 if plain else _choices(values)
    if not chat:
        choices *= _prompts(asked, subject)
    cap = positive(values, "max_tokens", MAX_OUTPUT) if plain else _cap(values)
    span = starts["model"], starts["model"] + len(values["model"])
    streams = stream and operation != "embedding"
    wants, edit = _usage_edit(body, values, starts, span[1]) if streams else (False, None)
    return RequestFacts(
        operation=operation,
        model=model,
        stream=streams,
        wants_usage=wants,
        input_tokens=turns_tokens(asked) if plain and chat else _input_tokens(values, asked),
        max_output=cap * choices if cap else None,
        prefix=_prefix(tenant, values, asked, chat) if model in affine else 0,
        choices=choices,
        tier=None if plain else _tier(values),
        model_at=span,
        usage_edit=edit,
    )


def splice(body: bytes, facts: RequestFacts, upstream_model: str) -> bytes:
    """The body with the upstream's model name and usage asked for; every other byte as it was.

    `facts` are those that `read_request` found in this very body.
    """
    start, end = facts.model_at
    edit = facts.usage_edit
    if upstream_model == facts.model:
        return body if edit is None else splicing.apply_edits(body, (edit,))
    name = _encode(upstream_model)
    if edit is None:
        return b"".join((body[:start], name, body[end:]))
    if edit[0] == end:
        return b"".join((body[:start], name, edit[2], body[edit[1] :]))
    return splicing.apply_edits(body, ((start, end, name), edit))


def error_body(status: int, code: str, message: str, param: str | None = None) -> bytes:
    """An error answer in OpenAI's shape."""
    error = {"message": message, "type": _error_type(status), "param": param, "code": code}
    return _encode({"error": error})


def error_event(code: str, message: str) -> bytes:
    """The SSE event that ends a stream which broke after content went out. No `[DONE]` follows."""
    return b"data: " + error_body(502, code, message) + b"\n\n"


def _error_type(status: int) -> str:
    if status == 402:
        return "insufficient_quota"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _choices(values: Values) -> int:
    """Answers to one prompt; those that `best_of` throws away are generated all the same."""
    asked = positive(values, "n", MAX_CHOICES) or 1
    tried = positive(values, "best_of", MAX_CHOICES) or 1
    return max(asked, tried)


def _cap(values: Values) -> int | None:
    """Of two caps the larger: which of them a source obeys is its own affair."""
    old = positive(values, "max_tokens", MAX_OUTPUT)
    new = positive(values, "max_completion_tokens", MAX_OUTPUT)
    return max(old, new) if old and new else old or new


def _tier(values: Values) -> Tier | None:
    named = scalar(values, "service_tier", str) if "service_tier" in values else None
    return _TIERS.get(named) if named is not None else None


def _no_messages(key: str) -> BadRequest:
    return BadRequest(400, "invalid_type", f'"{key}" must be a list with messages in it.', key)


def _prompts(raw: bytes, key: str) -> int:
    """How many prompts: a string or a list of token ids is one, a list of those is as many."""
    if raw[:1] == b'"':
        return 1
    try:
        items = _decode_list(raw)
    except msgspec.MsgspecError:
        items = []
    if not items:
        message = f'"{key}" must be a string, or a list with strings or tokens in it.'
        raise BadRequest(400, "invalid_type", message, key)
    first = memoryview(items[0])[:1]
    return len(items) if first in (b'"', b"[") else 1


def _input_tokens(values: Values, asked: bytes) -> int:
    if _TOKEN_IDS.match(asked) and b'"' not in asked:
        return asked.count(b",") + 1  # token ids are counted, not estimated
    tokens = json_tokens(asked)
    for key in ("tools", "functions", "response_format"):
        if key in values:
            tokens += text_tokens(len(values[key]))
    return tokens


def _prefix(tenant: str, values: Values, asked: bytes, chat: bool) -> int:
    return prefix_of(tenant, _opening(values, asked) if chat else asked[:PROMPT_PREFIX_BYTES])


def _opening(values: Values, asked: bytes) -> bytes:
    """The first bytes of a conversation in the order in which models read them."""
    # Any, because msgspec's types call Raw a kind of bytes and it is none.
    tools: Any = values.get("tools", b"")
    leading: list[Any] = []
    size = 0
    for turn in _decode_list(asked):
        try:
            role = _decode_role(turn).role
        except msgspec.MsgspecError:
            role = ""
        if role not in ("system", "developer"):
            leading += (tools, turn)
            break
        leading.append(turn)
        size += len(turn)
        if size >= PREFIX_BYTES:
            break
    return b"".join(leading)[:PREFIX_BYTES]


def _usage_edit(
    body: bytes, values: Values, starts: dict[str, int], model_end: int
) -> tuple[bool, splicing.Edit | None]:
    """Whether the client wants the usage event, and what makes the upstream send it."""
    raw = values.get("stream_options")
    if raw is None:
        return False, (model_end, model_end, b"," + _USAGE_WANTED)
    at = starts["stream_options"]
    if is_null(raw):
        return False, (at, at + len(raw), b'{"include_usage":true}')
    text = bytes(raw)
    if text in _USUAL_OPTIONS:
        return True, None
    try:
        inner = splicing.decode_object(text)
        splicing.refuse_lookalikes(inner, ("include_usage",))
        inner_starts = splicing.value_starts(text, inner)
    except (msgspec.MsgspecError, splicing.UnsafeKey):
        message = '"stream_options" must be an object with each member once.'
        raise BadRequest(400, "invalid_type", message, "stream_options") from None
    if "include_usage" not in inner:
        start, end, new = splicing.member_edit(text, 0, "include_usage", b"true")
        return False, (at + start, at + end, new)
    if scalar(inner, "include_usage", bool):
        return True, None
    start = at + inner_starts["include_usage"]
    return False, (start, start + len(inner["include_usage"]), b"true")
