"""How exposed a plan is: for people, and as JSON. The figures are those of `planner.risk`."""

import textwrap
from typing import Any

from tollway.planner.overview import Overview
from tollway.planner.program.answer import Between
from tollway.planner.program.instance import Instance
from tollway.web.amounts import about, named, percent, percent_between
from tollway.web.plan_risk import index_words, worst_by_period

TRILLION = 10**12
_WIDTH = 79


def risk_text(instance: Instance, view: Overview) -> str:
    """A few lines: what is concentrated, what is bound, what survives and how long it takes."""
    lines = ["what it is exposed to"]
    for name, found in view.concentrations.items():
        stated = [it for it in found if it.shares]
        if stated:
            worst = max(stated, key=lambda it: (it.hhi.low, -it.period))
            first = next(iter(worst.shares.items()))
            lines.append(
                f"  concentration by {name}: HHI {index_words(worst.hhi)} in "
                f"{named(instance.periods[worst.period])}, {first[0]} {percent(first[1], 0)}."
            )
    tail = view.tails[0]
    after = f"{about(tail.after)} of it after the horizon"
    lines.append(f"  bound, were all that can be left at once: {about(tail.total)}, {after}.")
    lines.append(
        f"  on {view.lock.software}: {percent(view.lock.share)} of tokens, and nowhere else "
        f"{percent_between(view.lock.only)}."
    )
    weak = view.weakest()
    if weak is not None:
        when = named(instance.periods[instance.nodes[weak.node].period])
        rest = percent(weak.after, 0)
        lines.append(f"  weakest: {weak.contingency}, in {when}: {rest} is still served.")
    return "".join(f"{one}\n" for line in lines for one in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, subsequent_indent="    ", replace_whitespace=False)


def risk_values(instance: Instance, view: Overview) -> dict[str, Any]:
    """Every figure. Shares are of 1, money is US dollars, intervals are [low, high]."""
    periods = instance.periods
    worst = worst_by_period(instance, view)
    return {
        "concentration": [
            {
                "attribute": name,
                "period": named(periods[one.period]),
                "hhi": _between(one.hhi),
                "shares": {value: float(it) for value, it in one.shares.items()},
                "not_stated": float(one.unstated),
            }
            for name, found in view.concentrations.items()
            for one in found
        ],
        "survival": [
            {
                "contingency": name,
                "period": named(periods[period]),
                "during_notice": float(one.during),
                "after": float(one.after),
                "after_interval": _between(one.between),
            }
            for (name, period), one in worst.items()
        ],
        "recovery": [
            {
                "contingency": one.contingency,
                "node": one.node,
                "months": one.months,
            }
            for one in view.recoveries
        ],
        "exposure_tail": [
            {
                "period": named(periods[one.period]),
                "usd": float(one.total / TRILLION),
                "after_horizon_usd": float(one.after / TRILLION),
                "without_notice_usd": float(one.all_of / TRILLION),
            }
            for one in view.tails
        ],
        "software": {
            "name": view.lock.software,
            "share": float(view.lock.share),
            "only": _between(view.lock.only),
        },
        "unserved_tokens": {name: int(it) for name, it in view.unserved.items()},
    }


def _between(one: Between) -> list[float]:
    return [float(one.low), float(one.high)]
