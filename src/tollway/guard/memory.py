"""What one principal sent lately, so that a secret in pieces is found when its last piece comes.

Rules
1. It is state without clock or I/O, for one key or one task; two principals never share one.
2. It is bounded: at most `MOST_ENTRIES` pieces and `MOST_BYTES` bytes of them, the oldest go first.
"""

MOST_ENTRIES = 64
MOST_BYTES = 8192


class Memory:
    """What one principal sent lately, for `Guard.inspect`."""

    __slots__ = ()
