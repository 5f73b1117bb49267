"""The predictions of a choice, made by the children that predict for the pages.

Rules
1. One after another, so that a fleet of many sources leaves room for who else asks.
2. Where one takes too long, the ones behind it are not begun: the page is not to take that long for
   each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tollway.console.hand import Job, Load, Pool, SetUp
from tollway.console.hands import BusyError, Hands, TooLongError
from tollway.errors import TollwayError
from tollway.feel.frontier import Figure
from tollway.feel.speeds import Ask, Speed, origin_of, question_of

Predicted = dict[tuple[str, str], Speed | TollwayError]


async def predicted(hands: Hands, asks: Sequence[Ask]) -> Predicted:
    """What is predicted by source and model, or why nothing is.

    Raises:
        BusyError: too many predictions wait already.
    """
    found: Predicted = {}
    late: TooLongError | None = None
    for ask in asks:
        found[ask.source, ask.serving.model] = one = late or await _one(hands, ask)
        if isinstance(one, TooLongError):
            late = one
    return found


async def _one(hands: Hands, ask: Ask) -> Speed | TollwayError:
    try:
        (answer,) = await hands.ask(job_of(ask))
    except BusyError:
        raise
    except TollwayError as error:
        return error
    if answer["ttft_s"] is None:
        return TollwayError(" ".join(answer["refused"]))
    origin = origin_of(ask, answer["provenance"])
    usd = answer["usd_mtok"]
    return Speed(
        _figure(answer["ttft_s"], origin),
        _figure(answer["tpot_s"], origin),
        None if usd is None else _figure(usd, origin),
    )


def _figure(one: Mapping[str, Any], origin: str) -> Figure:
    return Figure(one["value"], one["low"], one["high"], origin)


def job_of(ask: Ask) -> Job:
    """The question that `tollway choose` asks. It knows nothing of what is stale, nor does this."""
    question = question_of(ask)
    pool, load = question.prefill, question.workload
    set_up = SetUp(
        question.model.name,
        question.chip.name,
        tp=question.layout.tp,
        precision=question.settings.precision,
        price=question.chip_hour_usd,
        context=question.settings.context,
        prefill=None if pool is None else Pool(pool.chip.name, pool.layout.tp, pool.replicas),
        replicas=question.decode_replicas,
    )
    users = (Load(users=load.concurrency),)
    return Job(set_up, load.input_tokens, load.output_tokens, users, ledger="")
