"""Embeddings that mean nothing and never change: a unit vector from the hash of the text."""

import base64
from array import array
from math import sqrt
from sys import byteorder

from tollway.emulator.words import draws, seed_of

_HALF = float(1 << 63)


def vector(text: str | int, size: int) -> "array[float]":
    """A unit vector of `size` 32-bit floats; the same text has the same one everywhere."""
    numbers = draws(seed_of("vector", text))
    raw = [next(numbers) / _HALF - 1.0 for _ in range(size)]
    norm = sqrt(sum(one * one for one in raw)) or 1.0
    return array("f", (one / norm for one in raw))


def as_base64(values: "array[float]") -> str:
    """Little-endian float32, as OpenAI's `encoding_format: base64` has it."""
    if byteorder == "big":
        values = array("f", values)
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode("ascii")
