"""Why a candidate is on the frontier or not, in a sentence; and figures as people read them."""

from collections.abc import Sequence

from tollway.feel.frontier import Axis, Candidate, Figure, Placed, Step, gain
from tollway.feel.told import length
from tollway.units import PicoDollars, format_usd


def money(amount: float | int) -> str:
    """Dollars, with as many places as a small amount needs to differ from nothing."""
    whole = PicoDollars(round(amount))
    places = next((n for n, least in ((4, 10**10), (6, 10**8)) if abs(whole) >= least), 8)
    return format_usd(whole, places)


def shown(axis: Axis, figure: Figure) -> str:
    """The value, and its interval where it has one."""
    value = _value(axis, figure.value)
    if figure.low == figure.high:
        return value
    return f"{value} ({_value(axis, figure.low)} to {_value(axis, figure.high)})"


def _value(axis: Axis, value: float | int) -> str:
    if axis == "cost":
        return money(value)
    return length(value) if axis == "wait" else f"{value:.4g}"


_MORE: dict[Axis, tuple[str, str]] = {
    "quality": ("higher quality", "lower quality"),
    "wait": ("shorter wait", "longer wait"),
    "cost": ("cheaper", "dearer"),
}


_BEST: dict[Axis, str] = {
    "quality": "the best quality",
    "wait": "the shortest wait",
    "cost": "the lowest cost",
}


def reason(placed: Placed, every: Sequence[Placed], axes: Sequence[Axis]) -> str:
    """By whom it is dominated, on which axes and by how much; on the frontier, what it is best at
    there, or what those cost who are better at something. `every` are all that were judged."""
    if placed.by is None:
        others = [it.candidate for it in every if it.by is None and it is not placed]
        return _standing(placed.candidate, others, axes)
    parts = [_step(step, placed.by, placed.candidate) for step in placed.steps]
    said = "; ".join(parts)
    if placed.verdict == "dominated":
        return f"{placed.by.name} is ahead: {said}"
    return f"{placed.by.name} is ahead by its values, and intervals overlap: {said}"


def _standing(one: Candidate, others: Sequence[Candidate], axes: Sequence[Axis]) -> str:
    if not others:
        return "ahead of all others"
    best: list[Axis] = [axis for axis in axes if all(gain(one, it, axis) >= 0 for it in others)]
    if best:
        return " and ".join(_BEST[axis] for axis in best)
    rivals = dict.fromkeys(
        min(ahead, key=lambda it: (gain(it, one, axis), it.name)).name
        for axis in axes
        if (ahead := [it for it in others if gain(it, one, axis) > 0])
    )
    named = {it.name: it for it in others}
    told = "; ".join(_trade(named[name], one, axes) for name in rivals)
    return f"nobody is ahead on every axis; by their values, {told}"


def _trade(rival: Candidate, one: Candidate, axes: Sequence[Axis]) -> str:
    """What who is better at something is worse at, by values."""
    gains: list[tuple[Axis, float | int]] = [(axis, gain(rival, one, axis)) for axis in axes]
    better = [_step(Step(axis, "better", by), rival, one) for axis, by in gains if by > 0]
    worse = [_step(Step(axis, "worse", by), rival, one) for axis, by in gains if by < 0]
    return f"{rival.name}: {', '.join(better)}, but {', '.join(worse)}"


def _step(step: Step, by: Candidate, loser: Candidate) -> str:
    if step.axis == "quality" and by.model == loser.model:
        return "the same model"
    if step.by == 0:
        return f"same {step.axis}" + (", within intervals" if step.side == "overlap" else "")
    word = _MORE[step.axis][step.by < 0]
    amount = abs(step.by)
    how = _value(step.axis, amount)
    share = _share(step.axis, amount, loser)
    unsure = ", cannot be told apart" if step.side == "overlap" else ""
    return f"{how} {word}{share}{unsure}"


def _share(axis: Axis, amount: float | int, loser: Candidate) -> str:
    whole = loser.figure(axis).value
    if axis == "quality" or whole <= 0:
        return ""
    share = amount / whole
    return " (>99%)" if 0.995 <= share < 1 else f" ({share:.0%})"
