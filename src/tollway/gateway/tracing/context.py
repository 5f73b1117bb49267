"""W3C trace context: which trace a client says that its request belongs to.

Rules
1. What breaks the grammar in any way says nothing: a new trace begins.
2. `tracestate` goes on whole, or not at all; without a `traceparent` it means nothing.
3. Of the flags, "sampled" and "random" go on; the others are not known here, so they do not.

Source: https://www.w3.org/TR/trace-context-2/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SAMPLED: Final = 1
RANDOM: Final = 2
"""The trace's id is random, so that samplers may go by it."""
_PARENT: Final = re.compile(
    rb"([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z",
    re.DOTALL,
)
_MEMBER: Final = re.compile(rb"([a-z0-9][a-z0-9_\-*/@]{0,255})=[ -+\--<>-~]{0,255}[!-+\--<>-~]\Z")
_MOST_MEMBERS: Final = 32


@dataclass(frozen=True, slots=True)
class Context:
    """What the headers say: 32 and 16 hexadecimal digits, flags, and the vendors' own words."""

    trace: str
    parent: str
    flags: int
    state: str


def read_context(parent: bytes | None, state: bytes | None) -> Context | None:
    """The context in a `traceparent` and a `tracestate`; None where there is none (rule 1)."""
    found = None if parent is None else _PARENT.match(parent)
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return None
    known = int(flags, 16) & (SAMPLED | RANDOM)
    return Context(trace.decode(), span.decode(), known, _state(state))


def trace_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The trace that a request's headers say it belongs to, if they do."""
    parent = headers.get(b"traceparent")
    context = None if parent is None else read_context(parent, None)
    return None if context is None else context.trace


def _state(value: bytes | None) -> str:
    """Rule 2."""
    if value is None:
        return ""
    members = [member for part in value.split(b",") if (member := part.strip(b" \t"))]
    keys: set[bytes] = set()
    for member in members:
        found = _MEMBER.match(member)
        if found is None or found[1] in keys:
            return ""
        keys.add(found[1])
    return b",".join(members).decode() if len(members) <= _MOST_MEMBERS else ""


def context_lines(trace: str, span: str, flags: int, state: str) -> bytes:
    """The header lines by which a source is told whose child its work is."""
    line = f"traceparent: 00-{trace}-{span}-{flags:02x}\r\n"
    return (line + f"tracestate: {state}\r\n" if state else line).encode()
