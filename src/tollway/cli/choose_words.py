"""What `tollway choose` prints: the table with reasons, or JSON with every figure's origin."""

import json
import sys

from tollway.cli.table import Column, print_table
from tollway.feel.candidates import Choice
from tollway.feel.frontier import Figure, Placed
from tollway.feel.reasons import reason, shown
from tollway.units import PicoDollars, usd


def print_choice(choice: Choice) -> None:
    """The verdicts to standard output; what they rest on to standard error."""
    use = choice.use
    columns = [
        Column("source:model"),
        Column("verdict"),
        *(Column(axis, number=True) for axis in use.axes),
    ]
    rows = [
        [
            it.candidate.name,
            it.verdict,
            *(shown(axis, it.candidate.figure(axis)) for axis in use.axes),
        ]
        for it in choice.placed
    ]
    print_table(columns, rows)
    for it in choice.placed:
        why = reason(it, choice.placed, use.axes)
        stop = ":" if it.by is None else "."
        sys.stdout.write(f"\n{it.candidate.name}: {it.verdict}{stop} {why}\n")
    for one in choice.left_out:
        sys.stdout.write(f"\n{one.name}: left out. {one.why}\n")
    sys.stderr.write(_about(choice))


def _about(choice: Choice) -> str:
    use = choice.use
    lines = [
        f"{use.name}: {use.turns} x {use.input:,} tokens in ({use.cached:,} cached) and "
        f"{use.output:,} out, tools {use.pause:g} s between turns; sizes are judgements unless you "
        "name yours.",
        f"Scores: {choice.scale}.",
    ]
    for it in choice.placed:
        one = it.candidate
        lines.append(f"{one.name}: speed {one.wait.origin}; cost by {one.cost.origin}.")
    return "".join(f"{line}\n" for line in lines)


def as_json(choice: Choice) -> str:
    """Everything; money as exact text in USD."""
    use = choice.use
    whole = {
        "use": {
            "name": use.name,
            "input": use.input,
            "output": use.output,
            "cached": use.cached,
            "turns": use.turns,
            "pause_s": use.pause,
            "users": choice.users,
            "axes": use.axes,
        },
        "scores_of": choice.scale,
        "candidates": [_placed(it, choice) for it in choice.placed],
        "left_out": [{"name": one.name, "why": one.why} for one in choice.left_out],
    }
    return json.dumps(whole, indent=2) + "\n"


def _placed(it: Placed, choice: Choice) -> dict[str, object]:
    one = it.candidate
    speed = choice.details[one.name].speed
    return {
        "source": one.source,
        "model": one.model,
        "verdict": it.verdict,
        "by": None if it.by is None else it.by.name,
        "reason": reason(it, choice.placed, choice.use.axes),
        "steps": [
            {
                "axis": step.axis,
                "side": step.side,
                "by": _usd(step.by) if step.axis == "cost" else step.by,
            }
            for step in it.steps
        ],
        "quality": _figure(one.quality),
        "wait_s": _figure(one.wait),
        "cost_usd": {
            **{name: _usd(getattr(one.cost, name)) for name in ("value", "low", "high")},
            "origin": one.cost.origin,
        },
        "ttft_s": _figure(speed.ttft),
        "tpot_s": _figure(speed.tpot),
    }


def _usd(amount: float | int) -> str:
    return f"{usd(PicoDollars(round(amount))):f}"


def _figure(one: Figure) -> dict[str, object]:
    return {"value": one.value, "low": one.low, "high": one.high, "origin": one.origin}
