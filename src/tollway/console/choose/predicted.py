"""The predictions of a choice, made by the children that predict for the pages.

Rules
1. One after another, so that a fleet of many sources leaves room for who else asks.
2. Where one takes too long, the ones behind it are not begun: the page is not to take that long for
   each.
"""

from collections.abc import Sequence

from tollway.console.hand import Job, Load, Pool, SetUp
from tollway.console.hands import Hands, TooLongError
from tollway.console.turns import BusyError
from tollway.errors import TollwayError
from tollway.feel.speeds import Ask, Predictions, Speed, question_of
from tollway.simulator.felt import speed_of_answer


async def predicted(hands: Hands, asks: Sequence[Ask], ledger: str) -> Predictions:
    """What is predicted by source and model, or why nothing is. `ledger` is where what is stale is
    written.

    Raises:
        BusyError: too many predictions wait already.
    """
    found: dict[tuple[str, str], Speed | TollwayError] = {}
    late: TooLongError | None = None
    for ask in asks:
        found[ask.source, ask.serving.model] = one = late or await _one(hands, ask, ledger)
        if isinstance(one, TooLongError):
            late = one
    return found


async def _one(hands: Hands, ask: Ask, ledger: str) -> Speed | TollwayError:
    try:
        (answer,) = await hands.ask(job_of(ask, ledger))
        return speed_of_answer(ask, answer)
    except BusyError:
        raise
    except TollwayError as error:
        return error


def job_of(ask: Ask, ledger: str) -> Job:
    """The question that `tollway choose` asks."""
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
    return Job(set_up, load.input_tokens, load.output_tokens, users, ledger)
