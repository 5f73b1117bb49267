"""A planning problem of the size that the figure is of: 36 months in quarters, 12 sources, 20
scenarios, 8 contingencies; seeded.

Rules
1. A unit of a lease or a build is 1,000 chips; what it makes, costs and waits for is drawn around
   public figures of 2026.
2. Two interactive workloads and a batch one, which chips serve at different speeds.
"""

from datetime import date
from fractions import Fraction
from random import Random

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

QUARTERS = 12
CHIPS = 1000
HOURS = 2190
SPLITS = {2: 4, 5: 5}
"""Quarters in which a scenario splits, and into how many: 20 in all."""
NONE = PicoDollars(0)


def usd(amount: float) -> PicoDollars:
    """Dollars, to the cent, as pico-dollars."""
    return PicoDollars(round(amount * 100) * 10**10)


def instance(seed: int) -> Instance:
    """The problem of a seed."""
    random = Random(seed)
    offers = (
        *(_api(random, f"api-{vendor}", vendor) for vendor in "abc"),
        *(
            _lease(random, f"lease-{vendor}", vendor, chip, region)
            for vendor, chip, region in (
                ("d", "h200", "east"),
                ("e", "b200", "west"),
                ("f", "b300", "east"),
                ("g", "mi355x", "north"),
            )
        ),
        _block(random, "block-a", "a", "east"),
        _block(random, "block-d", "d", "west"),
        _throughput(random, "ptu-b", "b"),
        _build(random, "own-tents", 2, "home"),
        _build(random, "own-shell", 6, "home"),
    )
    nodes = _nodes(random)
    workloads = (
        Workload("chat", True, ("open",), usd(30)),
        Workload("code", True, ("open",), usd(40)),
        Workload("jobs", False, ("open",), usd(8)),
    )
    return Instance(
        _periods(),
        (Block("peak", Fraction(1, 3)), Block("rest", Fraction(2, 3))),
        workloads,
        nodes,
        offers,
        Risk(Fraction(3, 10), Fraction(9, 10)),
        _contingencies(offers),
        (Limit("vendor", Fraction(6, 10)),),
        (Budget("first year", 0, 3, usd(600e6)),),
        (Resource("home", (Fraction(24),) * QUARTERS),),
    )


def _periods() -> tuple[Period, ...]:
    found: list[Period] = []
    for at in range(QUARTERS):
        first = date(2027 + at // 4, at % 4 * 3 + 1, 1)
        after = date(2027 + (at + 1) // 4, (at + 1) % 4 * 3 + 1, 1)
        last = date.fromordinal(after.toordinal() - 1)
        found.append(Period(first, last, HOURS, Fraction(98, 100) ** at))
    return tuple(found)


def _nodes(random: Random) -> tuple[Node, ...]:
    """Demand grows by 12% a quarter in the middle; a scenario is faster or slower than that."""
    nodes: list[Node] = []
    ends: list[tuple[int | None, Fraction, float, float]] = [(None, Fraction(1), 1.0, 1.12)]
    for period in range(QUARTERS):
        split = SPLITS.get(period, 1)
        following: list[tuple[int | None, Fraction, float, float]] = []
        for parent, probability, level, growth in ends:
            for branch in range(split):
                pace = growth + (0.0 if split == 1 else 0.05 * (branch - (split - 1) / 2))
                size = level * pace * random.uniform(0.98, 1.02)
                demand = tuple(
                    (int(most * size * 1.4), int(most * size * 0.8)) for most in (8e9, 3.2e9, 3.6e9)
                )
                nodes.append(Node(period, parent, probability / split, demand))
                following.append((len(nodes) - 1, probability / split, size, pace))
        ends = following
    return tuple(nodes)


def _lines(random: Random, tokens: float, price: float) -> tuple[Line, ...]:
    """Code, with its long contexts, is slower; how much, differs from chip to chip."""
    code = random.uniform(0.55, 0.8) if tokens > 1 else 1.0
    paid = tuple(usd(price * 0.97**at) for at in range(QUARTERS))
    return (
        Line("chat", "open", round(tokens), paid),
        Line("code", "open", max(1, round(tokens * code)), paid),
        Line("jobs", "open", max(1, round(tokens * (1.3 if tokens > 1 else 1))), paid),
    )


def _api(random: Random, name: str, vendor: str) -> Offer:
    quota = Fraction(round(random.uniform(4e9, 1e10)))
    grows = tuple(Fraction(round(1000 * 1.08**at), 1000) for at in range(QUARTERS))
    return Offer(
        name,
        "api",
        {"vendor": vendor, "region": "api"},
        _lines(random, 1, random.uniform(1.4, 2.4)),
        {ALREADY: Stream(grows, (NONE,) * QUARTERS)},
        signed=quota,
        most=quota,
        whole=False,
        emergency=quota / 5,
        emergency_days=30,
    )


def _lease(random: Random, name: str, vendor: str, chip: str, region: str) -> Offer:
    """90 days' notice after a year; a quarter's ramp at a reduced fee; a fee for leaving."""
    fee = random.uniform(2.0, 3.2) * CHIPS * HOURS
    lock, delay = random.choice((2, 4)), random.choice((0, 1))

    def stream(since: int, left: int | None) -> Stream:
        capacity, cash = [Fraction(0)] * QUARTERS, [NONE] * QUARTERS
        end = QUARTERS if left is None else left + 1
        for at in range(since + delay, min(end, QUARTERS)):
            first = at == since + delay
            capacity[at] = Fraction(1, 2) if first else Fraction(1)
            cash[at] = usd(fee * (0.55 if first else 1.0) * 1.005 ** (at - since))
        if left is not None:
            cash[left] = PicoDollars(cash[left] + usd(fee * 0.3))
        return Stream(tuple(capacity), tuple(cash))

    return Offer(
        name,
        "contract",
        {"vendor": vendor, "chip": chip, "region": region, "power": region},
        _lines(random, random.uniform(1.2e9, 2.4e9), 0.0),
        {at: stream(at, None) for at in range(QUARTERS)},
        {
            (at, left): stream(at, left)
            for at in range(QUARTERS)
            for left in range(at + delay + lock, QUARTERS - 1)
        },
        most=Fraction(30),
    )


def _block(random: Random, name: str, vendor: str, region: str) -> Offer:
    fee = random.uniform(2.2, 2.8) * CHIPS * HOURS
    runs: dict[int, Stream] = {}
    for since in range(QUARTERS):
        there = [since <= at < since + 4 for at in range(QUARTERS)]
        cash = tuple(usd(fee) if it else NONE for it in there)
        runs[since] = Stream(tuple(Fraction(int(it)) for it in there), cash)
    attributes = {"vendor": vendor, "chip": "h200", "region": region, "power": region}
    lines = _lines(random, random.uniform(1.2e9, 1.8e9), 0.0)
    return Offer(name, "block", attributes, lines, runs, most=Fraction(20))


def _throughput(random: Random, name: str, vendor: str) -> Offer:
    """A commitment of a year's use, whose rest is paid at the end of each."""
    runs: dict[int, Stream] = {}
    amount = usd(random.uniform(8e6, 12e6))
    for since in range(0, QUARTERS, 4):
        there = tuple(Fraction(int(at >= since)) for at in range(QUARTERS))
        windows = tuple(Minimum(at, at + 3, amount) for at in range(since, QUARTERS, 4))
        runs[since] = Stream(there, (NONE,) * QUARTERS, windows)
    lines = _lines(random, 4e6, random.uniform(1.0, 1.3))
    attributes = {"vendor": vendor, "region": "api"}
    return Offer(name, "contract", attributes, lines, runs, most=Fraction(400), least=Fraction(20))


def _build(random: Random, name: str, lead: int, site: str) -> Offer:
    """A third is paid at the order, the rest on delivery; what is left of it is worth its life."""
    capex, opex = random.uniform(3.4e7, 4.2e7), random.uniform(0.35, 0.5) * CHIPS * HOURS
    runs: dict[int, Stream] = {}
    for since in range(QUARTERS - lead):
        cash, capacity = [0.0] * QUARTERS, [Fraction(0)] * QUARTERS
        cash[since] += capex / 3
        cash[since + lead] += capex * 2 / 3
        for at in range(since + lead, QUARTERS):
            capacity[at] = Fraction(1)
            cash[at] += opex
        cash[-1] -= capex * 0.9 * max(0.0, 1 - (QUARTERS - since - lead) / 18)
        runs[since] = Stream(tuple(capacity), tuple(map(usd, cash)))
    return Offer(
        name,
        "build",
        {"vendor": "own", "chip": "b200", "region": site, "power": site, "site": site},
        _lines(random, random.uniform(1.8e9, 2.6e9), 0.02),
        runs,
        most=Fraction(20),
        uses={site: Fraction(14, 10)},
    )


def _contingencies(offers: tuple[Offer, ...]) -> tuple[Contingency, ...]:
    asked = (
        ("vendor", "a", 90),
        ("vendor", "d", 90),
        ("vendor", "e", 90),
        ("vendor", "f", 90),
        ("region", "east", 0),
        ("region", "api", 0),
        ("chip", "h200", 30),
        ("site", "home", 0),
    )
    return tuple(
        Contingency(
            f"{attribute} {value}",
            attribute,
            frozenset(one.name for one in offers if one.attributes.get(attribute) == value),
            frozenset(),
            days,
            Fraction(8, 10),
            usd(2),
        )
        for attribute, value, days in asked
    )
