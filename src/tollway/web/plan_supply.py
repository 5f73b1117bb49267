"""A plan's page: what there is against what is wanted, what is bound, what is decided when."""

from fractions import Fraction

from tollway.planner.holdings import NONE
from tollway.planner.program.answer import Noticed, Signed
from tollway.units import PICO_PER_DOLLAR
from tollway.web.amounts import MILLION, count, day, exact, millions, named, percent
from tollway.web.charts import Band, Series, columns
from tollway.web.markup import Cell, behind, element, table, words
from tollway.web.plan_shown import Shown

ROOM = 2
"""A stack is drawn up to so many times what is wanted at most: beyond it lies only spare room."""


def capacity(shown: Shown) -> str:
    """Capacity by offer against demand."""
    view, names = shown.overview, [named(one) for one in shown.instance.periods]
    offers = [it.name for it in shown.instance.offers if any(it.name in at for at in view.capacity)]
    series = [
        Series(
            name,
            [float(at.get(name, NONE) / MILLION) for at in view.capacity],
            [f"{millions(at.get(name, NONE))} M tokens an hour" for at in view.capacity],
        )
        for name in offers
    ]
    band = Band(
        "demand, P10 to P90 with the median",
        [one.p10 / MILLION for one in view.wanted],
        [one.p50 / MILLION for one in view.wanted],
        [one.p90 / MILLION for one in view.wanted],
    )
    top = ROOM * max(band.high)
    cut = any(sum(one.values[at] for one in series) > top for at in range(len(names)))
    rows = [
        [name, *(millions(at.get(offer, NONE)) for offer in offers), *map(millions, demand)]
        for name, at, demand in zip(
            names, view.capacity, [(it.p10, it.p50, it.p90) for it in view.wanted], strict=True
        )
    ]
    head = ["period", *offers, "demand P10", "P50", "P90"]
    return (
        _words(
            f"What the plan can make, in tokens of {view.workload} an hour and expected over the "
            "scenarios, against what all workloads want in the busiest hours of the day."
        )
        + columns("Capacity against demand", names, series, "M tokens/h", band, top)
        + (_words(f"Columns are cut at {ROOM} times the highest demand.") if cut else "")
        + behind("The figures", table("Capacity and demand, million tokens an hour", head, rows))
    )


def committed(shown: Shown) -> str:
    """What is owed of what is in force from now on, by when it can be called off."""
    periods = shown.instance.periods
    bound = shown.overview.bound
    names = [*(named(one) for one in periods), "later"]
    fixed = [sum((one.cash[at] for one in bound), NONE) for at in range(len(periods))]
    fixed.append(sum((one.after for one in bound), NONE))
    whole = [
        sum((it.holding.units * it.holding.stream.cash[at] for it in bound), NONE)
        for at in range(len(periods))
    ]
    whole.append(sum((it.holding.units * it.holding.stream.after for it in bound), NONE))
    loose = [max(NONE, all_ - owed) for all_, owed in zip(whole, fixed, strict=True)]
    series = [
        Series("cannot be called off", _dollars(fixed), list(map(exact, fixed))),
        Series("can still be called off", _dollars(loose), list(map(exact, loose))),
    ]
    rows = [
        [name, exact(owed), exact(rest), exact(owed + rest)]
        for name, owed, rest in zip(names, fixed, loose, strict=True)
    ]
    head = ["period", "bound", "can be called off", "all"]
    rows.append(["in all", *(exact(sum(each, NONE)) for each in (fixed, loose, [*fixed, *loose]))])
    return (
        _words(
            "Cash that is bound once today's decisions are taken, by when it is paid; metered use "
            "is not in it. Notice would still save a part; the rest is owed whatever is done."
        )
        + columns("Committed cash", names, series, "M USD")
        + _by_offer(shown)
        + behind("By period", table("Committed cash by period", head, rows))
    )


def _by_offer(shown: Shown) -> str:
    rows: list[list[object]] = []
    for one in shown.overview.bound:
        stream = one.holding.stream
        whole = one.holding.units * (sum(stream.cash) + stream.after)
        if not whole and not one.total:
            continue
        if one.leave is not None:
            until = f"notice in {named(shown.instance.periods[one.leave])}"
        else:
            until = "bound" if one.total else "costs nothing unused"
        rows.append(
            [
                one.holding.offer.name,
                until,
                count(one.holding.units),
                exact(whole),
                exact(one.total),
            ]
        )
    head = ["signed", "to save what can be", "units", "owed if kept", "owed at the least"]
    return table("What is in force after today's decisions", head, rows, text=2) if rows else ""


def calendar(shown: Shown) -> str:
    """What is decided when, and what the contracts date."""
    plan = shown.answer.plan
    rows = [_decision(shown, one, "sign") for one in plan.signed]
    rows += [_decision(shown, one, "give notice of") for one in plan.noticed]
    rows += [
        (day(one.on), "" if one.kind == "happens" else one.kind, f"{name}: {one.words}", "")
        for name, one in shown.dates
    ]
    ordered = [[Cell(on, "day"), *rest] for on, *rest in sorted(rows, key=lambda it: it[0])]
    if not ordered:
        return _words("Nothing is signed and nothing is left.")
    head = ["on", "what", "of what", "in which scenarios"]
    return table("By day", head, ordered, text=4)


def _decision(shown: Shown, one: Signed | Noticed, what: str) -> tuple[str, str, str, str]:
    node = shown.instance.nodes[one.node]
    on = shown.instance.periods[node.period].first
    if node.probability == 1:
        where = "all of them" if node.period else "now, whatever comes"
    else:
        where = f"{node.name or 'as expected'} ({percent(node.probability)})"
    return day(on), what, f"{count(one.units)} x {one.offer}", where


def _dollars(amounts: list[Fraction]) -> list[float]:
    return [float(it / PICO_PER_DOLLAR / MILLION) for it in amounts]


def _words(text: str) -> str:
    return element("p", words(text), class_="soft")
