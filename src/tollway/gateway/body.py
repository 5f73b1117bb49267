"""What is read of every request's body, in whatever dialect: members once, of the right type.

Rules
1. What is read here is what the upstream will read: a body on which two JSON parsers could
   disagree is refused (not UTF-8, a key twice, a key in another case).
2. What a source serves is what `model` names: members by which routers of models (OpenRouter,
   LiteLLM) let a request name others are refused. They would pass by a key's routes and prices.
"""

from collections.abc import Callable, Collection
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from tollway.gateway import splice as splicing

MAX_MODEL: Final = 256
"""Characters of a model's name."""

MAX_CHOICES: Final = 128
"""OpenAI's own bound on `n`."""

MAX_OUTPUT: Final = 2**31 - 1

PREFIX_BYTES: Final = 2048
"""Bytes of a conversation's beginning that are its prefix."""

OTHER_MODELS: Final = frozenset({"models", "fallbacks", "preset"})
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


def members(body: bytes) -> Values:
    """The members of a body.

    Raises:
        BadRequest: it is not a JSON object in UTF-8.
    """
    try:
        if not body.isascii():
            body.decode()
        return splicing.decode_object(body)
    except msgspec.ValidationError:
        raise BadRequest(400, "invalid_json", "The request body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadRequest(400, "invalid_json", f"The request body is not JSON: {fault}.") from None


def value_starts(body: bytes, values: Values, mattering: Collection[str]) -> dict[str, int]:
    """Where each value starts (rules 1 and 2). `mattering` are the members that are read here.

    Raises:
        BadRequest: a key is there twice, or looks like one that matters, or names other models.
    """
    try:
        splicing.refuse_lookalikes(values, mattering)
        starts = splicing.value_starts(body, values)
    except splicing.UnsafeKey as fault:
        raise BadRequest(
            400, "ambiguous_parameter", f'"{fault.key}" {fault.why} in the request body.', fault.key
        ) from None
    if not OTHER_MODELS.isdisjoint(values):
        _refuse_other_models(values)
    return starts


def required(values: Values, key: str) -> bytes:
    """The member's value as it stands."""
    value = values.get(key)
    if value is None or is_null(value):
        raise missing(key)
    return bytes(value)


def missing(key: str) -> BadRequest:
    """The refusal of a body without this member."""
    return BadRequest(400, "missing_required_parameter", f'"{key}" is missing.', key)


def scalar(values: Values, key: str, kind: type[T]) -> T | None:
    """The member's value; None where it is absent or null."""
    raw = values.get(key)
    if raw is None:
        return None
    try:
        return _DECODERS[kind](raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = f'"{key}" must be {_EXPECTED[kind]}, not {_shown(raw)}.'
        raise BadRequest(400, "invalid_type", message, key) from None


def positive(values: Values, key: str, most: int) -> int | None:
    """A number from 1 to `most`; None where it is absent or null."""
    if key not in values:
        return None
    number = scalar(values, key, int)
    if number is not None and not 1 <= number <= most:
        raise BadRequest(
            400, "invalid_value", f'"{key}" must be between 1 and {most}, not {number}.', key
        )
    return number


def is_null(raw: msgspec.Raw) -> bool:
    """Whether the value is null."""
    return len(raw) == 4 and bytes(raw) == b"null"


def model_in(values: Values) -> str:
    """The name of the model that is asked for."""
    model = scalar(values, "model", str)
    if model is None:
        raise missing("model")
    return checked_model(model)


def checked_model(model: str) -> str:
    """The name, where it is one."""
    if not model or len(model) > MAX_MODEL:
        raise BadRequest(
            400, "invalid_value", f'"model" must have 1 to {MAX_MODEL} characters.', "model"
        )
    return model


def prefix_of(tenant: str, opening: bytes) -> int:
    """A 64-bit hash of the first bytes of a tenant's conversation."""
    # sha256, because most processors have it built in: half the time of blake2b at this size.
    digest = sha256(b"%b\0%b" % (tenant.encode(), opening[:PREFIX_BYTES])).digest()
    return int.from_bytes(digest[:8], "big")


def _shown(raw: msgspec.Raw) -> str:
    text = bytes(memoryview(raw)[:40])
    return text.decode(errors="replace") + ("..." if len(raw) > 40 else "")


def _refuse_other_models(values: Values) -> None:
    for key in sorted(OTHER_MODELS.intersection(values)):
        if not is_null(values[key]):
            message = f'"{key}" is not passed on: name one route in "model"; it has fallbacks.'
            raise BadRequest(400, "unsupported_parameter", message, key)
