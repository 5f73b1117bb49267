"""What a plan may be asked instead: when a contract stops paying, and whether to lease or to own.

Rules
1. Every amount is an interval: between what is proven and what was found. Where it spans nothing,
   the two are not told apart, and that is said.
2. The time that is allowed is shared out evenly among the problems that have to be solved.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from tollway.cli.contracts_show import print_json
from tollway.cli.plan_options import Known, Otherwise
from tollway.cli.plan_problem import stated
from tollway.cli.plan_run import LEAST, Watch, solver
from tollway.cli.plan_text import TRILLION, between, money, percent
from tollway.cli.table import aligned
from tollway.errors import FaultsFound, TollwayError, unknown
from tollway.fleet.objects import Fleet
from tollway.planner.program.answer import Answer, Between, Conflict
from tollway.planner.program.answers import BreakEven, Bridge, Life, Stay, break_even, bridge
from tollway.planner.program.instance import ALREADY, Instance, Offer
from tollway.planner.program.solve import Options
from tollway.planner.steps import parts


@dataclass(frozen=True, slots=True)
class Asking:
    """How long and how well to look, and what stops it."""

    options: Options
    on: Watch

    def each(self, count: int) -> Options:
        """The options of one of so many problems (rule 2)."""
        seconds = max(LEAST, self.options.seconds / max(1, count))
        return replace(self.options, seconds=seconds, integers="all")


def tell_bridge(problem: Instance, base: Answer, name: str, asking: Asking, *, json: bool) -> None:
    """When a contract is best left, and what each further period costs.

    Raises:
        FaultsFound: there is no such contract that we could leave.
    """
    offer = next((one for one in problem.offers if one.name == name and one.exits), None)
    if offer is None:
        leavable = [one.name for one in problem.offers if one.exits and one.kind != "build"]
        raise FaultsFound([unknown(name, leavable, "--bridge")])
    asking.on.what = f"leaving {name}"
    found = bridge(problem, base, solver(asking.each(len(_periods(offer)) + 1), asking.on), name)
    asking.on.end()
    if json:
        print_json(_bridge_values(problem, found))
        return
    sys.stdout.write(_bridge_text(problem, found))


def _periods(offer: Offer) -> set[int]:
    """When all of it may be left."""
    return {left for signed, left in offer.exits if not offer.signed or signed == ALREADY}


def _bridge_text(problem: Instance, found: Bridge) -> str:
    rows = [("notice given", "weighed cost", "against a period before")]
    rows += [(_when(problem, one), _cost(one.answer), _more(one)) for one in found.stays]
    text = f"{found.offer}, by when notice is given; {_weighed(problem)}\n{aligned(rows)}"
    if not found.best:
        return text + "No plan was found for any of them; allow more time with --time.\n"
    named = ", ".join(_label(problem, period) for period in found.best)
    if found.best == (None,):
        text += "It pays throughout: to give no notice is best.\n"
    elif len(found.best) == 1:
        text += f"It stops paying with notice {named}.\n"
    else:
        text += f"Not told apart: notice {named}. A smaller --gap and more --time may tell.\n"
    if found.deciding is not None:
        text += f"To decide it by scenario, as it turns out, is worth {between(found.deciding)}.\n"
    return text


def _weighed(problem: Instance) -> str:
    """What the amounts are."""
    weight = problem.risk.weight
    if not weight:
        return "expected cost, unserved and uncovered work at its price"
    return (
        f"weighed: {float(1 - weight):.0%} expected cost, {float(weight):.0%} CVaR,\n"
        "with what is not served or not covered at its price"
    )


def _when(problem: Instance, one: Stay) -> str:
    return _label(problem, one.period)


def _label(problem: Instance, period: int | None) -> str:
    return "never" if period is None else f"on {problem.periods[period].first}"


def _cost(answer: Answer | Conflict) -> str:
    if isinstance(answer, Conflict):
        return "no plan"
    return f"{money(answer.costs.objective)} (gap {percent(answer.gap)})"


def _more(one: Stay) -> str:
    return "" if one.more is None else signed(one.more)


def signed(amount: Between) -> str:
    """An amount that may be a saving."""
    if not amount.told:
        return "not told apart"
    if amount.high < 0:
        return f"{between(Between(-amount.high, -amount.low))} less"
    return f"{between(amount)} more"


def tell_lives(
    fleet: Fleet,
    file: Path,
    how: tuple[Otherwise, Known],
    asking: Asking,
    *,
    json: bool,
) -> None:
    """Leasing against owning, by how long own chips live.

    Raises:
        TollwayError: nothing can be built.
    """
    lives = _lives(fleet)
    if not lives:
        raise TollwayError("--lives: the fleet declares no builds. Write [builds.NAME].")
    problems = {
        years: stated(fleet, file, replace(how[0], life=name), how[1]).instance
        for years, name in lives.items()
    }
    asking.on.what = "lease or own"
    found = break_even(problems, solver(asking.each(2 * len(problems)), asking.on))
    asking.on.end()
    if json:
        print_json(_lives_values(found))
        return
    some = next(iter(problems.values()))
    sys.stdout.write(_lives_text(some, found))


def _lives(fleet: Fleet) -> Mapping[Fraction, str | None]:
    """Years of each life that a build is compared at, and its name: None is the declared one."""
    found: dict[Fraction, str | None] = {}
    for build in fleet.builds.values():
        for name, months in build.lives.items():
            found.setdefault(Fraction(months, 12), name)
        found[Fraction(build.life_months, 12)] = None
    return dict(sorted(found.items()))


def _lives_text(problem: Instance, found: BreakEven) -> str:
    rows = [("chips live", "with own, no leases", "with leases, none own", "leasing costs")]
    rows += [_life_row(problem, one) for one in found.lives]
    text = f"Lease or own, by the life of own chips, APIs in both; {_weighed(problem)}\n"
    text += aligned(rows)
    if found.above is not None:
        text += f"Leasing is cheaper up to {_years(found.above)}.\n"
    if found.at_most is not None:
        text += f"Owning is cheaper from {_years(found.at_most)} on.\n"
    if found.above is None and found.at_most is None:
        text += "Not told apart at any of these. A smaller --gap and more --time may tell.\n"
    return text


def _life_row(problem: Instance, one: Life) -> tuple[str, str, str, str]:
    amount = "" if one.amount is None else signed(one.amount)
    built, leased = _cost(one.built), _cost(one.leased)
    return _years(one.years), built + _charged(problem, one.built), leased, amount


def _charged(problem: Instance, answer: Answer | Conflict) -> str:
    """What of it is not paid, but the price of work that is not served or not covered."""
    if isinstance(answer, Conflict):
        return ""
    whole = parts(problem, answer)
    rest = whole.unserved + whole.short
    return f", {money(rest)} of it not served or covered" if rest >= TRILLION else ""


def _years(years: Fraction) -> str:
    return f"{float(years):g} years"


# --- as JSON --------------------------------------------------------------------------------------


def _bridge_values(problem: Instance, found: Bridge) -> dict[str, object]:
    return {
        "offer": found.offer,
        "notice": [
            {"on": _on(problem, one.period), **_answer(one.answer), "more_usd": _usd(one.more)}
            for one in found.stays
        ],
        "best": [_on(problem, period) for period in found.best],
        "deciding_usd": _usd(found.deciding),
    }


def _on(problem: Instance, period: int | None) -> str | None:
    return None if period is None else problem.periods[period].first.isoformat()


def _lives_values(found: BreakEven) -> dict[str, object]:
    return {
        "lives": [
            {
                "years": float(one.years),
                "own": _answer(one.built),
                "lease": _answer(one.leased),
                "leasing_costs_usd": _usd(one.amount),
            }
            for one in found.lives
        ],
        "leasing_up_to_years": None if found.above is None else float(found.above),
        "owning_from_years": None if found.at_most is None else float(found.at_most),
    }


def _answer(answer: Answer | Conflict) -> dict[str, object]:
    if isinstance(answer, Conflict):
        return {"conflict": list(answer.demands)}
    costs = _dollars((answer.costs.objective, answer.bound))
    return {"objective_usd": costs[0], "bound_usd": costs[1], "gap": float(answer.gap)}


def _usd(amount: Between | None) -> list[float] | None:
    return None if amount is None else _dollars((amount.low, amount.high))


def _dollars(amounts: Iterable[Fraction]) -> list[float]:
    return [round(float(one) / 10**12, 2) for one in amounts]
