"""Errors in OpenAI's shape, and in those of the servers that speak like it."""

from typing import Any, Final, cast

import msgspec

MESSAGE: Final = 500
"""Characters kept of a source's error message."""

_encode: Final = msgspec.json.Encoder().encode


def write_error(status: int, code: str, message: str, param: str | None) -> bytes:
    """A whole error answer."""
    error = {"message": message, "type": _error_type(status), "param": param, "code": code}
    return _encode({"error": error})


def _error_type(status: int) -> str:
    if status == 402:
        return "insufficient_quota"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def read_error(value: object) -> tuple[str, int | None]:
    """Message and HTTP status (where it says one) from the value of an `error` member."""
    if not isinstance(value, dict):
        return str(value)[:MESSAGE] or "error", None
    error = cast(dict[str, Any], value)
    message = error.get("message")
    if not isinstance(message, str) or not message:
        message = str(error.get("type") or error.get("code") or "error")
    return message[:MESSAGE], _status(error)


def _status(error: dict[str, Any]) -> int | None:
    for key in ("status", "status_code", "code"):
        code = error.get(key)
        if isinstance(code, str) and code.isascii() and code.isdigit():
            code = int(code[:4])
        if isinstance(code, int) and 400 <= code <= 599:
            return code
    words = f"{error.get('type')} {error.get('code')}"
    return 429 if "rate_limit" in words or "insufficient_quota" in words else None
