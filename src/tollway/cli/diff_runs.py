"""The rehearsals of `tollway diff`: two fleet files, whole and without each of their sources.

Rules
1. With each seed the two whole fleets are played first, so that what is stopped can be compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tollway.cli.rehearsing import Going
from tollway.cli.sweep import Crew, Job
from tollway.cli.traffic import Asked, asking_for, play_of, traffic_of
from tollway.fleet.objects import Fleet, Slo
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.simulator.compare import Side, loss_of, survival_of
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.scores import Learned

Files = tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class Asking:
    """What is played with each of `seeds` seeds, from `asked.seed` on, through both files."""

    paths: Files
    asked: Asked
    seeds: int
    slo: Slo | None
    learned: Learned
    survival: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides by seed, where both whole fleets were played; runs that were `wanted` and
    `played`, and what those are in words that were not."""

    sides: Mapping[int, tuple[Side, Side]]
    wanted: int
    played: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """One of the rehearsals: of which file (0: the old one), without which source."""

    seed: int
    side: int
    without: str | None

    def words(self, paths: Files, *, seeds: bool) -> str:
        lost = "" if self.without is None else f" without {self.without}"
        return f"{paths[self.side]}{lost}{f' with seed {self.seed}' if seeds else ''}"


def compared(asking: Asking, crew: Crew, on: Going) -> Compared:
    """Every rehearsal that the comparison takes, or as many as were played when it was stopped."""
    documents = [read_documents(path) for path in asking.paths]
    fleets = [fleet_of(*one) for one in zip(documents, asking.paths, strict=True)]
    runs = list(_runs(asking, fleets))
    jobs = _jobs(asking, runs, documents, fleets)
    answers = dict(zip(runs, crew.play(jobs, len(runs), on), strict=True))
    found = {run: answer for run, answer in answers.items() if answer is not None}
    several = asking.seeds > 1
    return Compared(
        sides={
            seed: (_side(found, seed, 0), _side(found, seed, 1))
            for seed in dict.fromkeys(run.seed for run in runs)
            if all(_Run(seed, side, None) in found for side in (0, 1))
        },
        wanted=len(runs),
        played=len(found),
        missing=tuple(run.words(asking.paths, seeds=several) for run in runs if run not in found),
    )


def _runs(asking: Asking, fleets: list[Fleet]) -> Iterator[_Run]:
    """Rule 1."""
    for seed in range(asking.asked.seed, asking.asked.seed + asking.seeds):
        yield from (_Run(seed, side, None) for side in (0, 1))
        for side, fleet in enumerate(fleets if asking.survival else ()):
            yield from (_Run(seed, side, source) for source in fleet.sources)


def _jobs(
    asking: Asking, runs: list[_Run], documents: list[dict[str, str]], fleets: list[Fleet]
) -> Iterator[Job]:
    seed, trace = None, None
    for run in runs:
        asked = replace(asking.asked, seed=run.seed)
        if trace is None or run.seed != seed:
            seed, trace = run.seed, asking_for(traffic_of(asked), asked.route)
        how = play_of(fleets[run.side], trace, asked)
        if run.without is not None:
            loss = loss_of(trace, run.without)
            how = replace(how, losses=(loss,), counted=loss.at)
        yield Job(
            run.words(asking.paths, seeds=asking.seeds > 1),
            documents[run.side],
            asking.paths[run.side],
            trace,
            how,
            asking.slo,
            asking.learned,
        )


def _side(found: Mapping[_Run, Rehearsed], seed: int, side: int) -> Side:
    """One fleet with one seed: whole, and without each source as far as that was played."""
    survivals = tuple(
        survival_of(run.without, answer)
        for run, answer in found.items()
        if (run.seed, run.side) == (seed, side) and run.without is not None
    )
    return Side(found[_Run(seed, side, None)], survivals)
