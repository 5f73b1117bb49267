"""How wrong the twin was lately: the scores that `tollway twin` wrote, day by day.

Rules
1. Nothing is played here: that takes minutes. What was not scored is said, with the command.
2. Stale is what `tollway twin` calls so, of the deployment and the constants scored last.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.ledger.scores import read_scores
from tollway.simulator.scores import Learned, Score, Stale, stale
from tollway.simulator.scores_told import (
    DAY,
    day_words,
    mend,
    outside_words,
    score_for_programs,
    stale_for_programs,
)
from tollway.simulator.twin import deployment_of, site_of

DAYS = 7
MOST_DAYS = 92


@dataclass(frozen=True, slots=True)
class Lately:
    """The scores of finished days (`days`, the first one first), what is stale with the words of it
    and the command that mends it, and who had no score; `trouble` where nothing could be read."""

    days: tuple[int, ...]
    scores: tuple[Score, ...]
    stale: tuple[tuple[Stale, str, str | None], ...]
    missing: tuple[str, ...]
    trouble: str | None

    def for_programs(self) -> dict[str, object]:
        """As `tollway twin --json` has it."""
        return {
            "format": 1,
            "days": [day_words(day) for day in self.days],
            "scores": [score_for_programs(one) for one in self.scores],
            "stale": [stale_for_programs(one, line) for one, _, line in self.stale],
        }


async def lately(fleet: Fleet, ledger: Path, today: int, days: int) -> Lately:
    """What was scored of the last `days` finished days before `today` (since 1970-01-01, UTC)."""
    return await asyncio.to_thread(_read, fleet, ledger, range(today - days, today))


def _read(fleet: Fleet, ledger: Path, days: Sequence[int]) -> Lately:
    try:
        every = read_scores(ledger)
    except (TollwayError, OSError) as error:
        return Lately(tuple(days), (), (), (), str(error))
    current = _current(fleet)
    newest: dict[tuple[str, str], Score] = {}
    for one in sorted(every, key=lambda one: (one.day, one.made)):
        newest[one.source, one.model] = one

    def is_current(one: Score) -> bool:
        last = newest[one.source, one.model]
        return one.claim == last.claim and one.deployment == current.get((one.source, one.model))

    scored = tuple(one for one in every if one.day in days)
    judged = [(one, mend(str(ledger), fleet, {}, one)) for one in stale(filter(is_current, every))]
    had = {(one.source, one.model) for one in scored}
    return Lately(
        days=tuple(days),
        scores=scored,
        stale=tuple((one, outside_words(one), line) for one, line in judged),
        missing=tuple(
            f"{source}:{model}" for source, model in current if (source, model) not in had
        ),
        trouble=None,
    )


def _current(fleet: Fleet) -> Mapping[tuple[str, str], str]:
    """The deployments that can be scored, in words, by source and model."""
    found: dict[tuple[str, str], str] = {}
    for source in fleet.sources.values():
        site, _ = site_of(fleet, source, Learned())
        for pool in () if site is None else site.pools:
            found[pool.source, pool.model] = deployment_of(source, pool)
    return found


def today_of(utc: float) -> int:
    """The day of a moment, since 1970-01-01."""
    return int(utc) // DAY


def missing_extra() -> str | None:
    """What speeds scoring up and is not installed."""
    if find_spec("numba") is not None and find_spec("numpy") is not None:
        return None
    return "pip install 'tollway[twin]'"
