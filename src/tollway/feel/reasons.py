"""Why a candidate is not on the frontier, in a sentence; and figures as people read them."""

from tollway.feel.frontier import Axis, Candidate, Figure, Placed, Step
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
    return f"{value:.2f} s" if axis == "wait" else f"{value:.4g}"


_MORE: dict[Axis, tuple[str, str]] = {
    "quality": ("better", "worse"),
    "wait": ("shorter wait", "longer wait"),
    "cost": ("cheaper", "dearer"),
}


def reason(placed: Placed) -> str:
    """By whom it is dominated, on which axes and by how much; why it is on the frontier."""
    if placed.by is None:
        return "nobody is at least as good on every axis and better on one"
    parts = [_step(step, placed.by, placed.candidate) for step in placed.steps]
    said = "; ".join(parts)
    if placed.verdict == "dominated":
        return f"{placed.by.name}: {said}"
    return f"{placed.by.name} is ahead by its values, and intervals overlap: {said}"


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
    return f" ({amount / whole:.0%})" if axis != "quality" and whole > 0 else ""
