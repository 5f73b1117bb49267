"""What is left of a key's limits, in the headers that each dialect's clients pace themselves by."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from tollway.dispatch.messages import Left, Room
from tollway.fleet.objects import Dialect

_ANTHROPIC: Final = (
    b"anthropic-ratelimit-%b-limit: %d\r\nanthropic-ratelimit-%b-remaining: %d\r\n"
    b"anthropic-ratelimit-%b-reset: %b\r\n"
)


def room_lines(room: Room | None, dialect: Dialect, utc: float) -> bytes:
    """Header lines; none where nothing is limited, and in Gemini's dialect, which has none."""
    if room is None or dialect == "gemini":
        return b""
    requests, tokens = room
    lines = b"" if requests is None else _lines(b"requests", requests, dialect, utc)
    return lines if tokens is None else lines + _lines(b"tokens", tokens, dialect, utc)


def _lines(what: bytes, left: Left, dialect: Dialect, utc: float) -> bytes:
    limit, remaining, seconds = left
    if dialect == "anthropic":
        at = datetime.fromtimestamp(int(utc + seconds + 1.0), UTC)
        reset = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        return _ANTHROPIC % (what, limit, what, remaining, what, reset)
    before, between = _openai(what, limit)
    return before + str(remaining).encode() + between + _span(seconds) + b"\r\n"


@lru_cache(maxsize=1024)
def _openai(what: bytes, limit: int) -> tuple[bytes, bytes]:
    """What stands before what remains, and between it and the time."""
    before = b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: " % (what, limit, what)
    return before, b"\r\nx-ratelimit-reset-%b: " % what


def _span(seconds: float) -> bytes:
    """A time as OpenAI writes it: 12ms, 1.5s, 1m2s."""
    millis = int(seconds * 1000.0 + 0.999)
    if millis < 1000:
        return str(millis).encode() + b"ms"
    whole, rest = divmod(millis, 60_000)
    shown = b"%ds" % (rest // 1000) if rest % 1000 == 0 else b"%d.%03ds" % divmod(rest, 1000)
    return b"%dm%b" % (whole, shown) if whole else shown
