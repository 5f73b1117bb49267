"""The child that rehearses: the fleet as it is, and without one source, played by the same traffic.

    python -m tollway.console.road.rehearsal FLEET STATE SOURCE [DRAINED ...]

Rules
1. Traffic is the ledger's of the last hour, else of the last day, where there is some; else what
   the fleet's workloads declare; else it is made up, and each is said. Of the ledger the last
   requests are looked at, a bounded number of them however large it is.
2. A point is played with the engine model's own pace, an interval is between what its 80% fast end
   and slow end give; a declared speed has none.
3. The source is lost from the first request on, for good. One that is drained serves nobody, with
   it or without, as the gateway drains.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from tollway.console.road.verdicts import Run, judged, unasked
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet, KeyTerms
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.sqlite import open_reader
from tollway.ledger.sqlite_timings import heard_last
from tollway.simulator.by_route import between, by_route, served_by
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.play import Drain, Loss, Play
from tollway.simulator.recorded import Heard, traffic
from tollway.simulator.rehearsal import course_through
from tollway.simulator.report import Row
from tollway.simulator.supply import EnginePool, Pool, paced, supply
from tollway.simulator.trace import Trace, TraceRequest, cut, in_order
from tollway.units import Seconds

HOUR: Final = 3600.0
DAY: Final = 86_400.0
MOST: Final = 2_000
"""Requests, the latest: three runs of two fleets in seconds, and enough for a p90."""
LOOKED_AT: Final = 20_000
"""Requests of the ledger that are looked at for them: those of routes that are gone are none."""

_MADE_UP: Final = (1.0, 600.0, 1000, 250)
"""Requests a second of each route, for seconds, of so many tokens in and out."""

_KEY: Final = "rehearsal"


Runs = Mapping[str, Run]
"""A run, by route."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is played, and in words whence it is."""

    trace: Trace
    words: str


def rehearse(
    fleet: Fleet, ledger: Path, source: str, utc: float, drained: Sequence[str] = ()
) -> dict[str, object]:
    """What becomes of each route, as it is and without the source; `drained` are out of use.

    Raises:
        TollwayError: the fleet cannot be rehearsed.
    """
    asked = _traffic(fleet, ledger, utc)
    pools = supply(fleet, asked.trace.prefix_tokens)
    play = replace(_play(fleet, asked.trace, utc), drains=tuple(Drain(it, 0) for it in drained))
    sides = {
        name: _played(fleet, asked.trace, how, pools)
        for name, how in (("as_is", play), ("without", replace(play, losses=(Loss(source, 0),))))
    }
    engines = sorted({pool.source for pool in pools if isinstance(pool, EnginePool)})
    return {
        "source": source,
        "traffic": asked.words,
        "requests": len(asked.trace.requests),
        "seconds": asked.trace.requests[-1].at,
        "predicted": engines,
        "declared": sorted({pool.source for pool in pools} - set(engines)),
        "drained": sorted(drained),
        "notes": list(asked.trace.notes),
        "routes": [
            _route(source, name, sides) for name in fleet.routes if name in sides["as_is"][0]
        ],
        "unasked": unasked(source, fleet, sides["as_is"][0].keys(), frozenset(drained)),
    }


def _route(source: str, name: str, sides: Mapping[str, Sequence[Runs]]) -> dict[str, object]:
    found = {side: [run[name] for run in runs] for side, runs in sides.items()}
    verdict = judged(source, found["as_is"], found["without"])
    shown: dict[str, object] = {"route": name, "verdict": verdict.kind, "words": verdict.words}
    return {**shown, **{side: _shown(runs) for side, runs in found.items()}}


def _played(fleet: Fleet, trace: Trace, play: Play, pools: Sequence[Pool]) -> list[Runs]:
    """At the model's own pace, at the fast end, at the slow end (rule 2)."""
    made: list[Sequence[Pool]] = [
        pools,
        [paced(pool, "fast") for pool in pools],
        [paced(pool, "slow") for pool in pools],
    ]
    found: list[Runs] = []
    for one in made:
        course = course_through(fleet, tuple(one), trace, play)
        served = served_by(course, trace, play)
        rows = by_route(fleet, course, trace, play)
        found.append({name: Run(row, served.get(name, Counter())) for name, row in rows.items()})
    return found


def _shown(runs: Sequence[Run]) -> dict[str, object]:
    rows = [run.row for run in runs]
    point = rows[0]
    return {
        "requests": point.requests,
        "unanswered": point.refused + point.failed,
        "served": dict(runs[0].served),
        "unanswered_between": between([row.refused + row.failed for row in rows]),
        "ttft_p50": point.ttft.p50,
        "ttft_p50_between": _ends(rows, lambda row: row.ttft.p50),
        "ttft_p90": point.ttft.p90,
        "ttft_p90_between": _ends(rows, lambda row: row.ttft.p90),
        "cost": point.cost or 0,
        "fallbacks": point.fallbacks,
        "substitutions": point.substitutions,
    }


def _ends(rows: list[Row], of: Callable[[Row], float | None]) -> tuple[float, float] | None:
    return between([of(row) for row in rows])


def _play(fleet: Fleet, trace: Trace, utc: float) -> Play:
    tenant = next(iter(fleet.tenants), None)
    if tenant is None:
        raise TollwayError("The fleet has no tenant, so that nobody may ask.")
    carried = {terms.key: terms for terms in trace.keys}
    named = {one.key for one in trace.requests if one.key is not None}
    others = {key: KeyTerms(key, tenant) for key in sorted(named - set(carried))}
    keys = {**carried, **others, _KEY: KeyTerms(_KEY, tenant)}
    route = next(iter(fleet.routes))
    began = utc if trace.began is None else trace.began
    return Play(route, _KEY, tuple(keys.values()), began)


# --- traffic (rule 1) ----------------------------------------------------------------------------


def _traffic(fleet: Fleet, ledger: Path, utc: float) -> Asked:
    for length, words in ((HOUR, "last hour"), (DAY, "last day")):
        heard, keys = _heard(ledger, utc - length, utc, fleet)
        if heard:
            latest = heard[-MOST:]
            told = "" if len(latest) == len(heard) else f", its latest {MOST:,} requests, not all"
            trace = traffic(f"the ledger's {words}", latest, keys)
            return Asked(trace, f"the ledger's {words}{told}")
    return _declared(fleet) or _made_up(fleet)


def _heard(
    ledger: Path, since: float, until: float, fleet: Fleet
) -> tuple[list[Heard], tuple[KeyTerms, ...]]:
    if not ledger.exists():
        return [], ()
    with closing(open_reader(ledger)) as store:
        routes = tuple(fleet.routes)
        heard = store.ask(lambda db: heard_last(db, since, until, routes, LOOKED_AT))
        records = store.keys()
    keys = tuple(record.terms for record in records if record.terms.tenant in fleet.tenants)
    return heard, keys


def _declared(fleet: Fleet) -> Asked | None:
    """What workloads with an amount in the file come to in ten minutes of an even day."""
    requests: list[TraceRequest] = []
    for place, workload in enumerate(fleet.workloads.values()):
        if workload.tokens_per_day is None:
            continue
        rate = workload.tokens_per_day / (workload.input_tokens + workload.output_tokens) / DAY
        route = next((it for it in fleet.routes.values() if it.model in workload.models), None)
        if route is None or rate <= 0.0:
            continue
        size = Size(workload.input_tokens, workload.output_tokens, 0.0)
        drawn = arrivals(rate, Seconds(_MADE_UP[1]), size, place)
        requests += [msgspec.structs.replace(one, route=route.alias) for one in drawn.requests]
    if not requests:
        return None
    trace = cut(Trace("workloads", tuple(in_order(requests))), Seconds(0.0), None, MOST)
    return Asked(trace, "what the fleet's workloads declare, ten minutes of an even day")


def _made_up(fleet: Fleet) -> Asked:
    rate, length, given, output = _MADE_UP
    requests: list[TraceRequest] = []
    for place, name in enumerate(fleet.routes):
        drawn = arrivals(rate, Seconds(length), Size(given, output, 0.0), place)
        requests += [msgspec.structs.replace(one, route=name) for one in drawn.requests]
    trace = cut(Trace("made up", tuple(in_order(requests))), Seconds(0.0), None, MOST)
    words = f"made up, because the ledger has none: {rate:g} request a second on each route, "
    return Asked(trace, words + f"{given} tokens in and {output} out")


def main(words: Sequence[str]) -> int:
    """The command line."""
    fleet_file, folder, source, *drained = words
    try:
        fleet = read_fleet(Path(fleet_file))
        ledger = Path(folder) / fleet.gateway.ledger
        found = rehearse(fleet, ledger, source, time.time(), drained)
    except TollwayError as error:
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
