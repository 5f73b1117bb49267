"""How small a p-value must be to raise an alarm, so that false ones stay rare for months.

Rule
1. Of N tests, each of which is at or below its level with at most that probability where nothing
   changed, at most the sum of the levels is expected to alarm: however they depend on each other,
   on a baseline that they share, and on the weather.
"""

from typing import Final

from tollway.units import Seconds

MONTH: Final = Seconds(30 * 86_400.0)

SINGLE: Final = 0.25
"""False alarms a month that are expected at most of sources held against their baselines, all
sources together."""

GROUPS: Final = 0.1
"""The same of sources held against each other."""

CONFIRMED: Final = 0.01
"""The level of the confirmation before anything is done about an alarm."""


def level(every: Seconds, watched: int, share: float = SINGLE) -> float:
    """The level of one test, where each of `watched` models is tested once `every` so often and
    all of them are to raise `share` false alarms a month at most, expected."""
    return share * every / (MONTH * max(1, watched))
