"""OpenAI's dialect: the facts dispatch needs from a request, and answers in OpenAI's shapes.

Rules
1. What is read here is what the upstream will read: a body on which two JSON parsers could
   disagree is refused (not UTF-8, a key twice, a key in another case).
2. Only `model` and `stream_options.include_usage` are ever changed in a body.
3. What a source serves is what `model` names: members by which routers of models (OpenRouter,
   LiteLLM) let a request name others are refused. They would pass by a key's routes and prices.
4. The prefix is a hash of what stays the same while a conversation grows: system messages, tools
   and the first user message, up to 2 KiB.
"""

import re
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from tollway.fleet.objects import Operation, Tier
from tollway.gateway import splice as splicing
from tollway.gateway.facts import RequestFacts, Role
from tollway.gateway.tokens import json_tokens, text_tokens

MAX_MODEL: Final = 256
"""Characters of a model's name."""

MAX_CHOICES: Final = 128
"""OpenAI's own bound on `n`."""

MAX_OUTPUT: Final = 2**31 - 1

PREFIX_BYTES: Final = 2048
PROMPT_PREFIX_BYTES: Final = 512
"""A bare prompt has no turns; its first 512 bytes stand for the conversation."""

_OTHER_MODELS: Final = frozenset({"models", "fallbacks", "preset"})
_MATTERING: Final = _OTHER_MODELS | frozenset(
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
_EXPECTED: Final = {str: "a string", bool: "true or false", int: "an integer"}

_DECODERS: dict[type, Callable[[msgspec.Raw], Any]] = {
    kind: msgspec.json.Decoder(kind | None).decode for kind in _EXPECTED
}

T = TypeVar("T", str, bool, int)
Values = splicing.Values


class BadRequest(Exception):  # noqa: N818 - it names a refusal, not a failure of ours
    """A request that is refused before dispatch sees it, as the client is to be told."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        super().__init__(message)


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
    values = _members(body)
    try:
        splicing.refuse_lookalikes(values, _MATTERING)
        starts = splicing.value_starts(body, values)
    except splicing.UnsafeKey as fault:
        raise BadRequest(
            400, "ambiguous_parameter", f'"{fault.key}" {fault.why} in the request body.', fault.key
        ) from None
    if not _OTHER_MODELS.isdisjoint(values):
        _refuse_other_models(values)
    model = _model(values)
    subject = _SUBJECT[operation]
    asked = _required(values, subject)
    stream = _scalar(values, "stream", bool) is True
    chat = operation == "chat"
    if chat and not _MESSAGES.match(asked):
        raise _no_messages(subject)
    plain = _UNCOMMON.isdisjoint(values)
    choices = 1 if plain else _choices(values)
    if not chat:
        choices *= _prompts(asked, subject)
    cap = _positive(values, "max_tokens", MAX_OUTPUT) if plain else _cap(values)
    span = starts["model"], starts["model"] + len(values["model"])
    streams = stream and operation != "embedding"
    wants, edit = _usage_edit(body, values, starts, span[1]) if streams else (False, None)
    return RequestFacts(
        operation=operation,
        model=model,
        stream=streams,
        wants_usage=wants,
        input_tokens=json_tokens(asked) if plain and chat else _input_tokens(values, asked),
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


def models_body(names: Sequence[str], created: int) -> bytes:
    """The answer to `GET /v1/models`. `created` is seconds since the epoch."""
    data = [
        {"id": name, "object": "model", "created": created, "owned_by": "tollway"} for name in names
    ]
    return _encode({"object": "list", "data": data})


def _error_type(status: int) -> str:
    if status == 402:
        return "insufficient_quota"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _members(body: bytes) -> Values:
    try:
        if not body.isascii():
            body.decode()
        return splicing.decode_object(body)
    except msgspec.ValidationError:
        raise BadRequest(400, "invalid_json", "The request body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadRequest(400, "invalid_json", f"The request body is not JSON: {fault}.") from None


def _required(values: Values, key: str) -> bytes:
    value = values.get(key)
    if value is None or _is_null(value):
        raise _missing(key)
    return bytes(value)


def _missing(key: str) -> BadRequest:
    return BadRequest(400, "missing_required_parameter", f'"{key}" is missing.', key)


def _scalar(values: Values, key: str, kind: type[T]) -> T | None:
    """The member's value; None where it is absent or null."""
    raw = values.get(key)
    if raw is None:
        return None
    try:
        return _DECODERS[kind](raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = f'"{key}" must be {_EXPECTED[kind]}, not {_shown(raw)}.'
        raise BadRequest(400, "invalid_type", message, key) from None


def _is_null(raw: msgspec.Raw) -> bool:
    return len(raw) == 4 and bytes(raw) == b"null"


def _shown(raw: msgspec.Raw) -> str:
    text = bytes(memoryview(raw)[:40])
    return text.decode(errors="replace") + ("..." if len(raw) > 40 else "")


def _model(values: Values) -> str:
    model = _scalar(values, "model", str)
    if model is None:
        raise _missing("model")
    if not model or len(model) > MAX_MODEL:
        raise BadRequest(
            400, "invalid_value", f'"model" must have 1 to {MAX_MODEL} characters.', "model"
        )
    return model


def _refuse_other_models(values: Values) -> None:
    for key in sorted(_OTHER_MODELS.intersection(values)):
        if not _is_null(values[key]):
            message = f'"{key}" is not passed on: name one route in "model"; it has fallbacks.'
            raise BadRequest(400, "unsupported_parameter", message, key)


def _positive(values: Values, key: str, most: int) -> int | None:
    if key not in values:
        return None
    number = _scalar(values, key, int)
    if number is not None and not 1 <= number <= most:
        raise BadRequest(
            400, "invalid_value", f'"{key}" must be between 1 and {most}, not {number}.', key
        )
    return number


def _choices(values: Values) -> int:
    """Answers to one prompt; those that `best_of` throws away are generated all the same."""
    asked = _positive(values, "n", MAX_CHOICES) or 1
    tried = _positive(values, "best_of", MAX_CHOICES) or 1
    return max(asked, tried)


def _cap(values: Values) -> int | None:
    """Of two caps the larger: which of them a source obeys is its own affair."""
    old = _positive(values, "max_tokens", MAX_OUTPUT)
    new = _positive(values, "max_completion_tokens", MAX_OUTPUT)
    return max(old, new) if old and new else old or new


def _tier(values: Values) -> Tier | None:
    named = _scalar(values, "service_tier", str) if "service_tier" in values else None
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
    opening = _opening(values, asked) if chat else asked[:PROMPT_PREFIX_BYTES]
    # sha256, because most processors have it built in: half the time of blake2b at this size.
    digest = sha256(b"%b\0%b" % (tenant.encode(), opening)).digest()
    return int.from_bytes(digest[:8], "big")


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
    if _is_null(raw):
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
    if _scalar(inner, "include_usage", bool):
        return True, None
    start = at + inner_starts["include_usage"]
    return False, (start, start + len(inner["include_usage"]), b"true")
