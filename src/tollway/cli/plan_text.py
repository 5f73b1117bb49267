"""A plan for people: what to do now and why, by when, what it costs, and what it rests on."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tollway.cli.plan_risk import risk_text
from tollway.cli.plan_run import Answers
from tollway.cli.table import aligned
from tollway.planner.calls import Call
from tollway.planner.overview import overview
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Answer, Between
from tollway.planner.program.answers import Worth
from tollway.planner.program.instance import Instance, Period
from tollway.planner.steps import Step, cash_by_year, parts, served_shares, steps, worst_short

_WIDTH = 79
TRILLION = 10**12


@dataclass(frozen=True, slots=True)
class Made:
    """A plan with all that is told of it; `stopped`: by hand."""

    file: str
    problem: Problem
    answer: Answer
    calls: tuple[Call, ...]
    answers: Answers
    stopped: bool


def as_text(made: Made) -> str:
    """The whole answer."""
    told = [
        _head(made),
        _now(made),
        _then(made),
        _notices(made),
        _cost(made),
        _contingencies(made),
        _exits(made),
        risk_text(made.problem.instance, overview(made.problem.instance, made.answer)),
        _speeds(made.problem.instance),
    ]
    return "\n".join(part for part in told if part)


def as_words(made: Made) -> str:
    """What it rests on, beside the answer."""
    lines = [f"note: {note}" for note in made.problem.notes]
    lines += [
        f"warning: {one.name}, and nothing on offer serves what people wait for: no plan survives "
        "that. Declare another model, or another source."
        for one in made.problem.fatal
    ]
    if made.answers.left:
        lines.append(f"note: there was no time for {made.answers.left} further prices: --time.")
    return "".join(f"{line}\n" for line in lines)


def quarter(period: Period) -> str:
    """`2027-Q1` for a quarter of the calendar, else its first month."""
    if (period.last.month - period.first.month) % 12 == 2 and period.first.month % 3 == 1:
        return f"{period.first.year}-Q{(period.first.month + 2) // 3}"
    return f"{period.first:%Y-%m}"


def money(amount: Fraction | int) -> str:
    """`$351.3M`, `$12,400`, `-$0.4M`."""
    dollars = abs(Fraction(amount)) / TRILLION
    sign = "-" if amount < 0 else ""
    if dollars >= 10**9:
        return f"{sign}${float(dollars / 10**9):,.2f}B"
    if dollars >= 10**5:
        places = 1 if dollars >= 10**7 else 2
        return f"{sign}${float(dollars / 10**6):,.{places}f}M"
    return f"{sign}${float(dollars):,.0f}"


def percent(share: Fraction) -> str:
    """`12%`; `0.9%` below ten."""
    return f"{float(share):.1%}" if share < Fraction(1, 10) else f"{float(share):.0%}"


def _head(made: Made) -> str:
    instance, answer = made.problem.instance, made.answer
    periods = instance.periods
    scenarios = sum(node.period == len(periods) - 1 for node in instance.nodes)
    kind = "months" if periods[0].first.month == periods[0].last.month else "quarters"
    words = [
        f"{made.file}: {periods[0].first:%Y-%m} to {periods[-1].last:%Y-%m}, {len(periods)} "
        f"{kind}, {scenarios} scenario{'s' * (scenarios > 1)}",
        f"Expected cost {money(answer.costs.expected)}, in the worst "
        f"{percent(1 - instance.risk.beta)} of scenarios {money(answer.costs.cvar)}, discounted.",
    ]
    words += _wrapped(_made_of(made), "")
    if answer.status == "optimal":
        words.append("Proven: no plan is better.")
    else:
        why = " It was stopped before." if made.stopped else ""
        words.append(f"Proven: no plan is better by more than {percent(answer.gap)}.{why}")
    return "".join(f"{line}\n" for line in words)


def _made_of(made: Made) -> str:
    """What is paid, and what is only charged for."""
    whole = parts(made.problem.instance, made.answer)
    rest = {
        "for work that is not served": whole.unserved,
        "for what would not be covered (the price of a risk, and not paid)": whole.short,
    }
    told = [f"{money(amount)} {what}" for what, amount in rest.items() if amount >= TRILLION]
    paid = f"Of it {money(whole.paid)} is paid"
    return f"{', '.join([paid, *told])}." if told else "All of it is paid."


def _now(made: Made) -> str:
    every = steps(made.problem.instance, made.answer.plan)
    first = [one for one in every if one.period == 0]
    lines = ["now"]
    whys = {one.offer: one for one in made.answers.reasons}
    for one in first:
        lines += _wrapped(_step_words(one, made), "  ")
        why = whys.get(one.offer)
        if one.what == "sign" and why is not None:
            lines += _wrapped(
                f"Why: {_worth(why.later)} to sign it later only, and "
                f"{_worth(why.never)} to do without it.",
                "    ",
            )
    if not first:
        lines.append("  Nothing is to be signed or left.")
    shares = served_shares(made.problem.instance, made.answer.plan, 0)
    served = ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
    if served:
        lines += _wrapped(f"Tokens are served by {served}.", "  ")
    return "".join(f"{line}\n" for line in lines)


def _step_words(one: Step, made: Made) -> str:
    units = f"{_count(one.units)} x " if one.units != 1 else ""
    if one.what == "sign":
        return f"Sign {units}{one.offer}."
    call = next(
        (it for it in made.calls if it.offer == one.offer and it.period == one.period), None
    )
    if call is None:
        return f"Leave {units}{one.offer}."
    return f"Give notice to {units}{one.offer} by {call.by}: its last day is {call.out}."


def _then(made: Made) -> str:
    instance = made.problem.instance
    every = [one for one in steps(instance, made.answer.plan) if one.period]
    if not every:
        return ""
    rows = [
        [quarter(instance.periods[one.period]), f"{one.what} {_count(one.units)} x {one.offer}",
         _when(one)]
        for one in every
    ]  # fmt: skip
    return "then, as it turns out\n" + _left(rows)


def _when(one: Step) -> str:
    if one.probability == 1:
        return "whatever happens"
    names = [name or "as expected" for name in one.names]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"in {percent(one.probability)}: {shown}"


def _notices(made: Made) -> str:
    if not made.calls:
        return ""
    lines = ["by when"]
    for one in made.calls:
        bound = f"or you are bound until {one.until}" if one.until else "or you stay bound"
        plans = "The plan gives it." if one.given else "The plan keeps it."
        words = f"{one.offer}: give notice by {one.by} to be out on {one.out}, {bound}. {plans}"
        lines += _wrapped(words, "  ")
    return "".join(f"{line}\n" for line in lines)


def _cost(made: Made) -> str:
    years = cash_by_year(made.problem.instance, made.answer)
    rows = [[str(year), money(amount)] for year, amount in years.items()]
    rows.append(["in all", money(sum(years.values(), Fraction(0)))])
    first = made.problem.instance.periods[0].first
    by = "" if first.month == 1 else ", by the year in which a period begins"
    return f"expected payments, not discounted{by}\n" + _indented(rows)


def _contingencies(made: Made) -> str:
    instance = made.problem.instance
    if not instance.contingencies:
        return ""
    prices = {one.name: one for one in made.answers.contingencies}
    short = worst_short(instance, made.answer.plan)
    costs = ", and what it costs to be ready for it" if prices else ""
    lines = [f"what may fall away{costs}"]
    for one in instance.contingencies:
        left = short.get(one.name, Fraction(0))
        said = [f"{percent(one.cover)} covered"]
        if left:
            said = [f"up to {percent(left)} of the busiest hours not covered"]
        if one.name in prices:
            said.insert(0, _worth(prices[one.name]))
        elif prices:
            said.insert(0, "price not looked for")
        days = f"{one.notice_days} days' notice" if one.notice_days else "no notice"
        lines += _wrapped(f"{one.name} ({days}): {'; '.join(said)}.", "  ")
    return "".join(f"{line}\n" for line in lines)


def _exits(made: Made) -> str:
    if not made.answers.exits:
        return ""
    lines = ["what our own right to leave is worth"]
    for one in made.answers.exits:
        lines += _wrapped(f"{one.name}: {_worth(one)}.", "  ")
    return "".join(f"{line}\n" for line in lines)


def _worth(one: Worth) -> str:
    """An interval, never a point."""
    if one.amount is None:
        return "no plan is possible otherwise"
    return between(one.amount)


def between(one: Between) -> str:
    """`$1.2M to $3.4M`; `nothing`; or at most so much, where it cannot be told from nothing."""
    low, high = money(one.low), money(one.high)
    if not one.told:
        return "nothing" if high == money(0) else f"nothing, or at most {high}"
    return low if low == high else f"{low} to {high}"


def _speeds(instance: Instance) -> str:
    rows = [
        [offer.name, line.workload, line.model, _tokens(line.tokens),
         f"{_tokens(line.low)} to {_tokens(line.high)}" if line.low != line.high else "",
         line.origin]
        for offer in instance.offers
        for line in offer.lines
    ]  # fmt: skip
    return "tokens an hour of one unit, at what is promised\n" + _left(rows)


def _tokens(count: int) -> str:
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def _count(units: Fraction) -> str:
    return f"{float(units):g}"


def _wrapped(words: str, indent: str) -> list[str]:
    return textwrap.wrap(
        words,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"  {line}\n" for line in aligned(rows).splitlines())


def _left(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, each column to the left."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "".join(
        f"  {line.rstrip()}\n"
        for line in (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )
    )
