"""Errors, as Google words them."""

from typing import Any, Final

import msgspec

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""google.rpc.Code by HTTP status."""
TYPES: Final = "type.googleapis.com/google.rpc."


def write_error(status: int, code: str, message: str, param: str | None) -> bytes:
    """A whole error answer. Google has no place for `code` and `param` but in the details."""
    known = STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    details: list[dict[str, Any]] = [
        {"@type": f"{TYPES}ErrorInfo", "reason": code, "domain": "tollway"}
    ]
    if param is not None:
        violation = {"field": param, "description": message}
        details.append({"@type": f"{TYPES}BadRequest", "fieldViolations": [violation]})
    error = {"code": status, "message": message, "status": known, "details": details}
    return msgspec.json.encode({"error": error})
