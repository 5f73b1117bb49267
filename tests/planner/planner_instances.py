"""Small planning problems made from a seed, with everything in them that a problem may have."""

from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Budget,
    Contingency,
    Instance,
    Limit,
    Line,
    Minimum,
    Node,
    Offer,
    Period,
    Resource,
    Risk,
    Stream,
    Workload,
)
from tollway.units import PicoDollars

DOLLAR = 10**12


def usd(amount: float | Fraction) -> PicoDollars:
    """Dollars as pico-dollars."""
    return PicoDollars(int(Fraction(amount) * DOLLAR))


def periods(count: int) -> tuple[Period, ...]:
    """Quarters from January 2027 on, discounted by 2% a quarter."""
    found: list[Period] = []
    for index in range(count):
        year, month = 2027 + index // 4, index % 4 * 3 + 1
        first = date(year, month, 1)
        following = date(year + (month == 10), month % 12 + 3 if month < 10 else 1, 1)
        hours = (following - first).days * 24
        discount = Fraction(100, 102) ** index
        found.append(Period(first, date.fromordinal(following.toordinal() - 1), hours, discount))
    return tuple(found)


def tree(random: Random, count: int, at: int, wanted: list[int]) -> tuple[Node, ...]:
    """One past up to period `at`, then two futures; `wanted` tokens an hour by workload."""
    nodes: list[Node] = []

    def demand(growth: float) -> tuple[tuple[int, ...], ...]:
        return tuple(
            (int(most * growth), int(most * growth * random.choice((0.4, 0.6)))) for most in wanted
        )

    ends: list[tuple[int | None, Fraction, float]] = [(None, Fraction(1), 1.0)]
    for period in range(count):
        if period == at:
            parent = ends[0][0]
            ends = [(parent, Fraction(1, 3), 0.7), (parent, Fraction(2, 3), 1.2)]
        for index, (parent, probability, growth) in enumerate(ends):
            nodes.append(Node(period, parent, probability, demand(growth * (1 + 0.1 * period))))
            ends[index] = (len(nodes) - 1, probability, growth)
    return tuple(nodes)


def lease(random: Random, name: str, count: int, **more: Any) -> Offer:
    """A contract of so many chips, with a ramp, and an exit at one period's notice."""
    fee, made = random.randint(20, 60) * 1000, random.randint(2, 5) * 10_000_000
    runs: dict[int, Stream] = {}
    exits: dict[tuple[int, int], Stream] = {}
    fees = [usd(Fraction(fee * (100 + 2 * t), 100)) for t in range(count)]
    for since in range(ALREADY, count):
        ramp = [Fraction(0) if t < since else Fraction(1) for t in range(count)]
        if since >= 0:
            ramp[since] = Fraction(1, 2)
        paid = [PicoDollars(int(fees[t] * ramp[t])) for t in range(count)]
        runs[since] = Stream(tuple(ramp), tuple(paid))
        for left in range(max(0, since + 1), count):
            kept = [ramp[t] if t <= left else Fraction(0) for t in range(count)]
            cash = [paid[t] if t <= left else PicoDollars(0) for t in range(count)]
            cash[left] = PicoDollars(cash[left] + usd(fee // 10))
            exits[since, left] = Stream(tuple(kept), tuple(cash))
    lines = _lines(random, made, count, 0)
    attributes = {"vendor": random.choice("uvw"), "region": random.choice(("east", "west"))}
    return Offer(name, "contract", attributes, lines, runs, exits, **more)


def api(random: Random, name: str, count: int) -> Offer:
    """A quota that costs nothing but its use, and more of it in an emergency."""
    lines = _lines(random, 1, count, random.randint(2, 6))
    runs = {ALREADY: Stream((Fraction(1),) * count, (PicoDollars(0),) * count)}
    quota = Fraction(random.randint(2, 6) * 10_000_000)
    attributes = {"vendor": name, "region": "east"}
    return Offer(
        name, "api", attributes, lines, runs, signed=quota, most=quota, whole=False,
        emergency=quota / 4, emergency_days=random.choice((0, 30)),
    )  # fmt: skip


def committed(random: Random, name: str, count: int) -> Offer:
    """Throughput of which so much must be used every two periods, in units of any size."""
    runs: dict[int, Stream] = {}
    amount = usd(random.randint(30, 90) * 1000)
    for since in range(count):
        there = tuple(Fraction(int(t >= since)) for t in range(count))
        windows = tuple(
            Minimum(first, min(first + 1, count - 1), amount) for first in range(since, count, 2)
        )
        runs[since] = Stream(there, (PicoDollars(0),) * count, windows)
    lines = _lines(random, 20_000_000, count, random.randint(1, 2))
    attributes = {"vendor": "u", "region": "west"}
    return Offer(
        name, "contract", attributes, lines, runs, most=Fraction(3), least=Fraction(1, 2),
        whole=False,
    )  # fmt: skip


def _lines(random: Random, tokens: int, count: int, price: int) -> tuple[Line, ...]:
    rate = (usd(price),) * count
    slower = random.choice((Fraction(1), Fraction(3, 4))) if tokens > 1 else Fraction(1)
    return (
        Line("chat", "large", tokens, rate),
        Line("chat", "small", int(tokens * slower), (usd(Fraction(price, 2)),) * count),
        Line("batch", "large", int(tokens * slower), rate),
    )


def small(seed: int, count: int = 4, *, extras: bool = True) -> Instance:
    """Two leases, an API and a commitment over so many quarters, with two futures."""
    random = Random(seed)
    offers = [
        api(random, "api", count),
        lease(random, "first", count, signed=Fraction(random.choice((0, 1))), most=Fraction(2)),
        lease(random, "second", count, most=Fraction(2), group="either"),
        lease(random, "third", count, most=Fraction(1), group="either", uses={"mw": Fraction(3)}),
    ]
    if extras:
        offers.append(committed(random, "committed", count))
    workloads = (
        Workload("chat", True, ("large", "small"), usd(20)),
        Workload("batch", False, ("large",), usd(8)),
    )
    wanted = [random.randint(4, 9) * 10_000_000, random.randint(1, 3) * 10_000_000]
    vendors = {offer.attributes["vendor"] for offer in offers}
    contingencies = tuple(
        Contingency(
            f"vendor {vendor}",
            "vendor",
            frozenset(one.name for one in offers if one.attributes["vendor"] == vendor),
            frozenset(),
            30,
            Fraction(4, 5),
            usd(random.randint(1, 4)),
        )
        for vendor in sorted(vendors)
    )
    withdrawn = Contingency(
        "large is withdrawn", "model", frozenset(), frozenset({"large"}), 0, Fraction(1), usd(2), 1
    )
    return Instance(
        periods(count),
        (Block("day", Fraction(5, 12)), Block("night", Fraction(7, 12))),
        workloads,
        tree(random, count, 2, wanted),
        tuple(offers),
        Risk(Fraction(3, 10), Fraction(4, 5)),
        (*contingencies, withdrawn) if extras else (),
        (Limit("vendor", Fraction(3, 4)),) if extras else (),
        (Budget("early", 0, 1, usd(400_000)),) if extras else (),
        (Resource("mw", (Fraction(2),) + (Fraction(4),) * (count - 1)),),
    )
