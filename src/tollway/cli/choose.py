"""`tollway choose`: which models are worth choosing for a use, and why the others are not.

Rules
1. Scores are the fleet file's; none is made up. Who has no score, no price or no known speed is
   named with the mend.
2. Speed is what the ledger has observed of late, else what is predicted for the source's chips,
   else what is declared; the table says which.
3. Exit code 2: nothing can be compared, or scores are of several evaluations.
"""

import os
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.choose_words import as_json, print_choice
from tollway.cli.running import fleet_path
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.feel.candidates import Seen
from tollway.feel.candidates import choose as choose_from
from tollway.feel.uses import USES, Use
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.felt import Answers, recent_answers
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import Seconds, UtcSeconds

MOST_TOKENS = 10**7


def choose(
    file: Path | None = None,
    /,
    *,
    use: str,
    input: Annotated[int | None, Parameter(name="--in")] = None,  # noqa: A002 - as `predict` has it
    output: Annotated[int | None, Parameter(name="--out")] = None,
    cached: int | None = None,
    turns: int | None = None,
    pause: float | None = None,
    concurrency: int = 1,
    price: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say which models are worth choosing for a use, and why the others are not.

    Parameters
    ----------
    file
        The fleet file. Default: that of the running gateway, else fleet.toml.
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
    price
        USD a chip-hour (2.50, h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    wanted = _use(use, input, output, cached, turns, pause)
    if not 1 <= concurrency <= 100_000:
        mend = "Write 1 to 100000 users."
        raise FaultsFound([Fault("--concurrency", f"is {concurrency}", mend)])
    fleet = read_fleet(fleet_path(file, state_folder(state, os.environ)))
    now = time.time()
    answers = _answers(ledger_path(ledger, state, os.environ), now)
    seen = Seen(UtcSeconds(now), answers, _hours(fleet, price))
    found = choose_from(fleet, wanted, seen, concurrency)
    if json:
        sys.stdout.write(as_json(found))
    else:
        print_choice(found)
    return 0


def _use(
    name: str,
    input_: int | None,
    output: int | None,
    cached: int | None,
    turns: int | None,
    pause: float | None,
) -> Use:
    if name not in USES:
        raise FaultsFound([unknown(name, USES, "--use")])
    usual = USES[name]
    found = replace(
        usual,
        input=usual.input if input_ is None else input_,
        output=usual.output if output is None else output,
        cached=usual.cached if cached is None else cached,
        turns=usual.turns if turns is None else turns,
        pause=usual.pause if pause is None else Seconds(pause),
    )
    faults = [
        Fault(option, f"is {value}", f"Write {least} to {most}.")
        for option, value, least, most in (
            ("--in", found.input, 1, MOST_TOKENS),
            ("--out", found.output, 1, MOST_TOKENS),
            ("--cached", found.cached, 0, found.input),
            ("--turns", found.turns, 1, 10_000),
            ("--pause", found.pause, 0, 86_400),
        )
        if not least <= value <= most
    ]
    if faults:
        raise FaultsFound(faults)
    return found


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
