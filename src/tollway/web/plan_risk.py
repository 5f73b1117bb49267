"""A plan's page: what survives, the frontier, and the risks as figures."""

from fractions import Fraction

from tollway.planner.overview import Overview
from tollway.planner.program.answer import Between
from tollway.planner.program.answers import Worth
from tollway.planner.program.instance import Instance
from tollway.planner.risk import cvar
from tollway.planner.survival import Survival
from tollway.units import PICO_PER_DOLLAR
from tollway.web.amounts import (
    MILLION,
    about,
    dollars_between,
    exact,
    millions,
    named,
    percent,
    percent_between,
)
from tollway.web.charts import Point, points
from tollway.web.markup import Cell, behind, element, table, words
from tollway.web.plan_shown import Shown

KINDS = ((Fraction(1), "whole"), (Fraction(4, 5), "some"), (Fraction(1, 2), "little"))


def survivability(shown: Shown) -> str:
    """The worst share of interactive demand that survives, by contingency and period."""
    names = [one.name for one in shown.instance.contingencies]
    if not names:
        return _words("No contingency is planned for.")
    worst = worst_by_period(shown.instance, shown.overview)
    periods = shown.instance.periods
    heat: list[list[object]] = []
    rest: list[list[object]] = []
    for name in names:
        shares = [worst.get((name, at)) for at in range(len(periods))]
        heat.append([name, *("" if it is None else _cell(it.after) for it in shares)])
        for at, it in enumerate(shares):
            if it is not None:
                figures = (percent(it.during), percent(it.after), percent_between(it.between))
                rest.append([name, named(periods[at]), *figures])
    head = ["if it happens", *(named(one) for one in periods)]
    more = ["if it happens", "in", "during the notice", "after it", "after it, 80% of speeds"]
    return (
        _words(
            "The share of interactive demand that is still served after it, in the busiest hours "
            "of the worst scenario of each period, once what is left is dispatched anew."
        )
        + table("Survivability", head, heat, kind="heat")
        + behind("With the notice, and the interval of the speeds",
                 table("Notice coverage", more, rest, text=2))
    )  # fmt: skip


def worst_by_period(instance: Instance, view: Overview) -> dict[tuple[str, int], Survival]:
    """Of each contingency and period, the node in which the least survives."""
    found: dict[tuple[str, int], Survival] = {}
    for one in view.survivals:
        key = (one.contingency, instance.nodes[one.node].period)
        if key not in found or one.after < found[key].after:
            found[key] = one
    return found


def _cell(share: Fraction) -> Cell:
    kind = next((name for least, name in KINDS if share >= least), "none")
    return Cell(percent(share, 0), kind)


def frontier(shown: Shown) -> str:
    """Expected cost against CVaR, with how much better each plan might still be."""
    if not shown.frontier:
        return _words("Not asked. The plan itself: " + _pair(shown) + ".")
    drawn: list[Point] = []
    at = [(exact(it.expected), exact(it.cvar)) for it in shown.frontier]
    for place in dict.fromkeys(at):
        same = [it for it, one in zip(shown.frontier, at, strict=True) if one == place]
        name = "weight " + ", ".join(percent(it.weight, 0) for it in same)
        less = max(it.slack for it in same)
        drawn.append(Point(name, _usd(same[0].expected), _usd(same[0].cvar), _usd(less)))
    rows = [
        [percent(one.weight, 0), exact(one.expected), exact(one.cvar), exact(one.slack),
         percent(one.answer.gap, 2)]
        for one in shown.frontier
    ]  # fmt: skip
    head = ["weight of CVaR", "expected cost", "CVaR", "may be better by", "gap"]
    return (
        _words(
            "Plans by how much the worst scenarios count. The bars are the gap: by so much, at "
            "most, a plan of that weight may still be better by what was weighed."
        )
        + points("Expected cost against CVaR", drawn, "expected cost, M USD", "CVaR, M USD")
        + table("Cost-CVaR frontier", head, rows)
    )


def _pair(shown: Shown) -> str:
    costs = shown.answer.costs
    return f"expected cost {about(costs.expected)}, CVaR {about(costs.cvar)}"


def _usd(amount: Fraction) -> float:
    return float(amount / PICO_PER_DOLLAR / MILLION)


def risks(shown: Shown) -> str:
    """Every figure of risk with where it comes from."""
    view = shown.overview
    rows = [*_concentration(view), *_exposure(shown), *_recovery(shown), *_lock(shown)]
    for name, tokens in view.unserved.items():
        rows.append([f"unserved tokens of {name}", f"{millions(tokens)} M",
                     "expected over the scenarios, the whole horizon"])  # fmt: skip
    costs, beta = shown.answer.costs, shown.instance.risk.beta
    told = cvar(costs.scenarios, shown.instance) if costs.scenarios else costs.cvar
    rows.append([f"CVaR at {percent(beta, 0)}", exact(told),
                 "mean cost of the worst scenarios, discounted, counted exactly"])  # fmt: skip
    return (
        table("Figures", ["risk", "figure", "what it is"], rows, text=3)
        + _worths(shown)
        + behind("Concentration by period", _index_by_period(shown))
        + behind("Months to recover, by when it is lost", _months_by_period(shown))
    )


def _concentration(view: Overview) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, found in view.concentrations.items():
        stated = [it for it in found if it.shares]
        if not stated:
            continue
        worst = max(stated, key=lambda it: (it.hhi.low, -it.period))
        parts = ", ".join(f"{value} {percent(it, 0)}" for value, it in worst.shares.items())
        said = f"; not stated {percent(worst.unstated, 0)}" if worst.unstated else ""
        rows.append([f"concentration by {name}", index_words(worst.hhi),
                     f"HHI of served tokens where it is highest: {parts}{said}"])  # fmt: skip
    return rows


def index_words(hhi: Between) -> str:
    """An index, or between which it is."""
    low, high = f"{float(hhi.low):.2f}", f"{float(hhi.high):.2f}"
    return low if low == high else f"{low} to {high}"


def _index_by_period(shown: Shown) -> str:
    periods = range(len(shown.instance.periods))
    rows: list[list[object]] = []
    for name, found in shown.overview.concentrations.items():
        by_period = {it.period: index_words(it.hhi) for it in found}
        rows.append([name, *(by_period.get(at, "") for at in periods)])
    head = ["attribute", *(named(one) for one in shown.instance.periods)]
    note = "0 to 1; between, where offers do not state what they are."
    return table("Herfindahl-Hirschman index of served tokens", head, rows) + _words(note)


def _months_by_period(shown: Shown) -> str:
    worst: dict[tuple[str, int], int | None] = {}
    for one in shown.overview.recoveries:
        key = (one.contingency, shown.instance.nodes[one.node].period)
        had = worst.get(key, 0)
        worst[key] = None if had is None or one.months is None else max(had, one.months)
    periods = range(len(shown.instance.periods))
    rows: list[list[object]] = []
    for one in shown.instance.contingencies:
        keys = [(one.name, at) for at in periods]
        rows.append([one.name, *(_months(worst[key]) if key in worst else "" for key in keys)])
    head = ["if it is lost in", *(named(one) for one in shown.instance.periods)]
    note = f'The worst scenario of each; "{_months(None)}": not within the horizon.'
    return table("Months until all is served again", head, rows) + _words(note)


def _exposure(shown: Shown) -> list[list[object]]:
    rows: list[list[object]] = []
    for one in (shown.overview.tails[0], max(shown.overview.tails, key=lambda it: it.total)):
        when = named(shown.instance.periods[one.period])
        rows.append([f"exposure tail in {when}", exact(one.total),
                     f"still owed were notice given of everything then; {exact(one.after)} of it "
                     "after the horizon"])  # fmt: skip
    return rows if rows[0] != rows[1] else rows[:1]


def _recovery(shown: Shown) -> list[list[object]]:
    rows: list[list[object]] = []
    for one in shown.instance.contingencies:
        first = next((it for it in shown.overview.recoveries if it.contingency == one.name), None)
        if first is not None:
            when = named(shown.instance.periods[shown.instance.nodes[first.node].period])
            said = f"lost in {when}; at the soonest, were all signed that can be"
            rows.append([f"months to recover: {one.name}", _months(first.months), said])
    return rows


def _months(months: int | None) -> str:
    return "beyond" if months is None else f"{months}"


def _lock(shown: Shown) -> list[list[object]]:
    one = shown.overview.lock
    rows: list[list[object]] = [
        [f"tokens on {one.software}", percent(one.share), "of all served, expected"],
        [f"tokens that run only on {one.software}", percent_between(one.only),
         "served by nothing else that could be signed; between, where an offer does not say"],
    ]  # fmt: skip
    for port in shown.ports:
        said = "declared" if port.declared else "a default, not declared"
        rows.append([f"months to port {port.model} to {port.software}", f"{port.months}", said])
    return rows


def _worths(shown: Shown) -> str:
    parts: list[str] = []
    for caption, found in (
        ("What each contingency costs to be ready for", shown.prices),
        ("What our own notice is worth", shown.exits),
    ):
        if found:
            rows = [[one.name, _amount(one)] for one in found]
            parts.append(table(caption, ["of", "amount, from the bounds"], rows))
    return "".join(parts)


def _amount(one: Worth) -> str:
    if one.amount is None:
        return "no plan without it"
    told = "" if one.amount.told else " (not told from nothing)"
    return dollars_between(one.amount) + told


def _words(text: str) -> str:
    return element("p", words(text), class_="soft")
