"""`tollway diff`: the same traffic through two fleet files, in virtual time.

Rules
1. Exit code 1 means that a threshold was passed: for use as a gate on changes of a fleet.
2. Without thresholds it only tells.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.diff_table import as_json, as_text, as_words
from tollway.cli.learned import learned_of, stale_words
from tollway.cli.rehearsing import going
from tollway.cli.simulate import slo_of
from tollway.cli.sweep import Job, swept
from tollway.cli.traffic import Asked, asking_for, play_of, traffic_of
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.simulator.compare import Side, Thresholds, loss_of, passed, survival_of
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.scores import Claim, Learned, Stale
from tollway.simulator.trace import Trace

EXIT_PASSED = 1
EXIT_INTERRUPTED = 130


def diff(
    old: Path,
    new: Path,
    /,
    *,
    on: str,
    max_cost: str | None = None,
    max_ttft: str | None = None,
    max_latency: str | None = None,
    max_unanswered: str | None = None,
    min_survival: str | None = None,
    survival: bool = True,
    scale: float = 1.0,
    seed: int = 0,
    route: str | None = None,
    tenant: str | None = None,
    ttft: str | None = None,
    speed: float | None = None,
    start: str = "0s",
    duration: str = "all",
    limit: int | None = None,
    calibrated: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Play the same traffic through two fleet files; exit 1 above your thresholds.

    Parameters
    ----------
    old
        The fleet file as it is.
    new
        The fleet file as it shall be.
    on
        The traffic: all that `tollway simulate --trace` takes; yesterday reads the ledger.
    max_cost
        The most that cost may rise: 5%. Exit 1 above it, as with every threshold.
    max_ttft
        The most that TTFT may rise, at p50, p90 and p99.
    max_latency
        The same of the time to the whole answer.
    max_unanswered
        The most that the share of refused and failed requests may rise, in points: 0.1%.
    min_survival
        The least share of requests that is answered whichever source of the new file is lost.
    survival
        Lose each source of each file in turn, from a quarter of the trace on.
    scale
        So many times as many users; not users so many times as fast.
    seed
        Fixes all that is left to chance.
    route
        The route that all requests ask for. Default: as the trace says, else chat.
    tenant
        Who asks, where the trace does not say. Default: the first tenant of each file.
    ttft
        Count who got a first token within this time. Default: what each route promises.
    speed
        Count whose answer came at this many tokens a second. Default: likewise.
    start
        Where in the trace to begin.
    duration
        How much of the trace to play, or "all".
    limit
        At most this many requests, before scaling.
    calibrated
        What `tollway calibrate` wrote from a source's own results. Again for more.
    state
        The state folder, for yesterday and for what is stale. Default: $TOLLWAY_STATE, else
        .tollway here.
    json
        Print one JSON object.
    """
    by = Thresholds(
        cost=_share("--max-cost", max_cost),
        ttft=_share("--max-ttft", max_ttft),
        latency=_share("--max-latency", max_latency),
        unanswered=_share("--max-unanswered", max_unanswered),
        survive=_share("--min-survival", min_survival),
    )
    if by.survive is not None and not survival:
        raise TollwayError("--min-survival needs every source lost in turn: drop --no-survival.")
    asked = Asked(on, route, tenant, scale, seed, start, duration, limit, state)
    trace = asking_for(traffic_of(asked), route)
    slo = slo_of(ttft, speed)
    learned, stale = learned_of(calibrated, state)
    jobs = [_jobs(path, trace, asked, (slo, learned), survival=survival) for path in (old, new)]
    with going("diff", len(trace.requests)) as on_it:
        found = swept([*jobs[0], *jobs[1]], trace, on_it)
    if len(found) < len(jobs[0]) + len(jobs[1]):
        done, wanted = len(found), len(jobs[0]) + len(jobs[1])
        sys.stderr.write(f"Stopped after {done} of {wanted} rehearsals: nothing to compare yet.\n")
        return EXIT_INTERRUPTED
    sides = _side(jobs[0], found[: len(jobs[0])]), _side(jobs[1], found[len(jobs[0]) :])
    over = passed(*sides, by)
    said = {"old": str(old), "new": str(new), "on": on, "scale": scale, "seed": seed}
    sys.stdout.write(as_json(sides, over, said) if json else as_text(sides, over))
    sys.stderr.write(as_words(sides, (str(old), str(new))))
    sys.stderr.write("".join(f"warning: {note}\n" for note in _stale(sides, stale)))
    return EXIT_PASSED if over else 0


def _share(option: str, text: str | None) -> float | None:
    """`5%` or 0.05."""
    if text is None:
        return None
    try:
        found = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        found = -1.0
    if not 0.0 <= found < float("inf"):
        raise TollwayError(f'{option} is "{text}". Write a share: 5%, or 0.05.')
    return found


def _jobs(
    path: Path, trace: Trace, asked: Asked, by: tuple[Slo | None, Learned], *, survival: bool
) -> list[Job]:
    """The whole fleet, then without each of its sources."""
    documents = read_documents(path)
    fleet = fleet_of(documents, path)
    play = play_of(fleet, trace, asked)
    jobs = [Job(f"{path}", documents, path, play, *by)]
    for source in fleet.sources if survival else ():
        loss = loss_of(trace, source)
        without = replace(play, losses=(loss,), counted=loss.at)
        jobs.append(Job(f"{path} without {source}", documents, path, without, *by))
    return jobs


def _stale(sides: tuple[Side, Side], stale: dict[Claim, Stale]) -> list[str]:
    """A sentence for each claim that is stale and on which the comparison rests."""
    chips = {use.chip for side in sides for use in side.whole.uses if use.pace.origin == "stale"}
    return [stale_words(one) for claim, one in stale.items() if claim.chip in chips]


def _side(jobs: list[Job], found: list[Rehearsed]) -> Side:
    whole, *rest = found
    names = [job.play.losses[0].source for job in jobs[1:]]
    return Side(whole, tuple(map(survival_of, names, rest)))
