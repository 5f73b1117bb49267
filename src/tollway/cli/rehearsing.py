"""Plays rehearsals: with progress after two seconds, and what is done kept on Ctrl-C."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tollway.cli.stopping import Stoppable, stopping
from tollway.fleet.objects import Fleet, Slo
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet, why_plain
from tollway.simulator.supply import Pool, supply
from tollway.simulator.trace import Trace

WIDTH = 24
"""Of the bar, in characters."""


class Going(Stoppable):
    """Whether to go on, and how far it is. `what` is being played."""

    def __init__(self, what: str, total: int) -> None:
        super().__init__()
        self._what, self._total = what, total

    def of(self, what: str, total: int) -> "Going":
        """The next run of the same command."""
        self._what, self._total = what, total
        return self

    def __call__(self, done: int) -> bool:
        """Say how much of it is done; False once stopped."""
        self.say(lambda: bar(self._what, done, self._total))
        return not self.stopped


def bar(what: str, done: int, total: int) -> str:
    """`simulate [######..................]  25%  500 of 2,000`."""
    share = min(1.0, done / max(1, total))
    full = int(share * WIDTH)
    return f"{what} [{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}  {done:,} of {total:,}"


@contextmanager
def going(what: str, total: int) -> Iterator[Going]:
    """Within this context Ctrl-C stops politely."""
    # Requests are in no cycles: looking through them for some is a tenth of a run.
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)
    with stopping(Going(what, total)) as made:
        yield made


def rehearse(
    fleet: Fleet,
    trace: Trace,
    play: Play,
    slo: Slo | None,
    on: Going,
    pools: Sequence[Pool] | None = None,
) -> Rehearsed:
    """One run that can be stopped."""
    made = supply(fleet, trace.prefix_tokens) if pools is None else tuple(pools)
    warned(not why_plain(fleet, made, trace, play))
    return rehearse_fleet(fleet, trace, play, slo, on, made)


def warned(compiled: bool) -> None:
    """Say so where the compiled simulator is wanted and not there yet."""
    if compiled and not is_warm():
        sys.stderr.write("Compiling the simulator, once: a minute or two.\n")


def is_warm() -> bool:
    """Whether this version's compiled simulator is kept on disk, beside its source."""
    beside = Path(supply.__code__.co_filename).parent / "__pycache__"
    return any(beside.glob("run_fleet.*.o"))
