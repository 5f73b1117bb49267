"""A source as it is now: what the running gateway counts while it is watched, else its ledger.

Rules
1. What is known of a source comes from the running gateway's metrics, which have its gaps; without
   a gateway from the ledger, which has none.
2. The gateway is looked at twice. Where too few answers end in between, all that it has counted
   since its start is taken, and that is said.
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from tollway.cli.feel_streams import Felt
from tollway.cli.running import read_running
from tollway.cli.where import Where
from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, listed
from tollway.feel.observed import Observed, from_answers, from_scrapes
from tollway.feel.windows import scraped
from tollway.gateway.admin_client import ask_metrics
from tollway.ledger.felt import Answers, recent_answers
from tollway.ledger.sqlite import open_reader
from tollway.units import Seconds

LONGEST_WATCH = 3600.0
_EMPTY = "of which no streamed answer is known"


@dataclass(frozen=True, slots=True)
class Watching:
    """How a gateway is watched: what it says (None: nobody answers), and how time goes by."""

    look: Callable[[], str | None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def observed(self, source: str, model: str | None, over: float) -> Observed | None:
        """Rule 2."""
        text = self.look()
        if text is None:
            return None
        scrapes = [scraped(text, Seconds(self.clock()))]
        ever = from_scrapes(scrapes, source, model, ())
        if ever is None or not over:  # nothing to wait for: it had no answer, or none is wanted
            return ever
        sys.stderr.write(f"Watching {source} for {over:g} s.\n")
        sys.stderr.flush()
        self.sleep(over)
        text = self.look()
        if text is None:
            return ever
        scrapes.append(scraped(text, Seconds(self.clock())))
        window = Seconds(scrapes[-1].at - scrapes[0].at)
        return from_scrapes(scrapes, source, model, (window,))


def of_source(name: str, where: Where, over: float) -> Felt:
    """A source, or one model of it (`SOURCE:MODEL`), as it was observed (rule 1).

    Raises:
        TollwayError: nothing was observed of it.
    """
    if not 0 <= over <= LONGEST_WATCH:
        mend = f"Write 0 to {LONGEST_WATCH:g} seconds."
        raise FaultsFound([Fault("--watch", f"is {over:g}", mend)])
    source, _, model = name.partition(":")
    running = read_running(where.folder)
    seen = None
    if running is not None:
        host, port = running.host, running.port
        seen = Watching(lambda: ask_metrics(host, port)).observed(source, model or None, over)
    seen = seen or _from_ledger(source, model, where)
    if seen is None:
        known = sorted({source for source, _ in _answers(where)})
        hint = did_you_mean(name, known)
        raise TollwayError(
            f'--source is "{name}", {_EMPTY}; known: {listed(known)}. '
            f"{hint or 'Send it traffic first, or name one of these.'}"
        )
    return Felt(name, seen.speed, seen.waits, seen.gaps, seen.words, "measured", seen=seen)


def _from_ledger(source: str, model: str, where: Where) -> Observed | None:
    found = _answers(where)
    some = [
        answer
        for (name, one), answers in found.items()
        if name == source and model in ("", one)
        for answer in answers
    ]
    return from_answers(some, "in the last 7 days")


def _answers(where: Where) -> Answers:
    if not where.path.is_file():
        return {}
    with closing(open_reader(where.path)) as ledger:
        return recent_answers(ledger, time.time())
