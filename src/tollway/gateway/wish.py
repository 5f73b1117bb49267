"""What the head of a request for a model says."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from tollway.fleet.objects import RequestClass
from tollway.gateway.http import Refusal, header_line
from tollway.gateway.surfaces import Surface
from tollway.gateway.upstream import ANTHROPIC_VERSION
from tollway.ledger.ring import Claim

T = TypeVar("T")

TAG: Final = re.compile(rb"[A-Za-z0-9_.:-]{1,64}\Z")
"""What a tag may be."""

ACCEPT: Final = (b"accept: application/json\r\n", b"accept: text/event-stream\r\n")
"""What a source is to answer with: one body, or a stream."""
_TOLD: Final = (
    b"traceparent", b"tracestate", b"anthropic-version", b"anthropic-beta", b"x-tollway-tag",
)  # fmt: skip
_CLASSES: Mapping[bytes, RequestClass] = {b"interactive": "interactive", b"batch": "batch"}


def task_tag(task: str) -> str:
    """The tag of everything that a task asks for through its own door."""
    return f"task:{task}"


class Asker:
    """Who asks everything that comes over one door: a task, with the claim of its key."""

    __slots__ = ("claim", "task")

    def __init__(self, task: str, claim: Claim) -> None:
        self.task = task
        self.claim = claim


class Wish:
    """What is asked for, beside the body. `claim` is made by its key; `lines` are header lines for
    the source, of an answer in one body and of a stream; `own` are lines for a source of the same
    dialect; `only` is the source that an operator asks; `task` whose door it came over."""

    __slots__ = (
        "_headers", "claim", "lines", "only", "own", "request_class", "surface", "tag", "task",
    )  # fmt: skip
    request_class: RequestClass | None

    def __init__(
        self,
        surface: Surface,
        claim: Claim,
        headers: Mapping[bytes, bytes],
        task: str | None = None,
    ) -> None:
        """Raises Refusal where a header says what it may not."""
        tag = headers.get(b"x-tollway-tag")
        if tag is not None and not TAG.match(tag):
            raise _bad_header("x-tollway-tag", "1 to 64 of A-Z a-z 0-9 _ . : -")
        self.surface = surface
        self.claim = claim
        self.task = task
        if task is None:
            self.tag = None if tag is None else tag.decode()
        else:
            self.tag = task_tag(task)
        self.request_class = _choice(headers, b"x-tollway-class", _CLASSES)
        only = headers.get(b"x-tollway-only")
        self.only = None if only is None else only.decode("utf-8", "replace")
        self._headers = headers
        traced = b""
        if b"traceparent" in headers:
            traced = header_line(b"traceparent", headers[b"traceparent"])
            if b"tracestate" in headers:
                traced += header_line(b"tracestate", headers[b"tracestate"])
        self.lines = (ACCEPT[0] + traced, ACCEPT[1] + traced)
        self.own = _anthropic_lines(headers) if surface.dialect == "anthropic" else b""

    def told(self) -> bytes:
        """What of the head goes on to a source or into the books, as the client wrote it."""
        return b"\n".join([self._headers[name] for name in _TOLD if name in self._headers])


def _anthropic_lines(headers: Mapping[bytes, bytes]) -> bytes:
    """Which API the client means, and which parts of it on trial."""
    version = headers.get(b"anthropic-version", ANTHROPIC_VERSION.encode())
    lines = header_line(b"anthropic-version", version)
    beta = headers.get(b"anthropic-beta")
    return lines if beta is None else lines + header_line(b"anthropic-beta", beta)


def _choice(headers: Mapping[bytes, bytes], name: bytes, known: Mapping[bytes, T]) -> T | None:
    value = headers.get(name)
    if value is None:
        return None
    found = known.get(value.strip().lower())
    if found is None:
        raise _bad_header(name.decode(), b", ".join(known).decode())
    return found


def _bad_header(name: str, known: str) -> Refusal:
    return Refusal(400, "invalid_header", f"{name} must be one of: {known}.", param=name)
