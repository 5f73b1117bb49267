"""A plan as one page: self-contained, for a screen, a phone, a keyboard and paper.

Rules
1. It loads nothing and runs nothing: styles and charts are in it, and there is no script.
2. Every value that a chart shows is in a table too.
"""

from tollway.planner.program.answers import signed_now
from tollway.web import plan_risk, plan_supply
from tollway.web.amounts import about, count, exact, millions, named, percent
from tollway.web.markup import behind, element, table, words
from tollway.web.page import Section, page
from tollway.web.plan_shown import Shown

LINES_SHOWN = 400
"""Rows of the table of speeds; further ones are counted."""


def plan_page(shown: Shown) -> str:
    """The whole file."""
    sections = (
        Section("capacity", "Capacity against demand", plan_supply.capacity(shown)),
        Section("cash", "Committed cash", plan_supply.committed(shown)),
        Section("survival", "What survives a loss", plan_risk.survivability(shown)),
        Section("frontier", "Cost against risk", plan_risk.frontier(shown)),
        Section("calendar", "Decisions and dates", plan_supply.calendar(shown)),
        Section("risks", "Risks", plan_risk.risks(shown)),
        Section("assumptions", "What it rests on", assumptions(shown)),
    )
    title = f"Plan of {shown.fleet}"
    return page(title, "Skip to the charts", _header(shown), sections, _footer(shown))


def headline(shown: Shown) -> str:
    """What to do now, in one sentence."""
    now = signed_now(shown.instance, shown.answer.plan)
    left = [one for one in shown.answer.plan.noticed if one.node == 0]
    signed = _and([f"{count(units)} x {name}" for name, units in now.items() if units])
    noticed = _and([f"{count(one.units)} x {one.offer}" for one in left])
    if not signed and not noticed:
        return "Sign nothing now, and leave nothing."
    parts = ([f"Sign {signed}."] if signed else []) + ([f"Leave {noticed}."] if noticed else [])
    return " ".join(parts)


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


def lead(shown: Shown) -> str:
    """What that costs, how sure it is, and where it is weak, in plain words."""
    costs, periods = shown.answer.costs, shown.instance.periods
    rest = percent(1 - shown.instance.risk.beta, 0)
    first, last = named(periods[0]), named(periods[-1])
    text = (
        f"From {first} to {last} it is expected to cost {about(costs.expected)} in today's money; "
        f"in the worst {rest} of the scenarios, {about(costs.cvar)} in the mean. No plan can be "
        f"more than {percent(shown.answer.gap, 2)} better by what was weighed"
    )
    text += "; it was stopped before that was as small as asked. " if (
        shown.answer.status == "interrupted"
    ) else ". "  # fmt: skip
    weak = shown.overview.weakest()
    if weak is None:
        return text
    when = named(periods[shown.instance.nodes[weak.node].period])
    if weak.after == 1:
        return text + "All interactive demand survives every contingency."
    return text + (
        f"Weakest: if {weak.contingency} in {when}, {percent(weak.after, 0)} of the interactive "
        "demand is still served."
    )


def _header(shown: Shown) -> str:
    costs = shown.answer.costs
    facts = (
        ("Expected cost", about(costs.expected), exact(costs.expected)),
        ("CVaR", about(costs.cvar), exact(costs.cvar)),
        ("Gap", percent(shown.answer.gap, 2), f"bound {exact(shown.answer.bound)}"),
        ("Bound if left today", about(shown.overview.tails[0].total),
         exact(shown.overview.tails[0].total)),
    )  # fmt: skip
    boxes = "".join(
        element("div", element("dt", words(name)),
                element("dd", words(short), element("small", words(long))))
        for name, short, long in facts
    )  # fmt: skip
    return (
        element("h1", words(headline(shown)))
        + element("p", words(lead(shown)), class_="lead")
        + element("dl", boxes, class_="facts")
    )


def assumptions(shown: Shown) -> str:
    """What is declared, predicted with an interval, assumed."""
    instance, answer = shown.instance, shown.answer
    risk = instance.risk
    last = instance.periods[-1]
    rows = [
        ["horizon", f"{instance.periods[0].first} to {last.last}", "declared"],
        ["discount", f"a dollar of {named(last)} is worth {float(last.discount):.4f} now",
         "declared"],
        ["objective", f"{percent(1 - risk.weight, 0)} expected cost, {percent(risk.weight, 0)} "
         f"CVaR of the worst {percent(1 - risk.beta, 0)}", "declared"],
        ["scenarios", f"{sum(it.period == len(instance.periods) - 1 for it in instance.nodes)}, "
         f"{len(instance.nodes)} nodes", "declared"],
        ["objective reached", f"{exact(answer.costs.objective)}; bound {exact(answer.bound)}",
         f"{answer.status}, {answer.seconds:.1f} s"],
    ]  # fmt: skip
    rows += [
        [f"limit by {one.attribute}", f"{percent(one.share, 0)} of served tokens", "declared"]
        for one in instance.limits
    ]
    rows += [
        [f"budget {one.name}", f"{exact(one.amount)}, {named(instance.periods[one.first])} to "
         f"{named(instance.periods[one.last])}", "declared"]
        for one in instance.budgets
    ]  # fmt: skip
    notes = "".join(element("li", words(note)) for note in shown.notes)
    return (
        table("The problem", ["what", "how", "from"], rows, text=3)
        + (element("ul", notes, class_="plain") if notes else "")
        + behind("Speeds: tokens an hour of one unit", _speeds(shown))
    )


def _speeds(shown: Shown) -> str:
    rows = [
        [offer.name, line.workload, line.model, line.origin, millions(line.tokens),
         f"{millions(line.low)} to {millions(line.high)}" if line.low != line.high else "none"]
        for offer in shown.instance.offers
        for line in offer.lines
    ]  # fmt: skip
    more = len(rows) - LINES_SHOWN
    head = ["offer", "workload", "model", "provenance", "M tokens/h", "80% interval"]
    rest = element("p", words(f"{more:,} further rows are left out.")) if more > 0 else ""
    return table("Speeds", head, rows[:LINES_SHOWN], text=4) + rest


def _footer(shown: Shown) -> str:
    digest = f", digest {shown.digest[:16]}" if shown.digest else ""
    made = f"Made by tollway plan on {shown.made} from {shown.fleet}{digest}."
    said = f"{made} Money is counted exactly."
    return element("footer", element("p", words(said), class_="soft"))
