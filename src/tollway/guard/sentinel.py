"""Sentinels: what a task holds in a secret's place, where one may stand, and how it is replaced.

Rules
1. A sentinel is 160 random bits in letters that survive headers, URLs, JSON and Basic credentials.
2. It is replaced where its secret's table says that it may stand, and nowhere else; a sentinel in
   any other place, or hidden in another encoding, is refused with the whole request.
3. A replaced secret is written as its place demands: escaped in a URL, and in JSON or a form.
"""

import json
import re
from base64 import b32encode, b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal
from urllib.parse import quote

from tollway.fleet.egressing import SecretUse
from tollway.fleet.places import SECRET_MARK
from tollway.guard.detector import Detector

RANDOM_BYTES = 20
PREFIX = "TWS_"
SENTINEL = re.compile(rb"TWS_[A-Z2-7]{32}")
_PATTERN = "TWS_[A-Z2-7]{32}"
_BASIC = re.compile(rb"(basic[ \t]+)([A-Za-z0-9+/]+={0,2})[ \t]*", re.IGNORECASE)

Headers = Sequence[tuple[bytes, bytes]]
Part = Literal["target", "header", "basic", "body"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a sentinel stands: a part, and which header."""

    sentinel: bytes
    part: Part
    index: int = -1


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a request that a sentinel may stand in. `kind` is the body's content type."""

    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    kind: bytes = b""


def sentinel_of(random: bytes) -> str:
    """The sentinel of 20 random bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"{len(random)} bytes are not {RANDOM_BYTES}")
    return PREFIX + b32encode(random).decode()


def digest_of(sentinel: bytes) -> bytes:
    """What is kept of a sentinel: 160 random bits cannot be guessed from it."""
    return sha256(sentinel).digest()


def detector() -> Detector:
    """Finds sentinels in every layer of encoding."""
    return Detector(
        id="sentinel",
        title="Sentinel of the broker",
        kind="secret",
        pattern=_PATTERN,
        anchor=_PATTERN,
        source="tollway.guard.sentinel",
    )


def spots(parts: Parts) -> tuple[Spot, ...]:
    """Every sentinel that stands in a request openly, or in Basic credentials."""
    found = [Spot(word, "target") for word in SENTINEL.findall(parts.target)]
    for index, (name, value) in enumerate(parts.headers):
        found += [Spot(word, "header", index) for word in SENTINEL.findall(name + b"\0" + value)]
        found += [Spot(word, "basic", index) for word in SENTINEL.findall(_in_basic(name, value))]
    found += [Spot(word, "body") for word in SENTINEL.findall(parts.body)]
    return tuple(found)


def _in_basic(name: bytes, value: bytes) -> bytes:
    match = _BASIC.fullmatch(value) if name.lower() == b"authorization" else None
    if match is None:
        return b""
    try:
        return b64decode(match[2], validate=True)
    except ValueError:
        return b""


def why_not_here(use: SecretUse, spot: Spot, parts: Parts) -> str | None:
    """Why a secret may not stand in this spot; None where it may."""
    if spot.part == "body":
        return None if use.body else "it may not stand in a body"
    if use.place == "head":
        return None
    if use.place == "basic":
        return None if spot.part == "basic" else "it may stand in Basic credentials only"
    name, value = parts.headers[spot.index] if spot.part == "header" else (b"", b"")
    if name.lower() != use.header.lower().encode():
        return f"it may stand in the header {use.header} only"
    if use.template is not None:
        wanted = use.template.replace(SECRET_MARK, spot.sentinel.decode()).encode()
        if value.strip().lower() != wanted.lower():
            return f"the header {use.header} does not read as its template says"
    return None


def without(parts: Parts, known: Sequence[Spot]) -> Parts:
    """The request with a plain word in the place of sentinels that may stand there: what is
    inspected for anything else."""
    return replaced(parts, known, {spot.sentinel: b"sentinel" for spot in known})


def replaced(parts: Parts, where: Sequence[Spot], values: Mapping[bytes, bytes]) -> Parts:
    """The request with each spot's sentinel replaced by its value, written as its place demands.

    Raises:
        ValueError: a value cannot stand in a header.
    """
    headers = list(parts.headers)
    for spot in where:
        value = values[spot.sentinel]
        if spot.part == "header":
            if not all(0x20 <= byte < 0x7F for byte in value):
                raise ValueError("the secret holds characters that no header can carry")
            name, text = headers[spot.index]
            headers[spot.index] = (name, text.replace(spot.sentinel, value))
        elif spot.part == "basic":
            name, text = headers[spot.index]
            headers[spot.index] = (name, _basic(text, spot.sentinel, value))
    target = _swapped(parts.target, where, values, "target", _in_url)
    body = _swapped(parts.body, where, values, "body", _writer(parts.kind))
    return replace(parts, target=target, headers=tuple(headers), body=body)


def _swapped(
    text: bytes,
    where: Sequence[Spot],
    values: Mapping[bytes, bytes],
    part: Part,
    written: Callable[[bytes], bytes],
) -> bytes:
    known = {spot.sentinel: written(values[spot.sentinel]) for spot in where if spot.part == part}
    return SENTINEL.sub(lambda match: known.get(match[0], match[0]), text) if known else text


def _basic(text: bytes, sentinel: bytes, value: bytes) -> bytes:
    match = _BASIC.fullmatch(text)
    if match is None:
        return text
    opened = b64decode(match[2], validate=True)
    return match[1] + b64encode(opened.replace(sentinel, value))


def _in_url(value: bytes) -> bytes:
    return quote(value, safe="").encode()


def _in_json(value: bytes) -> bytes:
    return json.dumps(value.decode("utf-8", "strict"))[1:-1].encode()


def _plain(value: bytes) -> bytes:
    return value


def _writer(kind: bytes) -> Callable[[bytes], bytes]:
    """How a value is written in a body of this content type."""
    essence = kind.partition(b";")[0].strip().lower()
    if essence == b"application/x-www-form-urlencoded":
        return _in_url
    if essence in (b"application/json", b"text/json") or essence.endswith(b"+json"):
        return _in_json
    return _plain
