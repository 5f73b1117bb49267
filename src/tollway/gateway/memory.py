"""How this process treats its memory: what the collector looks at, and what may be dumped."""

import ctypes
import gc
import resource
from contextlib import suppress

_PR_SET_DUMPABLE = 4
_YOUNG = 50_000
_OLDER = (20, 50)


def keep_private() -> None:
    """Have the kernel write no memory of this process to disk, as far as this system lets us: it
    holds credentials."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def calm_collector() -> None:
    """Look for cycles less often, and never again at what lives as long as the process. A request
    makes some dozens of tracked objects and no cycle; by default every tenth request or so would
    have all streams in flight walked through. Call when everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *_OLDER)
