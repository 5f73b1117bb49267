"""How much money to hold for a request, and whether an account has room for it.

Rules
1. What is held for output is a high quantile of what this key and model have produced, once there
   are enough observations, else the model's `reserve_output`; never above the client's own cap.
2. A hold fits while settled + held + hold <= bound.
3. A running answer that outgrows its hold takes more, up to bound + overdraft; beyond, it is ended.
"""

from typing import Final

LEARNED_AFTER: Final = 20
"""Observations before a learned quantile replaces the declared one: a 0.95 quantile of fewer is
the maximum."""

RESERVE_QUANTILE: Final = 0.95


def output_to_hold(learned: float | None, declared: int, choices: int, cap: int | None) -> int:
    """Output tokens to hold money for, over all `choices` asked for; `cap` is over all of them too.
    `learned` is of one choice, and None until there are enough observations."""
    wanted = choices * (declared if learned is None else int(learned) + 1)
    if cap is not None and cap < wanted:
        wanted = cap
    return max(wanted, 1)


def fits(bound: int | None, settled: int, held: int, more: int) -> bool:
    """Whether `more` fits under the bound (pico-dollars); no bound fits everything."""
    return bound is None or settled + held + more <= bound
