"""What an answer says of itself: who it is from, and why it ended.

Rules
1. Only these words are read, and only such as could be a name: never what the answer is about.
2. What cannot be read says nothing.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}\Z")
_MOST_REASONS: Final = 128
"""OpenAI's own bound on choices."""


class Named(msgspec.Struct, gc=False, rename={"version": "modelVersion"}):
    """The model, in the words of the dialects: `model`, and Gemini's `modelVersion`."""

    model: object = None
    version: object = None


class Ended(msgspec.Struct, gc=False, rename={"gemini": "finishReason"}):
    """Why one choice of an answer ended."""

    finish_reason: object = None
    gemini: object = None


class Said(Named, gc=False):
    """An answer, or its first event; Anthropic's has a `message`, Responses' a `response`."""

    message: Named | None = None
    response: Named | None = None
    choices: list[Ended] | None = None
    candidates: list[Ended] | None = None
    stop_reason: object = None


_decode: Final = msgspec.json.Decoder(Said).decode
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def model_of_event(data: bytes) -> str | None:
    """The model that the first event of `data`, whole events of a stream, says it is from."""
    start = data.find(b"data: {")
    said = None if start < 0 else _read(data[start + 6 :].partition(b"\n")[0])
    return None if said is None else _model(said)


def read_body(body: bytes) -> tuple[str | None, tuple[str, ...]]:
    """The model that a whole answer says it is from, and why each of its choices ended."""
    said = _read(body)
    if said is None:
        return None, ()
    ends = [*(said.choices or ()), *(said.candidates or ())]
    return _model(said), reasons([said.stop_reason, *(e.finish_reason or e.gemini for e in ends)])


def reasons(given: Iterable[object]) -> tuple[str, ...]:
    """Those of `given` that are words (rule 1)."""
    words = (_word(reason) for reason in given)
    return tuple(word for word in words if word is not None)[:_MOST_REASONS]


def _read(payload: bytes) -> Said | None:
    try:
        return _decode(payload)
    except _UNREADABLE:
        return None


def _model(said: Said) -> str | None:
    for one in (said, said.message, said.response):
        if one is not None:
            name = _word(one.model) or _word(one.version)
            if name is not None:
                return name
    return None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.match(value) else None
