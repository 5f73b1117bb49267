"""`tollway predict`: what a model would feel like, and cost, on chips that need not exist.

Rules
1. The answer goes to standard output; what was guessed for it goes to standard error.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.calibrated import read_calibrated
from tollway.cli.learned import stale_here
from tollway.cli.predict_answers import Wanted, answers, curves, users_of
from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions
from tollway.cli.predict_question import catalogue_of
from tollway.errors import TollwayError
from tollway.simulator.answer import Answer


def predict(
    *,
    chip: str | None = None,
    compare: str | None = None,
    deployment: DeploymentOptions,
    load: LoadOptions | None = None,
    sweep: str | None = None,
    price: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    assume: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    prefill: PrefillOptions | None = None,
    calibrated: Path | None = None,
    state: str | None = None,
    plot: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Predict a model's speed, memory, cost and energy on a chip, each with its interval.

    Parameters
    ----------
    chip
        A chip of the catalogue (h200), a name that others give it, or a TOML file.
    compare
        Several chips instead: h200,mi355x. A count is the tp: 8xh200,1xmi355x.
    sweep
        concurrency, or concurrency=1,8,64: one answer for each number of users.
    price
        USD a chip-hour (2.50, h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.
    assume
        KEY=LO..HI of bf16_tflops, fp8_tflops, fp4_tflops, bandwidth (GB/s), link_gb_s, power_w.
    calibrated
        What `tollway calibrate` wrote from this deployment's own results.
    state
        The state folder, whose ledger knows what is stale. Default: $TOLLWAY_STATE, else .tollway
        here, else the user's.
    plot
        Draw tokens/s a user against tokens/s a chip into this .svg or .png file.
    json
        Print one JSON object.
    """
    if (chip is None) is (compare is None):
        raise TollwayError("Say --chip CHIP, or --compare CHIP,CHIP,… for several.")
    words = [str(chip)] if compare is None else [word.strip() for word in compare.split(",")]
    names = tuple(dict.fromkeys(filter(None, words)))
    load = load or LoadOptions()
    if not names:
        raise TollwayError("--compare names no chip. Write --compare h200,mi355x.")
    users = users_of(sweep)
    if users and (load.concurrency is not None or load.rate is not None):
        raise TollwayError("--sweep says how many users ask. Leave out --concurrency and --rate.")
    wanted = Wanted(
        deployment=deployment,
        load=load,
        prefill=prefill or PrefillOptions(),
        chips=names,
        users=users,
        prices=price,
        assumptions=assume,
        calibrated=None if calibrated is None else read_calibrated(calibrated),
        stale=stale_here(state),
    )
    found = answers(wanted, catalogue_of(deployment.catalog))
    if plot is not None:
        from tollway.cli.predict_plot import draw

        draw(found, plot)
    _print(found, wanted, json=json)
    if plot is not None:
        sys.stderr.write(f"Drawn into {plot}.\n")
    return 0


def _print(found: Sequence[Answer], wanted: Wanted, *, json: bool) -> None:
    if json:
        from tollway.simulator.answer_told import as_json

        sys.stdout.write(as_json(found))
        return
    from tollway.cli.predict_table import print_answer, print_answers

    if len(found) == 1:
        print_answer(found[0])
    elif not wanted.users:
        print_answers(found, "", lambda one: one.chips)
    else:
        for at, (chips, group) in enumerate(curves(found).items()):
            sys.stdout.write("\n" * (at > 0) + f"{wanted.deployment.model} on {chips}\n")
            if all(one.prediction is None for one in group):
                reasons = dict.fromkeys(str(one.refused) for one in group)
                sys.stdout.write("".join(f"refused: {reason}\n" for reason in reasons))
                continue
            print_answers(group, "users", lambda one: f"{one.question.workload.concurrency:,}")
    _warn(found)


def _warn(found: Sequence[Answer]) -> None:
    """What was guessed, each sentence once; before it, the chips that it is about where not all."""
    about: dict[str, list[str]] = {}
    for one in found:
        refused = () if one.prediction is None else one.prediction.refused
        for words in (*refused, *one.warnings):
            about.setdefault(words, []).append(one.chips)
    every = {one.chips for one in found if one.prediction is not None}
    for words, chips in about.items():
        names = dict.fromkeys(chips)
        place = "" if set(names) == every else f"{', '.join(names)}: "
        sys.stderr.write(f"warning: {place}{words}\n")
