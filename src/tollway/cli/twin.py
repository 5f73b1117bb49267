"""`tollway twin`: each source's speed as it was predicted, held against what it was.

Rules
1. A finished UTC day is predicted once for each deployment and set of constants, and kept as it was
   predicted; what was kept is shown, never predicted anew.
2. What could not be scored is listed with its reason.
3. Exit code 1: a prediction is stale (`simulator.scores` says when); the mend is a command line.
"""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway import __version__
from tollway.cli.calibrated import Calibrated
from tollway.cli.learned import calibrations, constants_by, day_number
from tollway.cli.rehearsing import Going, going, is_warm
from tollway.cli.running import fleet_path
from tollway.cli.twin_table import Shown, Unscored, as_json, as_text, as_words
from tollway.cli.where import Where
from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.scores import keep_scores, read_scores, served
from tollway.simulator.rehearsal import WORTH
from tollway.simulator.scores import Learned, Score, Served, Trio, stale
from tollway.simulator.twin import (
    DAY,
    WARM,
    Made,
    Site,
    StoppedError,
    deployment_of,
    scored,
    site_of,
)

EXIT_STALE = 1
EXIT_INTERRUPTED = 130
LONGEST = 3650


def twin(
    file: Path | None = None,
    /,
    *,
    day: str | None = None,
    days: int = 7,
    calibrated: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    where: Where | None = None,
) -> int:
    """Hold each source's predicted speed against the ledger, by day; exit 1 where one is stale.

    Parameters
    ----------
    file
        The fleet file. Default: that of the running gateway, else fleet.toml.
    day
        This UTC day only: 2026-11-21, or yesterday.
    days
        The last so many finished UTC days.
    calibrated
        What `tollway calibrate` wrote from a source's own results. Again for more.
    """
    wanted = _days(day, days, int(time.time()) // DAY)
    here = where or Where()
    fleet = read_fleet(fleet_path(file, here.folder))
    path = here.path
    own = calibrations(calibrated)
    with going("twin", 1) as on:
        run = _Run(fleet, path, own, on)
        for number in wanted:
            if on.stopped or not run.take(number):
                break
    shown = _shown(run, wanted, path)
    sys.stdout.write(as_json(shown) if here.json else as_text(shown))
    sys.stderr.write(as_words(shown))
    if on.stopped:
        return EXIT_INTERRUPTED
    return EXIT_STALE if shown.stale else 0


def _days(said: str | None, count: int, today: int) -> Sequence[int]:
    """The finished days that are asked for, the first one first."""
    if said is None:
        if not 1 <= count <= LONGEST:
            raise FaultsFound([Fault("--days", f"is {count}", f"Write 1 to {LONGEST}.")])
        return range(today - count, today)
    if said == "yesterday":
        return (today - 1,)
    try:
        day = day_number(date.fromisoformat(said))
    except ValueError:
        mend = "Write a UTC day (2026-11-21), or yesterday."
        raise FaultsFound([Fault("--day", f'is "{said}", not a day', mend)]) from None
    if day >= today:
        mend = "Name yesterday, or an earlier day."
        raise FaultsFound([Fault("--day", f"is {said}, which is not over (UTC)", mend)])
    return (day,)


class _Run:
    """Scores the days that are handed to it; keeps them, and what had none."""

    def __init__(self, fleet: Fleet, path: Path, own: Mapping[Trio, Calibrated], on: Going) -> None:
        self.fleet, self.path, self.own = fleet, path, own
        self.sites: list[Site] = []
        self.unscored: list[Unscored] = []
        self._on = on
        self._fitted = {trio: day_number(one.made) for trio, one in own.items()}
        self._kept = {one.key for one in read_scores(path)}
        learned = Learned(constants_by(own))
        for source in fleet.sources.values():
            site, refused = site_of(fleet, source, learned)
            if site is not None:
                self.sites.append(site)
            self.unscored += [Unscored(source.name, *one, ()) for one in refused.items()]

    def take(self, day: int) -> bool:
        """Score a day and write it down; False where it was stopped."""
        rows: dict[str, list[Served]] = {}
        for one in served(self.path, day * DAY - WARM, (day + 1) * DAY):
            rows.setdefault(one.source, []).append(one)
        self._strangers(day, rows)
        for site in self.sites:
            if self._has(site, day):
                continue
            mine = rows.get(site.source.name, [])
            made = Made(__version__, time.time(), self._fitted)
            self._on.of(f"twin: {site.source.name}", len(mine))
            if len(mine) >= WORTH and not is_warm():
                sys.stderr.write("A large day may be compiled for, once: a minute or two.\n")
            try:
                found, refused = scored(site, day, mine, made, self._on)
            except StoppedError:
                return False
            keep_scores(self.path, found)
            self.unscored += [Unscored(site.source.name, *one, (day,)) for one in refused.items()]
        return True

    def _has(self, site: Site, day: int) -> bool:
        return all(
            (day, pool.source, pool.model, deployment_of(site.source, pool), pool.claim.constants)
            in self._kept
            for pool in site.pools
        )

    def _strangers(self, day: int, rows: Mapping[str, Iterable[Served]]) -> None:
        """Sources that the ledger has and the fleet file has not."""
        for name, some in rows.items():
            source = self.fleet.sources.get(name)
            known = () if source is None else source.serves
            for model in sorted({one.model for one in some} - set(known)):
                why = "is not in the fleet file" if source is None else "does not serve it any more"
                self.unscored.append(Unscored(name, model, why, (day,)))


def _shown(run: _Run, wanted: Sequence[int], path: Path) -> Shown:
    every = read_scores(path)
    pools = {
        (pool.source, pool.model): (pool, site.source) for site in run.sites for pool in site.pools
    }

    def is_current(one: Score) -> bool:
        """Whether it is of a deployment and constants that the fleet has now."""
        found = pools.get((one.source, one.model))
        if found is None:
            return False
        pool, source = found
        return one.claim == pool.claim and one.deployment == deployment_of(source, pool)

    return Shown(
        path=path,
        fleet=run.fleet,
        calibrated=run.own,
        days=tuple(wanted),
        scores=tuple(one for one in every if one.day in wanted),
        stale=tuple(stale(filter(is_current, every))),
        unscored=_together(run.unscored),
    )


def _together(some: Iterable[Unscored]) -> tuple[Unscored, ...]:
    """One entry for each source, model and reason, with all its days."""
    days: dict[tuple[str, str, str], tuple[int, ...]] = {}
    for one in some:
        key = one.source, one.model, one.why
        days[key] = (*days.get(key, ()), *one.days)
    return tuple(Unscored(*key, when) for key, when in days.items())
