"""`tollway simulate`: a trace through a fleet file in virtual time.

Rules
1. Nothing is sent anywhere and no key is read: the engines are not there.
2. Exit code 1 means that requests failed. A refusal (402, 429) is an answer.
3. With several seeds it is one run a seed, and what is told is how they lie.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.learned import learned_of, stale_notes
from tollway.cli.predict_answers import price_of
from tollway.cli.rehearsing import going, rehearse
from tollway.cli.seeds import Asking, checked, played
from tollway.cli.seeds_table import as_json as seeds_json
from tollway.cli.seeds_table import as_text as seeds_text
from tollway.cli.seeds_table import as_words as seeds_words
from tollway.cli.simulate_table import as_json, as_text, as_words
from tollway.cli.sweep import crew
from tollway.cli.traffic import (
    Asked,
    asking_for,
    drains_of,
    losses_of,
    play_of,
    seconds,
    traffic_of,
)
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.inspect.fleetfile import read_fleet
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.scores import Claim, Stale
from tollway.simulator.scores_told import stale_words
from tollway.simulator.supply import EnginePool, Pool, paced, supply
from tollway.units import TokensPerSecond

EXIT_FAILURES = 1
EXIT_INTERRUPTED = 130


def simulate(
    fleet: Path = Path("fleet.toml"),
    /,
    *,
    trace: str,
    lose: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    drain: Annotated[tuple[str, ...], Parameter(negative="")] = (),
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
    price: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    interval: bool | None = None,
    calibrated: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Rehearse a trace of real requests through a fleet file, in virtual time.

    Parameters
    ----------
    fleet
        The fleet file.
    trace
        azure-code, servegen-chat (packaged), yesterday (from the ledger), a file, or a description:
        arrivals:rate=5,input=1000,output=200 (users:, sessions:, servegen:).
    lose
        SOURCE@10m loses a source for good, SOURCE@10m..15m for a while. Again for more.
    drain
        SOURCE gets nothing new, SOURCE@10m from then on, SOURCE@10m..15m for a while; what is in
        flight ends there. Again for more.
    scale
        So many times as many users; not users so many times as fast.
    seed
        Fixes all that is left to chance.
    seeds
        Play so many seeds, from `seed` on, on all cores, and say between what the figures lie.
    ray
        Play them on a Ray cluster: that of $RAY_ADDRESS, else one that runs here, else a new one.
    route
        The route that all requests ask for. Default: as the trace says, else chat.
    tenant
        Who asks, where the trace does not say. Default: the first tenant of the file.
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
    price
        USD a chip-hour (2.50, h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.
    interval
        Play it at both ends of the 80% interval of every engine's pace too. Default: where a source
        came near its knee.
    calibrated
        What `tollway calibrate` wrote from a source's own results. Again for more.
    state
        The state folder, for yesterday and for what is stale. Default: $TOLLWAY_STATE, else
        .tollway here.
    json
        Print one JSON object.
    """
    asked = Asked(trace, route, tenant, scale, seed, start, duration, limit, state)
    said = {"fleet": str(fleet), "trace": trace, "scale": scale, "seed": seed, "lost": list(lose)}
    said["drained"] = list(drain)
    if checked(seeds) > 1 or ray:
        if interval or price:
            raise TollwayError("--interval and --price are of one run: drop them, or --seeds.")
        learned, stale = learned_of(calibrated, state)
        asking = Asking(fleet, asked, seeds, lose, slo_of(ttft, speed), learned, drain)
        return _seeds(asking, stale, said, ray=ray, json=json)
    found = read_fleet(fleet)
    traffic = asking_for(traffic_of(asked), route)
    losses, drains = losses_of(lose, found), drains_of(drain, found)
    play = play_of(found, traffic, asked, losses, drains)
    learned, stale = learned_of(calibrated, state)
    pools = supply(found, traffic.prefix_tokens, learned)
    prices = prices_of(pools, price)
    slo = slo_of(ttft, speed)
    ends: list[Rehearsed] = []
    with going("simulate", len(traffic.requests)) as on:
        shown = rehearse(found, traffic, play, slo, on, pools)
        near = any(use.near for use in shown.uses) if interval is None else interval
        for end in ("fast", "slow") if near and not on.stopped else ():
            on.of(f"at the {end} end", len(traffic.requests))
            at_end = [paced(pool, end) for pool in pools]
            ends.append(rehearse(found, traffic, play, slo, on, at_end))
    if any(one.stopped for one in ends):
        ends.clear()
    sys.stdout.write(as_json(shown, said, prices, ends) if json else as_text(shown, prices, ends))
    sys.stderr.write(as_words(shown))
    sys.stderr.write("".join(f"warning: {note}\n" for note in stale_notes(pools, stale)))
    if on.stopped:
        return EXIT_INTERRUPTED
    return EXIT_FAILURES if shown.report.total.failed else 0


def _seeds(
    asking: Asking, stale: dict[Claim, Stale], said: dict[str, object], *, ray: bool, json: bool
) -> int:
    """All seeds, and what they show."""
    with crew(ray=ray) as hands, going("simulate", asking.seeds) as on:
        found = played(asking, hands, on)
    sys.stdout.write(seeds_json(found, said) if json else seeds_text(found))
    sys.stderr.write(seeds_words(found))
    runs = found.runs.values()
    chips = {use.chip for one in runs for use in one.uses if use.pace.origin == "stale"}
    about = [stale_words(one) for claim, one in stale.items() if claim.chip in chips]
    sys.stderr.write("".join(f"warning: {note}\n" for note in about))
    if found.missing:
        return EXIT_INTERRUPTED
    return EXIT_FAILURES if any(one.report.total.failed for one in runs) else 0


def slo_of(ttft: str | None, speed: float | None) -> Slo | None:
    """What every request is held against; None: what its route promises."""
    if ttft is None and speed is None:
        return None
    wanted = None if ttft is None else seconds("--ttft", ttft)
    return Slo(wanted, None if speed is None else TokensPerSecond(speed))


def prices_of(pools: tuple[Pool, ...], said: tuple[str, ...]) -> dict[str, float | None]:
    """What one chip of each kind costs an hour, and a word where that is not known."""
    chips = {
        pool.deployment.chip.name: pool.deployment.chip
        for pool in pools
        if isinstance(pool, EnginePool)
    }
    prices: dict[str, float | None] = {}
    for name, chip in chips.items():
        prices[name], notes = price_of(chip, said)
        sys.stderr.write("".join(f"warning: {note}\n" for note in notes))
    return prices
