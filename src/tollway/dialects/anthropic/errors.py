"""Errors in Anthropic's shape. Source: the API's page on errors, and the types of its SDK."""

from typing import Final

import msgspec

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
MESSAGE: Final = 500
"""Characters kept of a source's error message."""

_encode: Final = msgspec.json.Encoder().encode


def write_error(status: int, code: str, message: str, param: str | None) -> bytes:
    """A whole error answer. There is no member for `code` and `param` here: the message names
    what is wrong."""
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return _encode({"type": "error", "error": {"type": kind, "message": message}})


def read_status(kind: str | None) -> int | None:
    """The HTTP status of an error's type."""
    return None if kind is None else _STATUSES.get(kind)
