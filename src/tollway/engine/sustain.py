"""The largest load that keeps a promise."""

from dataclasses import dataclass, replace

from tollway.engine.deployment import deploy
from tollway.engine.fitted import Constants, constants
from tollway.engine.outcome import rehearse, timed
from tollway.engine.question import Question

MOST_USERS = 8192


@dataclass(frozen=True, slots=True)
class Sustained:
    """The most users at once whose mean TPOT (and TTFT, where it was asked) stays within bounds; 0
    if one user's does not. `chip_tokens` is output tokens a second a chip at that load."""

    concurrency: int
    tpot: float
    ttft: float
    chip_tokens: float


def sustained(
    question: Question,
    tpot: float,
    ttft: float | None = None,
    *,
    fitted: Constants | None = None,
) -> Sustained:
    """How many users a deployment can serve within a TPOT (and a TTFT), in seconds.

    Raises:
        TollwayError: the deployment cannot be.
    """
    used = fitted or constants()
    made = deploy(question.model, question.chip, question.layout, question.settings)

    def at(users: int) -> Sustained:
        load = replace(question.workload, concurrency=users, rate=None, requests=4 * users)
        rehearsal = rehearse(made, question.settings, load)
        outcome = timed(rehearsal, used)
        tokens = rehearsal.output_tokens / outcome.seconds / question.layout.chips
        return Sustained(users, outcome.tpot, outcome.ttft, tokens)

    def holds(one: Sustained) -> bool:
        return one.tpot <= tpot and (ttft is None or one.ttft <= ttft)

    best = at(1)
    if not holds(best):
        return replace(best, concurrency=0)
    low, high = 1, 2
    while high <= MOST_USERS:
        tried = at(high)
        if not holds(tried):
            break
        best, low, high = tried, high, high * 2
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        tried = at(middle)
        if holds(tried):
            best, low = tried, middle
        else:
            high = middle
    return best
