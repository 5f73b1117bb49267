"""`tollway diff`: the same traffic through two fleet files, in virtual time.

Rules
1. Exit code 1 means that a threshold was passed: for use as a gate on changes of a fleet.
2. Without thresholds it only tells.
3. With several seeds both files see the same requests with each seed; a threshold is passed where
   it is with more than half of them.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.diff_runs import Asking, compared
from tollway.cli.diff_table import as_json, as_text, as_words, seeds_json, seeds_text
from tollway.cli.learned import learned_of
from tollway.cli.rehearsing import going
from tollway.cli.seeds import checked
from tollway.cli.simulate import slo_of
from tollway.cli.sweep import crew
from tollway.cli.traffic import Asked
from tollway.errors import TollwayError
from tollway.simulator.compare import Side, Thresholds, passed
from tollway.simulator.scores import Claim, Stale
from tollway.simulator.scores_told import stale_words
from tollway.simulator.seeds import passed_mostly

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
    seeds: int = 1,
    ray: Annotated[bool, Parameter(negative="")] = False,
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
    seeds
        Play so many seeds, from `seed` on, and say between what the changes lie.
    ray
        Play it on a Ray cluster: that of $RAY_ADDRESS, else one that runs here, else a new one.
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
    learned, stale = learned_of(calibrated, state)
    asking = Asking((old, new), asked, checked(seeds), slo_of(ttft, speed), learned, survival)
    with crew(ray=ray) as hands, going("diff", 1) as on_it:
        found = compared(asking, hands, on_it)
    if not found.sides:
        done, wanted = found.played, found.wanted
        sys.stderr.write(f"Stopped after {done} of {wanted} rehearsals: nothing to compare yet.\n")
        return EXIT_INTERRUPTED
    names = str(old), str(new)
    said = {"old": str(old), "new": str(new), "on": on, "scale": scale, "seed": seed}
    every = list(found.sides.values())
    if seeds > 1:
        sys.stdout.write(seeds_json(found, by, said) if json else seeds_text(found, by))
        over = passed_mostly([passed(*sides, by) for sides in every])
    else:
        over = passed(*every[0], by)
        sys.stdout.write(as_json(every[0], over, said) if json else as_text(every[0], over))
    sys.stderr.write("".join(dict.fromkeys(as_words(sides, names) for sides in every)))
    sys.stderr.write("".join(f"warning: {note}\n" for note in _stale(every, stale)))
    if found.missing:
        first, more = ", ".join(found.missing[:4]), len(found.missing) - 4
        others = f" and {more:,} more" if more > 0 else ""
        sys.stderr.write(f"Stopped: not played: {first}{others}.\n")
        return EXIT_INTERRUPTED
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


def _stale(every: list[tuple[Side, Side]], stale: dict[Claim, Stale]) -> list[str]:
    """A sentence for each claim that is stale and on which the comparison rests."""
    uses = (use for sides in every for side in sides for use in side.whole.uses)
    chips = {use.chip for use in uses if use.pace.origin == "stale"}
    return [stale_words(one) for claim, one in stale.items() if claim.chip in chips]
