"""Predictions as `tollway choose` goes by them: those of `tollway predict`, what is stale included.

Rules
1. A speed that a source of one's own has shown to be stale is called so, with what that means.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tollway.engine.asking import Asked
from tollway.errors import TollwayError
from tollway.feel.frontier import Figure
from tollway.feel.speeds import Ask, Predictions, Speed, question_of
from tollway.simulator.answer import answered
from tollway.simulator.answer_told import MEANING, answer_for_programs
from tollway.simulator.scores import Claim, Stale


def predictions(asks: Iterable[Ask], stale: Mapping[Claim, Stale]) -> Predictions:
    """What is predicted by source and model, or why nothing is."""
    return {(ask.source, ask.serving.model): _predicted(ask, stale) for ask in asks}


def _predicted(ask: Ask, stale: Mapping[Claim, Stale]) -> Speed | TollwayError:
    try:
        answer = answered(Asked(question_of(ask), ()), stale)
        return speed_of_answer(ask, answer_for_programs(answer))
    except TollwayError as error:
        return error


def speed_of_answer(ask: Ask, said: Mapping[str, Any]) -> Speed:
    """A speed, of what `tollway predict --json` says.

    Raises:
        TollwayError: it refuses to; the text says why.
    """
    if said["ttft_s"] is None:
        raise TollwayError(" ".join(said["refused"]))
    near = str(said["provenance"])
    if near == "stale":  # rule 1
        near = f"stale: {MEANING[near].rstrip('.')}"
    users = "1 user" if ask.load.users == 1 else f"{ask.load.users:,} users"
    origin = f"predicted for {ask.silicon.chip} at {users} (provenance: {near})"
    usd = said["usd_mtok"]
    return Speed(
        _figure(said["ttft_s"], origin),
        _figure(said["tpot_s"], origin),
        None if usd is None else _figure(usd, origin),
    )


def _figure(one: Mapping[str, Any], origin: str) -> Figure:
    return Figure(one["value"], one["low"], one["high"], origin)
