"""A replay's progress bar, on standard error; none where that is not a terminal."""

import sys
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from tollway.simulator.report import Sample


class Progress:
    """Counts requests as they end."""

    def __init__(self, total: int) -> None:
        self._counts: Counter[str] = Counter()
        console = Console(stderr=True)
        self._bar = Bar(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("replay", total=total, counts="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def ended(self, sample: Sample) -> None:
        """One more request has ended."""
        self._counts[sample.outcome] += 1
        shown = ", ".join(f"{count} {outcome}" for outcome, count in self._counts.items())
        self._bar.update(self._task, advance=1, counts=shown)
