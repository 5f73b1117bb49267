"""A grid of loads for each set-up, in one answer: what the slider moves over, and the frontier.

Rules
1. What stands between two computed loads is not here: the page interpolates between neighbours, and
   says so.
2. Beyond what a set-up can serve there is one load, so that it is seen to break; no more.
"""

from collections.abc import Iterable
from math import floor, log10
from typing import Any

from tollway.console.hand import Load, SetUp
from tollway.console.hands import Answers, Hands
from tollway.console.twin.state import State
from tollway.errors import TollwayError

USERS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
USUAL_USERS = 256
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
"""Of the largest rate that a set-up can serve."""
FLOOD = Load(rate=1e6)
"""Requests so often that what is served is what can be."""
SERVED = 0.95
"""A smaller share of the requests than this, and the queue grows without end."""
_SHOWN = (
    "ttft_s",
    "tpot_s",
    "user_tokens_s",
    "chip_tokens_s",
    "usd_mtok",
    "requests_s",
    "provenance",
    "binds",
    "chips",
)


async def grid_of(hands: Hands, state: State, by: str) -> dict[str, object]:
    """The grid by users or by rate."""
    most: dict[int, float] = {}
    if by == "rate":
        most = await _capacities(hands, state)
        loads = _rates(most.values(), state.at if state.by == "rate" else None)
    else:
        loads = _users(state.at if state.by == "users" else None)
    asked = {at: _within(loads, most.get(at)) for at in state.set_ups}
    jobs = [
        state.job(one, tuple(_load(by, load) for load in asked[at]))
        for at, one in state.set_ups.items()
    ]
    found = await hands.each(jobs)
    return {
        "format": 1,
        "by": by,
        "loads": loads,
        "promise": {"ttft_s": state.ttft, "user_tokens_s": state.speed},
        "set_ups": [
            {"at": at, "name": name_of(state.set_ups[at]), **_answered(answers, loads, asked[at])}
            for at, answers in zip(state.set_ups, found, strict=True)
        ],
    }


def name_of(one: SetUp) -> str:
    """`8 x h200, fp8`."""
    chips = one.tp * one.pp * one.dp
    parts = [f"{chips} x {one.chip}"]
    if one.precision is not None:
        parts.append(one.precision)
    layout = {"tp": one.tp, "pp": one.pp, "dp": one.dp}
    if one.pp > 1 or one.dp > 1:
        parts += [f"{name} {count}" for name, count in layout.items() if count > 1]
    if one.ep > 1:
        parts.append(f"ep {one.ep}")
    if one.tiers > 1:
        parts.append(f"{one.tiers} memory tiers")
    if one.engine != "vllm":
        parts.append(one.engine)
    return ", ".join(parts)


def _load(by: str, load: float) -> Load:
    return Load(rate=load) if by == "rate" else Load(users=round(load))


def _users(at: float | None) -> list[float]:
    top = max(USUAL_USERS, at or 1)
    some = {float(one) for one in USERS if one <= top}
    if at is not None:
        some |= {float(round(at)), float(next((one for one in USERS if one >= at), at))}
    return sorted(some)


async def _capacities(hands: Hands, state: State) -> dict[int, float]:
    """Requests a second that each set-up can serve."""
    jobs = [state.job(one, (FLOOD,)) for one in state.set_ups.values()]
    found: dict[int, float] = {}
    for at, answers in zip(state.set_ups, await hands.each(jobs), strict=True):
        if not isinstance(answers, TollwayError) and answers[0]["requests_s"] is not None:
            found[at] = float(answers[0]["requests_s"]["value"])
    return found


def _rates(most: Iterable[float], at: float | None) -> list[float]:
    top = max(most, default=1.0)
    some = {_two_digits(share * top) for share in SHARES}
    return sorted(some if at is None else {*some, at})


def _two_digits(value: float) -> float:
    return round(value, 1 - floor(log10(value)))


def _within(loads: list[float], most: float | None) -> list[float]:
    """Rule 2."""
    if most is None:
        return loads
    return loads[: sum(load <= most for load in loads) + 1]


def _answered(
    answers: Answers | TollwayError, loads: list[float], asked: list[float]
) -> dict[str, object]:
    if isinstance(answers, TollwayError):
        return {"refused": str(answers), "answers": [None] * len(loads)}
    refused = answers[0]["refused"] if answers[0]["provenance"] is None else None
    shown = {load: _slim(one) for load, one in zip(asked, answers, strict=True)}
    return {
        "refused": " ".join(refused) if refused else None,
        "answers": [shown.get(load) for load in loads],
    }


def _slim(one: dict[str, Any]) -> dict[str, Any] | None:
    if one["provenance"] is None:
        return None
    return {**{name: one[name] for name in _SHOWN}, "over": is_over(one)}


def is_over(one: dict[str, Any]) -> bool:
    """Whether more is asked than is served, so that the queue grows without end."""
    rate, served = one["rate"], one["requests_s"]
    return rate is not None and served is not None and served["value"] < SERVED * rate
