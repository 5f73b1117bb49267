"""The headers of answers: what is said of the attempt, and what of the source's is passed on.

Rules
1. Only what is listed is passed on: never a source's cookies, server, or anything of ours.
2. A substitution is disclosed in the answer that it concerns.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from tollway.dispatch.messages import Send
from tollway.gateway.http import header_line

_EVENT_STREAM: Final = (
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
)
_JSON: Final = b"content-type: application/json\r\n"
_LONGEST_WAIT: Final = 24 * 3600.0


def attempt_lines(request: str, action: Send | None) -> bytes:
    """The `x-tollway-*` header lines; `action` is the last attempt, None where there was none."""
    if action is None:
        return b"x-tollway-request: %b\r\n" % request.encode()
    rest = _source_lines(action.source, action.upstream_model, action.substituted, action.attempt)
    return b"x-tollway-request: " + request.encode() + rest


@lru_cache(maxsize=1024)
def _source_lines(source: str, upstream_model: str, substituted: str | None, number: int) -> bytes:
    """What follows the request's id, in its line and behind it."""
    lines = b"\r\n" + header_line(b"x-tollway-source", source)
    lines += header_line(b"x-tollway-model", upstream_model)
    if substituted is not None:
        lines += header_line(b"x-tollway-substituted", substituted)
    return lines + b"x-tollway-attempts: %d\r\n" % number


def relayed_lines(headers: dict[bytes, bytes]) -> bytes:
    """The header lines of a good answer that come from the source (rule 1)."""
    kind = headers.get(b"content-type", b"")
    lines = _EVENT_STREAM if kind[:17].lower() == b"text/event-stream" else _JSON
    if b"openai-processing-ms" in headers:
        lines += header_line(b"openai-processing-ms", headers[b"openai-processing-ms"])
    if b"x-request-id" in headers:
        lines += header_line(b"x-upstream-request-id", headers[b"x-request-id"])
    return lines


def retry_after(value: bytes | None, utc: float) -> float | None:
    """Seconds that a `Retry-After` header names, as a number or as a date; None where it names
    none. At most a day: no source closes itself for longer by a header."""
    if value is None:
        return None
    text = value.decode("ascii", "replace").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (
                parsedate_to_datetime(text) - datetime.fromtimestamp(utc, UTC)
            ).total_seconds()
        except (TypeError, ValueError):
            return None
    if not seconds >= 0.0:
        return 0.0 if seconds < 0.0 else None
    return min(seconds, _LONGEST_WAIT)
