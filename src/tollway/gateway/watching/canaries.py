"""Canaries: the same short questions to every source of a group, kept, and compared in time."""

import secrets
from itertools import combinations
from typing import Final

from msgspec.structs import replace

from tollway.gateway.watching.state import Watched
from tollway.pins.drift import completions
from tollway.pins.drift.asking import Asking, Heard, Wave
from tollway.pins.drift.gathering import story_questions
from tollway.pins.drift.groups import ROUNDS, odd_ones
from tollway.pins.drift.prompts import story_prompt
from tollway.pins.drift.standing import Standing

PROMPTS: Final = 10
_LATE: Final = 3
"""Rounds that a group's members wait for one that does not answer."""


def round_of() -> Asking[list[str] | None]:
    """One answer to each canary; None where any stayed away."""
    replies = yield Wave(story_questions([story_prompt(it) for it in range(PROMPTS)]))
    heard = [it.text for it in replies if isinstance(it, Heard)]
    return heard if len(heard) == PROMPTS else None


def compared(
    kept: Watched, group: tuple[str, tuple[str, ...]], level: float, *, take_out: bool
) -> list[tuple[str, Standing]]:
    """Compare a group's members where enough is there; gives the standings that changed.

    Answers are compared once: after it each member's are asked anew.
    """
    name, members = group
    ready = [it for it in members if kept.asked.get(it, 0) >= ROUNDS]
    longest = max(kept.asked.get(it, 0) for it in members)
    if len(ready) < 2 or (len(ready) < len(members) and longest < ROUNDS + _LATE):
        return []
    lots = {it: list(zip(*kept.canaries[it][-ROUNDS:], strict=True)) for it in ready}
    apart = [
        (one, other)
        for one, other in combinations(ready, 2)
        if completions.p_value(lots[one], lots[other], secrets.randbelow, level) <= level
    ]
    for it in ready:
        kept.asked[it], kept.canaries[it] = 0, []
    kept.differing[name] = apart
    odd = odd_ones(ready, map(frozenset, apart))
    return _moved(kept, ready, odd or (), take_out)


def _moved(
    kept: Watched, ready: list[str], odd: tuple[str, ...], take_out: bool
) -> list[tuple[str, Standing]]:
    moved: list[tuple[str, Standing]] = []
    for member in ready:
        old = kept.standings.get(member, Standing())
        if member in odd and not old.held:
            why = "its short answers are not those of the other sources of its model, which agree"
            new = replace(old, name="withdrawn" if take_out else "differs", why=why)
        elif member not in odd and old.name == "differs":
            new = replace(old, name="unwatched", why="as the others again; not checked since")
        else:
            continue
        kept.standings[member] = new
        if new != old:
            moved.append((member, new))
    return moved
