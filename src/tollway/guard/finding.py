"""What was found, where, and through which layers; never the secret itself.

Rules
1. A finding holds no more of what it found than a masked excerpt: it may be logged as it is.
2. What could not be inspected is a finding too, of kind `uninspected`: never a pass.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["secret", "personal", "financial", "term", "document", "uninspected"]
"""What kind of thing was found."""

KINDS: tuple[Kind, ...] = ("secret", "personal", "financial", "term", "document", "uninspected")

_SHOWN = 4
_LONG = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `start` and `end` are bytes of the text that was handed in, also where it
    was found after `layers` of decoding, the outermost first. `share` is the part of a registered
    document that was found, 0 to 1; None for anything else. `why` is a reason in words."""

    detector: str
    kind: Kind
    start: int
    end: int
    layers: tuple[str, ...]
    excerpt: str
    why: str = ""
    share: float | None = None


def masked(found: bytes) -> str:
    """What may be shown of what was found: its length, and of 16 bytes and more the first four,
    which tell one issuer's keys from another's."""
    if len(found) < _LONG:
        return f"{len(found)} bytes"
    head = found[:_SHOWN].decode("ascii", "replace")
    return f"{head if head.isprintable() else '?'}... ({len(found)} bytes)"
