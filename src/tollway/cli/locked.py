"""How far the hashing of a lock's files has come, on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLOW = 2.0
"""Seconds after which progress is shown."""


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Shows how much is hashed, on a terminal, once that takes longer than a moment."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = ("Hashing", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=total)
    begun = time.monotonic()
    shown = False

    def hashed(count: int) -> None:
        nonlocal shown
        bar.advance(task, count)
        if not shown and time.monotonic() - begun > _SLOW:
            shown = True
            bar.start()

    try:
        yield hashed
    finally:
        if shown:
            bar.stop()
