"""What one principal sent lately, so that a secret in pieces is found when its last piece comes.

Rules
1. It is state without clock or I/O, for one key or one task; two principals never share one.
2. It is bounded: `MOST_PIECES` pieces of at most `MOST_BYTES` bytes together, none for more than
   `MOST_BODIES` bodies, and the parts of `MOST_VALUES` known values. The oldest go first.
3. It holds what may be halves of secrets: it is shown nowhere.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate

from tollway.guard.parts import Part

MOST_PIECES = 64
MOST_BYTES = 8192
MOST_BODIES = 32
MOST_VALUES = 64


class Memory:
    """What one principal sent lately, for `Guard.inspect`: pieces of its texts that may be halves
    of something, in order, and which bytes of known values it has sent."""

    __slots__ = ("_ages", "_sent")

    def __init__(self) -> None:
        self._ages: dict[bytes, int] = {}
        self._sent: OrderedDict[str, int] = OrderedDict()

    def __repr__(self) -> str:
        return f"Memory({len(self._ages)} pieces, {len(self._sent)} values)"

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What may be a part of something, the latest last."""
        return (*self._ages,)

    def keep(self, pieces: Sequence[bytes], sent: Collection[bytes]) -> None:
        """Remember these pieces, the latest last, instead of those before; `sent` are the pieces
        of this body, the others grow older by one."""
        sizes = accumulate(map(len, reversed(pieces)))
        count = min(sum(1 for size in sizes if size <= MOST_BYTES), MOST_PIECES)
        ages = {it: 0 if it in sent else self._ages.get(it, 0) + 1 for it in pieces[-count:]}
        self._ages = {it: age for it, age in ages.items() if age < MOST_BODIES} if count else {}

    def add(self, parts: Iterable[Part]) -> dict[str, int]:
        """Remember parts of known values; how many bytes of each of these it has sent by now."""
        sent: dict[str, int] = {}
        for part in parts:
            bits = (1 << part.last) - (1 << part.first)
            self._sent[part.name] = self._sent.pop(part.name, 0) | bits
            sent[part.name] = self._sent[part.name].bit_count()
            while len(self._sent) > MOST_VALUES:
                self._sent.popitem(last=False)
        return sent
