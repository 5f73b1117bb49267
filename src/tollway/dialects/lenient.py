"""What a source sends that is JSON but for a detail."""

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoded(decode: Callable[[bytes], T], payload: bytes) -> T:
    """`payload` through `decode`, also where it has half a surrogate pair or NaN in it: not JSON by
    the letter, and clients read it all the same.

    Raises:
        ValueError: it is not JSON, or not of the shape that `decode` expects.
    """
    try:
        return decode(payload)
    except msgspec.ValidationError as fault:
        raise ValueError(f"not an answer in this dialect: {fault}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        value = json.loads(payload, parse_constant=lambda _: None)
        return decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except msgspec.ValidationError as fault:
        raise ValueError(f"not an answer in this dialect: {fault}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ValueError("data is not JSON") from None
