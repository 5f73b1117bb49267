"""`tollway size`: how many chips, and which, keep a promise to a workload.

Rules
1. Every answer was played through the simulator; what was not is said.
2. Exit code 1: nothing that was tried keeps the promise.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.learned import stale_here
from tollway.cli.rehearsing import going
from tollway.cli.size_search import Hands, Sized, Wanted, placed, sized, traffic_by_model
from tollway.cli.size_table import as_json, as_text, as_words, placed_json, placed_text
from tollway.cli.sweep import crew
from tollway.cli.traffic import Asked, seconds
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.simulator.scores_told import stale_words
from tollway.units import TokensPerSecond

EXIT_NONE = 1
EXIT_INTERRUPTED = 130


def size(
    *,
    model: str | None = None,
    trace: str | None = None,
    place: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    chips: str,
    ttft: str | None = None,
    speed: float | None = None,
    share: float = 0.99,
    tp: str | None = None,
    precision: str | None = None,
    price: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    most: int = 256,
    slow: Annotated[bool, Parameter(negative="")] = False,
    scale: float = 1.0,
    seed: int = 0,
    ray: Annotated[bool, Parameter(negative="")] = False,
    start: str = "0s",
    duration: str = "all",
    limit: int | None = None,
    catalog: Path | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Find the fewest chips, and the cheapest mix of chips, that keep a promise to a workload.

    Parameters
    ----------
    model
        A model of the catalogue, its Hugging Face name, or a file.
    trace
        The workload: all that `tollway simulate --trace` takes, but yesterday.
    place
        MODEL=TRACE instead, once for each of several models: they share chips, by MIG slices or by
        taking turns.
    chips
        Chips to choose from: h200,b200.
    ttft
        The promise: a first token within this time.
    speed
        The promise: so many tokens a second of every answer.
    share
        Of the requests to which the promise must be kept, 0 to 1.
    tp
        Chips of one replica to try: 1,2,4,8. Default: each of these that can be.
    precision
        Of weights: bf16, fp16, fp8, fp4, int8, int4. Default: as published.
    price
        USD a chip-hour (2.50, h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.
        Without one for every chip, chips are counted.
    most
        Replicas of one kind at most.
    slow
        Keep the promise at the slow end of the 80% interval of each pace.
    scale
        So many times as many users; not users so many times as fast.
    seed
        Fixes all that is left to chance.
    ray
        Play candidates on a Ray cluster: that of $RAY_ADDRESS, else one that runs here, else a new
        one.
    start
        Where in the trace to begin.
    duration
        How much of the trace to play, or "all".
    limit
        At most this many requests, before scaling.
    catalog
        A folder of your own chips and models (*.toml, *.json).
    state
        The state folder, whose ledger knows what is stale. Default: $TOLLWAY_STATE, else .tollway
        here, else the user's.
    json
        Print one JSON object.
    """
    if ttft is None and speed is None:
        raise TollwayError("nothing is promised. Say --ttft 2s, --speed 20, or both.")
    if not 0.0 < share <= 1.0:
        raise TollwayError(f"--share is {share:g}. It is above 0 and at most 1.")
    slo = Slo(
        None if ttft is None else seconds("--ttft", ttft),
        None if speed is None else TokensPerSecond(speed),
    )
    wanted = Wanted(
        chips=tuple(dict.fromkeys(filter(None, chips.split(",")))),
        slo=slo,
        share=share,
        tps=_counts(tp),
        precision=precision,
        prices=price,
        most=most,
        slow=slow,
        seed=seed,
        catalog=catalog,
        stale=stale_here(state),
    )
    asked = Asked("", None, None, scale, seed, start, duration, limit, None)
    loads = traffic_by_model(asked, model, trace, place)
    with crew(ray=ray) as others, going("size", 1) as on:
        hands = Hands(others, on)
        if place:
            found = placed(wanted, loads, hands)
            sys.stdout.write(placed_json(found) if json else placed_text(found))
            sys.stderr.write("".join(f"note: {note}\n" for note in found.notes))
            done = found.best is not None
        else:
            [(name, traffic)] = loads.items()
            one: Sized = sized(wanted, name, traffic, hands)
            sys.stdout.write(as_json(one) if json else as_text(one))
            sys.stderr.write(as_words(one))
            if "stale" in one.origins.values():
                about = [it for claim, it in wanted.stale.items() if claim.model == one.model]
                sys.stderr.write("".join(f"warning: {stale_words(it)}\n" for it in about))
            done = one.found.best is not None
    if on.stopped:
        sys.stderr.write("Stopped: the search was not finished, so that fewer chips may do.\n")
        return EXIT_INTERRUPTED
    return 0 if done else EXIT_NONE


def _counts(text: str | None) -> tuple[int, ...]:
    if text is None:
        return (1, 2, 4, 8)
    words = text.split(",")
    if not all(word.isdecimal() and int(word) for word in words):
        raise TollwayError(f'--tp is "{text}". Write counts of chips: 1,2,4,8.')
    return tuple(dict.fromkeys(map(int, words)))
