"""One rehearsal with several seeds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tollway.cli.rehearsing import Going
from tollway.cli.sweep import Crew, Job
from tollway.cli.traffic import Asked, asking_for, drains_of, losses_of, play_of, traffic_of
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.scores import Learned

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Asking:
    """What is played with each seed, from `asked.seed` on."""

    path: Path
    asked: Asked
    seeds: int
    lose: tuple[str, ...]
    slo: Slo | None
    learned: Learned
    drain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seeds:
    """The runs by seed, and the seeds that were not played."""

    runs: Mapping[int, Rehearsed]
    missing: tuple[int, ...]


def checked(seeds: int) -> int:
    """How many seeds to play.

    Raises:
        TollwayError: none, or more than anybody would wait for.
    """
    if not 1 <= seeds <= MOST:
        raise TollwayError(f"--seeds is {seeds}. It is a count from 1 to {MOST:,}.")
    return seeds


def seeds_of(asked: Asked, count: int) -> range:
    """The seeds that are played."""
    return range(asked.seed, asked.seed + count)


def played(asking: Asking, crew: Crew, on: Going) -> Seeds:
    """One run a seed: traffic that is drawn is drawn anew, and so is what dispatch leaves to
    chance."""
    seeds = seeds_of(asking.asked, asking.seeds)
    found = dict(zip(seeds, crew.play(_jobs(asking), len(seeds), on), strict=True))
    runs = {seed: one for seed, one in found.items() if one is not None}
    return Seeds(runs, tuple(seed for seed in seeds if seed not in runs))


def _jobs(asking: Asking) -> Iterator[Job]:
    documents = read_documents(asking.path)
    fleet = fleet_of(documents, asking.path)
    losses, drains = losses_of(asking.lose, fleet), drains_of(asking.drain, fleet)
    for seed in seeds_of(asking.asked, asking.seeds):
        asked = replace(asking.asked, seed=seed)
        trace = asking_for(traffic_of(asked), asked.route)
        how = play_of(fleet, trace, asked, losses, drains)
        yield Job(f"seed {seed}", documents, asking.path, trace, how, asking.slo, asking.learned)
