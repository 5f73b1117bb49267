"""Bridge: rent with 90 days' notice, or build; when to leave, and what the way out is worth.

`python -m bench.studies.bridge` writes the results into docs/studies/bridge.md, from the fleet file
docs/examples/bridge/fleet.toml with its lead time, its chips' life or its fee otherwise.

Rules
1. Every amount is an interval between what is proven and what was found; where it spans 0, the two
   are not told apart.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction

from bench.studies.page import ROOT, put, table, with_results
from tollway.cli.predict_question import catalogue_of
from tollway.fleet.parse import parse
from tollway.planner.problem import Asked, problem_of
from tollway.planner.program.answer import Answer, Between, Conflict
from tollway.planner.program.answers import Bridge, break_even, bridge, exits_worth
from tollway.planner.program.instance import Instance
from tollway.planner.program.solve import Options, Progress, solve
from tollway.planner.program.variants import without_signing
from tollway.planner.speeds import Speeds
from tollway.simulator.scores import Learned

FILE = ROOT / "docs/examples/bridge/fleet.toml"
LEASE, MORE = "bridge", "more"
LEADS = {3: "tents", 10: "modular", 24: "shell"}
LIVES = {36: "3 years", 48: "4 years (Nebius)", 60: "5 years (Epoch AI)", 72: "6 years (CoreWeave)"}
RATES = ("11.46", "7.00", "5.00", "3.30")
"""USD a chip-hour: the lease's own, what the catalogue has for a lessor of GB200, and between."""
CHIPS, HOURS = 1_100, 730


def problem(changes: Mapping[str, str]) -> Instance:
    """The planning problem of the fleet file with some of its words otherwise."""
    text = FILE.read_text()
    for old, new in changes.items():
        if text.count(old) != 1:
            raise ValueError(f"{FILE}: {old!r} is there {text.count(old)} times")
        text = text.replace(old, new)
    speeds = Speeds(catalogue_of(None), Learned())
    return problem_of(parse({FILE.name: text}, FILE.name), speeds, Asked()).instance


def solved(one: Instance) -> Answer | Conflict:
    """Within 0.5%, or 10 seconds; lumps of all years are whole in the bound."""
    return solve(one, Options(Fraction(1, 200), 10, 1, "all"), _on, time.monotonic)


def _on(progress: Progress) -> bool:
    del progress
    return True


def leads() -> Iterator[list[str]]:
    """By lead time: what is ordered at once, when notice is best, what waiting costs."""
    for months, how in LEADS.items():
        one = problem({"lead_months = 10": f"lead_months = {months}"})
        one = without_signing(one, [MORE])
        base = solved(one)
        if isinstance(base, Conflict):
            raise ValueError(f"these conflict: {base.demands}")
        found = bridge(one, base, solved, LEASE)
        worth = exits_worth(one, base, solved, [LEASE])[0]
        ordered = sum(it.units for it in base.plan.signed if it.node == 0)
        yield [
            f"{months} months ({how})",
            f"{float(ordered):.0f}",
            usd(base.costs.expected),
            ", ".join(_quarter(one, it) for it in found.best),
            _after(one, found),
            between(worth.amount),
        ]


def _after(one: Instance, found: Bridge) -> str:
    """What one more quarter costs after the last best one, and the one after."""
    last = max((it for it in found.best if it is not None), default=None)
    if last is None or None in found.best:
        return "-"
    later = [it for it in found.stays if it.period is None or it.period > last]
    return "; ".join(f"{_quarter(one, it.period)}: {between(it.more)}" for it in later[:2])


def lives() -> Iterator[list[str]]:
    """By the fee and the life of chips: what renting alone costs more than building."""
    for rate in RATES:
        monthly = round(float(rate) * CHIPS * HOURS, -3)
        fee = {'"9_200_000"': f'"{monthly:.0f}"', 'rate = "11.46"': f'rate = "{rate}"'}
        by_life = {
            Fraction(months, 12): problem({**fee, "life_months = 60": f"life_months = {months}"})
            for months in LIVES
        }
        found = break_even(by_life, solved)
        yield [f"${rate}", *(between(it.amount) for it in found.lives)]


def _quarter(one: Instance, period: int | None) -> str:
    if period is None:
        return "never"
    first = one.periods[period].first
    return f"{first.year} Q{(first.month + 2) // 3}"


def usd(amount: Fraction) -> str:
    """Millions of dollars."""
    return f"${float(amount) / 1e18:,.1f}M"


def between(amount: Between | None) -> str:
    """An interval, and whether its sign is known."""
    if amount is None:
        return "no plan without it"
    told = "" if amount.told else " (not told apart)"
    return f"{usd(amount.low)} to {usd(amount.high)}{told}"


def main() -> int:
    """Write the page; a minute or two."""
    first = table(
        [
            "halls serve after",
            "ordered at once",
            "expected cost",
            "best quarter of notice",
            "one more quarter costs",
            "the exit is worth",
        ],
        list(leads()),
    )
    second = table(["renting at, a chip-hour", *LIVES.values()], list(lives()))
    page = ROOT / "docs/studies/bridge.md"
    put(page, with_results(page.read_text(), [first, second]), check=False)
    print(f"{first}\n\n{second}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
