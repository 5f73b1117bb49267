"""`tollway choose`: which models are worth choosing for a use, and why the others are not.

Rules
1. Scores are the fleet file's; none is made up. Who has no score, no price or no known speed is
   named with the mend.
2. Speed is what the ledger has observed of late, else what is predicted for the source's chips,
   else what is declared; the table says which.
3. Exit code 2: nothing can be compared, or scores are of several evaluations.
"""

import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.choose_words import as_json, print_choice
from tollway.cli.running import fleet_path
from tollway.cli.where import Where
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.feel.candidates import Seen, asks
from tollway.feel.candidates import choose as choose_from
from tollway.feel.uses import Use, sized
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.felt import Answers, recent_answers
from tollway.ledger.sqlite import open_reader
from tollway.units import UtcSeconds


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class UseOptions:
    """What a model is chosen for.

    Parameters
    ----------
    use
        What for: code, essay, agent, batch.
    input
        Tokens of a request. Default: by use.
    output
        Tokens of an answer. Default: by use.
    cached
        Tokens of a request that are read from a cache. Default: 0.
    turns
        Requests of one task. Default: by use.
    pause
        Seconds that tools work between two turns. Default: by use.
    concurrency
        Users at once, for predictions.
    """

    use: str
    input: Annotated[int | None, Parameter(name="--in")] = None
    output: Annotated[int | None, Parameter(name="--out")] = None
    cached: int | None = None
    turns: int | None = None
    pause: float | None = None
    concurrency: int = 1

    def read(self) -> Use:
        """The use, with the sizes that were said.

        Raises:
            FaultsFound: there is no such use, or a size makes no sense.
        """
        if not 1 <= self.concurrency <= 100_000:
            mend = "Write 1 to 100000 users."
            raise FaultsFound([Fault("--concurrency", f"is {self.concurrency}", mend)])
        sizes = {
            "in": self.input,
            "out": self.output,
            "cached": self.cached,
            "turns": self.turns,
            "pause": self.pause,
        }
        return sized(self.use, sizes, "--")


def choose(
    file: Path | None = None,
    /,
    *,
    use: UseOptions,
    price: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    where: Where | None = None,
) -> int:
    """Say which models are worth choosing for a use, and why the others are not.

    Parameters
    ----------
    file
        The fleet file. Default: that of the running gateway, else fleet.toml.
    price
        USD a chip-hour (2.50, h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.
    """
    wanted, here = use.read(), where or Where()
    fleet = read_fleet(fleet_path(file, here.folder))
    now = time.time()
    seen = Seen(UtcSeconds(now), _answers(here.path, now), _hours(fleet, price))
    found = choose_from(fleet, wanted, _predicted(fleet, wanted, seen, use, here), use.concurrency)
    if here.json:
        sys.stdout.write(as_json(found))
    else:
        print_choice(found)
    return 0


def _predicted(fleet: Fleet, use: Use, seen: Seen, said: UseOptions, where: Where) -> Seen:
    """What is seen, with every prediction that is needed."""
    needed = asks(fleet, use, seen, said.concurrency)
    if not needed:
        return seen
    from tollway.cli.learned import stale_in
    from tollway.simulator.felt import predictions

    return replace(seen, predicted=predictions(needed, stale_in(where.path)))


def _answers(path: Path, now: float) -> Answers:
    """What the ledger has observed; a ledger that cannot be read stops no choice, and is said."""
    if not path.is_file():
        return {}
    try:
        with closing(open_reader(path)) as store:
            return recent_answers(store, now)
    except (TollwayError, PermissionError) as error:
        sys.stderr.write(f"warning: observed speeds are not known: {error}\n")
        return {}


def _hours(fleet: Fleet, said: tuple[str, ...]) -> dict[str, float]:
    """What an hour of each chip of the fleet costs."""
    if not said:
        return {}
    from tollway.catalog import chip
    from tollway.cli.predict_answers import price_of

    found: dict[str, float] = {}
    for source in fleet.sources.values():
        if source.silicon is not None and source.silicon.chip not in found:
            value, notes = price_of(chip(source.silicon.chip), said)
            sys.stderr.write("".join(f"warning: {note}\n" for note in notes))
            if value is not None:
                found[source.silicon.chip] = value
    return found
