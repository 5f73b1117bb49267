"""Models held against their baselines once, and how those stand that are watched all the time.

Rules
1. Nothing fails open: a model that could not be looked at is `Unaudited`, with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from secrets import randbelow
from typing import Final

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.gateway.watching.asker import Straight, drive
from tollway.gateway.watching.listing import listed
from tollway.gateway.watching.state import Watched
from tollway.gateway.watching.subjects import origin_of
from tollway.inspect.baselines import Kept, baselines_of
from tollway.pins import shutdown
from tollway.pins.drift.groups import grouped, odd_ones
from tollway.pins.drift.looking import looked
from tollway.pins.drift.standing import Standing, StandingName, after_look, after_vanishing
from tollway.pins.finding import Finding, Findings, Unaudited

_MEND: Final = (
    "Look at it; then `tollway drift clear`, or make a new baseline and lock it, or use the "
    "fallback."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One model: how it stands, and what is known of its end. `method` is None where it has no
    baseline, `made` the day of that (UTC)."""

    name: str
    standing: Standing
    method: str | None = None
    made: date | None = None
    ending: shutdown.Ending | None = None


def check_once(
    path: Path, fleet: Fleet, names: Sequence[str], level: float, today: date
) -> tuple[Findings, tuple[Row, ...]]:
    """Ask each of `names`, straight, and again where it is suspect. `level` is that of the second
    look; `path` is the fleet's."""
    kept = baselines_of(path, fleet, names)
    rows = tuple(_checked(fleet, it, level, today) for it in kept)
    return _findings(rows), rows


def _checked(fleet: Fleet, kept: Kept, level: float, today: date) -> Row:
    baseline = kept.baseline
    try:
        origin, model = origin_of(fleet, kept.name)
    except TollwayError as error:
        return _row(kept, Standing(why=str(error)), None, today)
    models = listed(origin)
    last = None if models is None else models.get(model)
    if baseline is None:
        return _row(kept, Standing(why=kept.why), last, today)
    if models is not None and baseline.listed and baseline.upstream_model not in models:
        gone = after_vanishing(Standing(), baseline.upstream_model, 0.0)
        return _row(kept, gone, last, today)
    seen = drive(looked(baseline, randbelow), Straight(origin, model))
    return _row(kept, after_look(Standing(), seen, level, 0.0), last, today)


def stand(path: Path, fleet: Fleet, kept: Watched, today: date) -> tuple[Findings, tuple[Row, ...]]:
    """How the watched models of a fleet stand, by what the watch last wrote."""
    names = watched_names(fleet)
    rows: list[Row] = []
    for one in baselines_of(path, fleet, names):
        usual = Standing(why=one.why or "not checked yet")
        rows.append(_row(one, kept.standings.get(one.name, usual), None, today))
    found = _findings(rows)
    more = tuple(_group_findings(fleet, kept.differing)) if fleet.drift is not None else ()
    return Findings((*found.found, *more), found.unaudited, found.looked), tuple(rows)


def watched_names(fleet: Fleet) -> tuple[str, ...]:
    """What the fleet file wants watched, by `SOURCE/MODEL`: those it names, else all."""
    if fleet.drift is not None and fleet.drift.models is not None:
        return fleet.drift.models
    return tuple(f"{name}/{it}" for name, one in fleet.sources.items() for it in one.serves)


def _row(kept: Kept, standing: Standing, last: date | None, today: date) -> Row:
    component, baseline = kept.component, kept.baseline
    locked = None if component is None else component.shutdown
    days = [it for it in (locked, last) if it is not None]
    return Row(
        kept.name,
        standing,
        None if baseline is None else baseline.method,
        None if baseline is None else baseline.made.date(),
        shutdown.ending(kept.name, min(days) if days else None, today),
    )


def _findings(rows: Sequence[Row]) -> Findings:
    found: list[Finding] = []
    unaudited: list[Unaudited] = []
    for row in rows:
        component = f"model-api:{row.name}"
        name: StandingName = row.standing.name
        if name in ("alarm", "withdrawn", "differs"):
            found.append(Finding(component, f"drift.{name}", row.standing.why, _MEND))
        elif name == "unwatched":
            unaudited.append(Unaudited(component, "drift", row.standing.why))
        if row.ending is not None and row.ending.is_finding:
            mend = "Lock the model that replaces it."
            found.append(Finding(component, "drift.shutdown", str(row.ending), mend))
    return Findings(tuple(found), tuple(unaudited), len(rows) - len(unaudited))


def _group_findings(
    fleet: Fleet, differing: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[Finding]:
    """Groups whose members differ while nobody can say which is wrong; the odd ones that can be
    named have a standing of their own."""
    for name, members in grouped(fleet).items():
        pairs = [frozenset(it) for it in differing.get(name, ()) if set(it) <= set(members)]
        if pairs and odd_ones(members, pairs) is None:
            who = "; ".join(" and ".join(sorted(it)) for it in pairs)
            words = f"sources of {name} answer differently ({who}), and which is wrong cannot be"
            mend = "Compare them with a baseline, or with a third source."
            yield Finding(f"group:{name}", "drift.same-model", f"{words} told", mend)
