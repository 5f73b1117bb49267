"""How often each model is looked at, within a budget of calls, and what its level is then."""

from collections.abc import Iterable

from tollway.pins.drift.groups import ROUNDS
from tollway.pins.drift.spending import GROUPS, level
from tollway.units import Seconds

DAY = Seconds(86_400.0)


def pace(every: Seconds, calls_a_turn: Iterable[int], calls_a_day: int) -> Seconds:
    """Seconds between two turns of a model: as declared, or longer where a day's calls would not
    do for turns of all of them. A fifth is kept for second looks and confirmations."""
    return Seconds(max(every, DAY * sum(calls_a_turn) / (0.8 * calls_a_day)))


def group_level(every: Seconds, pairs: int) -> float:
    """The level of one comparison of two sources, where turns are `every` so often and so many
    pairs are compared."""
    return level(Seconds(every * ROUNDS), pairs, GROUPS)
