"""Where the top-level members of a JSON object are, and what to cut out and put in.

Rules
1. Bytes that are not asked to change do not change.
2. A key given twice is refused: which of the two counts differs from parser to parser.
3. So is a key that differs from one that matters in case only: some parsers fold it.
4. Nothing is guessed. The walk is JSON's own grammar: every value is compared with what the
   decoder found under that key, so an object that passes has exactly these members.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

Values = Mapping[str, msgspec.Raw]
Edit = tuple[int, int, bytes]
"""Start, end, and what to put in between."""

_MEMBER: Final = re.compile(
    rb'[ \t\n\r]*[{,][ \t\n\r]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL
)
_END: Final = re.compile(rb"[ \t\n\r]*}[ \t\n\r]*\Z")
_OPEN: Final = re.compile(rb"[ \t\n\r]*\{[ \t\n\r]*(})?")

_COMMON: Final = (
    "model messages stream stream_options max_tokens max_completion_tokens temperature top_p seed "
    "stop user tools tool_choice response_format presence_penalty frequency_penalty system prompt "
    "reasoning_effort input instructions contents generationConfig include_usage"
)
"""Members whose names are kept as they are written."""
_COMPACT: Final = {name: f'"{name}":'.encode() for name in _COMMON.split()}
_SPACED: Final = {name: f'"{name}": '.encode() for name in _COMMON.split()}
_COMMA: Final = 44
_BLANK: Final = 32
_FIRST_NAME: Final = 32
"""Where the blank behind the first name, which tells the two spellings apart, must be found."""

decode_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The members of a JSON object with their values as they stand; of a key given twice, the last."""


class UnsafeKey(Exception):  # noqa: N818 - it names a refusal, not a failure of ours
    """A member that parsers disagree on. `key` is its name, `why` the words that follow it."""

    def __init__(self, key: str, why: str) -> None:
        self.key = key
        self.why = why
        super().__init__(f"{key} {why}")


def value_starts(text: bytes, values: Values) -> dict[str, int]:
    """Where each value starts in the object `text`, whose decoded members are `values`.

    Raises:
        UnsafeKey: a key is there twice.
    """
    return _plain_starts(text, values) or _walked_starts(text, values)


def _plain_starts(text: bytes, values: Values) -> dict[str, int] | None:
    """The walk where the text is as JSON libraries write it: compact, or with one blank behind each
    comma and colon. None of any other, and where the walk fails."""
    starts: dict[str, int] = {}
    spaced = text.find(b'": ', 0, _FIRST_NAME) > 0
    names = _SPACED if spaced else _COMPACT
    end = len(text) - 1
    at = 1 if text[:1] == b"{" else end
    for key, value in values.items():
        # A key with an escape in it is not found as decoded, so it goes the long way.
        name = names.get(key) or b'"' + key.encode() + (b'": ' if spaced else b'":')
        start = at + len(name)
        if text[at:start] != name or not text.startswith(value, start):
            return None
        starts[key] = start
        at = start + len(value)
        if at < end and text[at] == _COMMA:
            at += 1
            if spaced and text[at] == _BLANK:
                at += 1
    return starts if text[at:] == b"}" else None


def _walked_starts(text: bytes, values: Values) -> dict[str, int]:
    starts: dict[str, int] = {}
    at = 0
    match = _MEMBER.match
    key = ""
    for key, value in values.items():
        member = match(text, at)
        if member is None:
            raise _twice(next(reversed(starts), key))
        name = member[1]
        if name != key.encode() and _unescaped(name) != key:
            raise _twice(_unescaped(name))
        at = member.end()
        if not text.startswith(value, at):
            raise _twice(key)
        starts[key] = at
        at += len(value)
    if values and _END.match(text, at) is None:
        member = match(text, at)
        raise _twice(key if member is None else _unescaped(member[1]))
    return starts


def refuse_lookalikes(values: Values, known: Collection[str]) -> None:
    """Refuse keys that a lenient parser would take for a known one.

    Raises:
        UnsafeKey: a key equals a known one but for case, or holds a NUL.
    """
    for key in values:
        if key in known:
            continue
        if key.casefold() in known:
            raise UnsafeKey(key, f'must be written "{key.casefold()}"')
        if "\0" in key:
            raise UnsafeKey(key.replace("\0", "\\u0000"), "must not hold a NUL")


def member_edit(text: bytes, at: int, key: str, value: bytes) -> Edit:
    """The edit that puts a member that is not there first into the object that starts at `at`."""
    found = _OPEN.match(text, at)
    if found is None:
        raise ValueError("no JSON object there")
    comma = b"" if found[1] else b","
    brace = text.index(b"{", at) + 1
    return brace, brace, b'"' + key.encode() + b'":' + value + comma


def apply_edits(text: bytes, edits: Collection[Edit]) -> bytes:
    """`text` with the edits made. They must not overlap."""
    pieces: list[bytes] = []
    done = 0
    for start, end, new in sorted(edits):
        pieces += (text[done:start], new)
        done = end
    pieces.append(text[done:])
    return b"".join(pieces)


def _twice(key: str) -> UnsafeKey:
    return UnsafeKey(key, "is given twice")


def _unescaped(name: bytes) -> str:
    return msgspec.json.decode(b'"' + name + b'"', type=str)
