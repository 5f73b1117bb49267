"""Which hashed blocks of prompts are in the cache, who holds them, and which goes first.

Rules
1. A block is cached with all blocks before it: what is cached of a prompt is a prefix of it.
2. A block that somebody holds is never evicted. Of the others the one that was let go first goes
   first, and of blocks let go together the last of the prompt.
3. Whoever lets go of a block lets go of those before it at the same moment or holds them longer: so
   rule 2 evicts no block before those that need it, and rule 1 holds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class _Run:
    """Blocks that were let go together, the first `left` of which may still be evicted for it."""

    moment: int
    prefix: Sequence[int]
    left: int


class Prefixes:
    """The hashed blocks in one replica's cache."""

    def __init__(self) -> None:
        self.idle = 0
        self._holders: dict[int, int] = {}
        self._let_go: dict[int, int] = {}
        self._runs: deque[_Run] = deque()
        self._moment = 0

    def __len__(self) -> int:
        return len(self._holders)

    def match(self, prefix: Sequence[int], most: int) -> int:
        """How many leading blocks are cached, up to `most`."""
        holders = self._holders
        for at in range(most):
            if prefix[at] not in holders:
                return at
        return most

    def unheld(self, prefix: Sequence[int], count: int) -> int:
        """How many of the first `count` blocks, which are cached, nobody holds."""
        holders, found = self._holders, 0
        for at in range(count - 1, -1, -1):
            if holders[prefix[at]]:
                break  # and whoever holds it holds all before it
            found += 1
        return found

    def hold(self, prefix: Sequence[int], hits: int, count: int) -> None:
        """Hold the first `count` blocks, of which the first `hits` are cached and the others are
        from now on."""
        holders = self._holders
        for block in prefix[:hits]:
            if not holders[block]:
                self.idle -= 1
            holders[block] += 1
        for block in prefix[hits:count]:
            holders[block] = 1

    def forget(self, prefix: Sequence[int], start: int, count: int) -> None:
        """Blocks from `start` to `count` that only the caller holds will never be computed."""
        for block in prefix[start:count]:
            del self._holders[block]
            self._let_go.pop(block, None)

    def let_go(self, prefix: Sequence[int], count: int, computed: int) -> int:
        """Hold the first `count` blocks no longer, and cache those up to `computed` too unless they
        are; how many were added."""
        holders, moment = self._holders, self._moment
        self._moment += 1
        for block in prefix[:count]:
            holders[block] -= 1
            self._let_go[block] = moment
            if not holders[block]:
                self.idle += 1
        added = 0
        for block in prefix[count:computed]:
            if block in holders:
                break
            holders[block] = 0
            self._let_go[block] = moment
            added += 1
        self.idle += added
        if count + added:
            self._runs.append(_Run(moment, prefix, count + added))
        return added

    def evict(self) -> None:
        """Take the block out that goes first; there must be one that nobody holds."""
        while True:
            run = self._runs[0]
            if not run.left:
                self._runs.popleft()
                continue
            run.left -= 1
            block = run.prefix[run.left]
            if self._let_go.get(block) == run.moment and not self._holders[block]:
                del self._holders[block], self._let_go[block]
                self.idle -= 1
                return
