"""Errors, as the Responses API words them."""

from typing import Final

import msgspec

KINDS: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def write_error(status: int, code: str, message: str, param: str | None) -> bytes:
    """A whole error answer."""
    error = {"message": message, "type": error_type(status), "param": param, "code": code}
    return msgspec.json.encode({"error": error})


def error_type(status: int) -> str:
    """The `type` of an error, which follows its HTTP status."""
    return KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")


def response_code(status: int) -> str:
    """The code in the `error` of a failed response, of which the API has a fixed list."""
    if status == 429:
        return "rate_limit_exceeded"
    return "server_error" if status >= 500 else "invalid_prompt"


def status_of(code: str | None) -> int | None:
    """The HTTP status that a code in a stream or a failed response stands for."""
    match code:
        case "rate_limit_exceeded" | "insufficient_quota":
            return 429
        case "server_error" | "vector_store_timeout":
            return 500
        case "server_is_overloaded" | "slow_down":
            return 503
        case None:
            return None
        case _:
            return 400 if code.startswith(("invalid_", "image_", "context_length")) else None
