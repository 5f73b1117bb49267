"""Which requests a drill takes a source away from."""

_GOLDEN = 0x9E3779B97F4A7C15
"""2**64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 6.4). The draw's own bits already decide
between sources; the share must not depend on that choice."""


def takes(draw: int, share: float) -> bool:
    """Whether a request with this draw (64 random bits) is among the `share` (0 to 1)."""
    mixed = draw * _GOLDEN & 0xFFFF_FFFF_FFFF_FFFF
    return (mixed >> 11) / 2**53 < share
