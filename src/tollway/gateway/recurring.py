"""A head that a connection has had before, recognised without being parsed again.

Rules
1. It is the same byte for byte but for the digits of its `content-length`, and one read brought it
   with its whole body and nothing else.
2. One that is `secret` is compared in constant time: a client's holds a key, and a proxy may have
   sent us another's before.
"""

import re
from hmac import compare_digest
from typing import Final

_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([1-9][0-9]{0,9})(?=\r\n)")
_LONGEST_LENGTH: Final = 10
_ZERO: Final = 48
_NINE: Final = 57
_LONGEST: Final = 4096
"""Bytes of a head that a connection remembers; those of the common libraries have under 1,000."""


class RecurringHead:
    """A head, cut where the digits of its `content-length` were."""

    __slots__ = ("_after", "_before", "_secret")

    def __init__(self, before: bytes, after: bytes, secret: bool) -> None:
        self._before = before
        self._after = after
        self._secret = secret

    @staticmethod
    def of(data: bytes, secret: bool) -> "RecurringHead | None":
        """The head of `data`, which is one whole message; None where it cannot be known again."""
        size = data.find(b"\r\n\r\n") + 4
        found = _LENGTH.search(data, 0, size)
        if found is None or size > _LONGEST or size + int(found[1]) != len(data):
            return None
        return RecurringHead(data[: found.start(1)], data[found.end(1) : size], secret)

    def body_in(self, data: bytes, most: int) -> bytes | None:
        """The body of `data`, where that is one whole message with this head and at most `most`
        bytes of body; else None."""
        start = len(self._before)
        stop = min(len(data), start + _LONGEST_LENGTH)
        size, end = 0, start
        while end < stop and _ZERO <= data[end] <= _NINE:
            size = size * 10 + data[end] - _ZERO
            end += 1
        body = end + len(self._after)
        if end == start or size > most or body + size != len(data):
            return None
        return data[body:] if self._is_in(data, start, end, body) else None

    def _is_in(self, data: bytes, start: int, end: int, body: int) -> bool:
        if not self._secret:
            return data.startswith(self._before) and data[end:body] == self._after
        same = compare_digest(data[:start], self._before)
        return compare_digest(data[end:body], self._after) and same
