"""Seeded markets: what a team could sign, build and call, in the shapes that are on offer.

Rules
1. A unit is 64 chips; what it makes an hour, its price and its power are drawn around today's. A
   list price is 1 to 2.5 times what a fully used lease at $2.40 a chip-hour comes to.
2. Nothing is drawn from a method's results: a seed is taken as it comes.
"""

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np

from bench.plans.process import Process
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Contingency,
    Limit,
    Line,
    Offer,
    Period,
    Resource,
    Risk,
    Stream,
    Workload,
)
from tollway.units import PICO_PER_DOLLAR, PicoDollars

QUARTERS = 8
CHIPS = 64
HOURS = 24 * 365 // 4
BLOCKS = (Block("peak", Fraction(1, 3)), Block("rest", Fraction(2, 3)))
WORKS = ("chat", "jobs")
MODEL = "open-model"


@dataclass(frozen=True, slots=True)
class Market:
    """A seeded problem without its tree: a problem's parts, and its demand."""

    seed: int
    process: Process
    periods: tuple[Period, ...]
    workloads: tuple[Workload, ...]
    offers: tuple[Offer, ...]
    contingencies: tuple[Contingency, ...]
    limits: tuple[Limit, ...]
    resources: tuple[Resource, ...]
    risk: Risk


def market(seed: int) -> Market:
    """The market of a seed."""
    rng = np.random.default_rng([7, seed])
    process = _process(rng)
    speed = float(rng.uniform(350e6, 650e6))
    total = sum(process.start)
    api = float(rng.uniform(1.0, 2.5)) * 2.4 * CHIPS / speed * 1e6
    offers = [
        _api(rng, "api-a", "vendor-a", total * rng.uniform(1.5, 3.0), api),
        _api(rng, "api-b", "vendor-b", total * rng.uniform(0.8, 2.0), api * rng.uniform(1.0, 1.3)),
        *_leases(rng, speed, total),
        *_blocks(rng, speed, total),
    ]
    resources: tuple[Resource, ...] = ()
    if rng.random() < 0.6:
        offers.append(_build(rng, speed, total))
        resources = (Resource("site-mw", (Fraction(6),) * QUARTERS),)
    short = _usd(rng.uniform(0.02, 0.10))
    limits = (Limit("vendor", Fraction(int(rng.integers(60, 90)), 100)),)
    return Market(
        seed=seed,
        process=process,
        periods=_periods(),
        workloads=_workloads(rng),
        offers=tuple(offers),
        contingencies=_contingencies(rng, offers, short),
        limits=limits if rng.random() < 0.3 else (),
        resources=resources,
        risk=Risk(Fraction(3, 10), Fraction(9, 10)),
    )


def _process(rng: np.random.Generator) -> Process:
    chat = float(rng.uniform(1.5e9, 6e9))
    jobs = chat * float(rng.uniform(0.2, 0.8))
    high = float(rng.uniform(1.3, 1.8))
    swing = float(rng.uniform(0.0, 0.15))
    middle, spread = float(rng.uniform(0.02, 0.14)), float(rng.uniform(0.06, 0.16))
    return Process(
        start=(chat, jobs),
        factors=((high, (3 - high) / 2), (1.0, 1.0)),
        season=((1 - swing, 1.0, 1.0, 1 + swing), (1.0, 1.0, 1.0, 1.0)),
        drift=(middle - spread, middle, middle + spread),
        switch=float(rng.uniform(0.05, 0.25)),
        common=float(rng.uniform(0.03, 0.10)),
        own=float(rng.uniform(0.02, 0.08)),
        periods=QUARTERS,
    )


def _periods() -> tuple[Period, ...]:
    starts = [date(2027 + at // 4, at % 4 * 3 + 1, 1) for at in range(QUARTERS + 1)]
    rate = Fraction(98, 100)
    return tuple(
        Period(first, date.fromordinal(after.toordinal() - 1), HOURS, rate**at)
        for at, (first, after) in enumerate(pairwise(starts))
    )


def _workloads(rng: np.random.Generator) -> tuple[Workload, ...]:
    chat, jobs = _usd(rng.uniform(6, 20)), _usd(rng.uniform(2, 5))
    return (
        Workload(WORKS[0], interactive=True, models=(MODEL,), unserved=chat),
        Workload(WORKS[1], interactive=False, models=(MODEL,), unserved=jobs),
    )


def _api(rng: np.random.Generator, name: str, vendor: str, quota: float, price: float) -> Offer:
    """A provider's list price, which falls, and a quota that grows."""
    falls, grows = float(rng.uniform(0.0, 0.06)), float(rng.uniform(0.0, 0.15))
    prices = tuple(_usd(price * (1 - falls) ** at) for at in range(QUARTERS))
    parts = tuple(Fraction(round(1000 * (1 + grows) ** at), 1000) for at in range(QUARTERS))
    nothing = (PicoDollars(0),) * QUARTERS
    return Offer(
        name=name,
        kind="api",
        attributes={"vendor": vendor},
        lines=_lines(quota, prices),
        runs={ALREADY: Stream(parts, nothing)},
        signed=Fraction(1),
        emergency=Fraction(int(rng.integers(0, 4)), 10),
        emergency_days=int(rng.choice([14, 30, 60])),
    )


def _leases(rng: np.random.Generator, speed: float, total: float) -> list[Offer]:
    """Clusters of two lessors: one that we may leave with a quarter's notice, dearer, and one that
    binds us for long, and at times one with a minimum size of a third of demand."""
    lease = float(rng.uniform(1.9, 3.0))
    made = [
        _lease(rng, "lease-free", "vendor-c", speed, (lease * rng.uniform(1.08, 1.25), 1)),
        _lease(rng, "lease-long", "vendor-d", speed, (lease * rng.uniform(0.88, 0.97), 4)),
    ]
    if rng.random() < 0.5:
        big = _lease(rng, "lease-big", "vendor-e", speed, (lease * rng.uniform(0.72, 0.85), 6))
        least = max(2, round(total / speed / 3))
        made.append(replace(big, least=Fraction(least)))
    return made


def _lease(
    rng: np.random.Generator, name: str, vendor: str, speed: float, terms: tuple[float, int]
) -> Offer:
    """`terms`: USD a chip-hour, and quarters in which no notice may be given."""
    price, lock = terms
    fee, delay = price * CHIPS * HOURS, int(rng.integers(0, 2))
    ramp = (Fraction(1, 2), Fraction(3, 5)) if rng.random() < 0.5 else (Fraction(1), Fraction(1))
    owed = float(rng.choice([0.0, 0.5, 1.0])) * (lock > 1)

    def stream(signed: int, left: int | None) -> Stream:
        first = signed + delay
        until = QUARTERS if left is None else left + 1
        capacity, cash = [Fraction(0)] * QUARTERS, [PicoDollars(0)] * QUARTERS
        for at in range(first, min(until, QUARTERS)):
            capacity[at] = ramp[0] if at == first else Fraction(1)
            cash[at] = _usd(fee * float(ramp[1] if at == first else 1))
        if left is not None:
            cash[left] = PicoDollars(cash[left] + _usd(fee * owed))
        return Stream(tuple(capacity), tuple(cash))

    runs = {at: stream(at, None) for at in range(QUARTERS)}
    exits = {
        (at, left): stream(at, left)
        for at in range(QUARTERS)
        for left in range(at + delay + lock, QUARTERS - 1)
    }
    chip = str(rng.choice(["h200", "b200", "mi355x"]))
    attributes = {"vendor": vendor, "chip": chip, "region": str(rng.choice(["north", "south"]))}
    attributes["software"] = "rocm" if chip.startswith("mi") else "cuda"
    lines = _lines(speed, (PicoDollars(0),) * QUARTERS)
    most = Fraction(40)
    return Offer(name, "contract", attributes, lines, runs, exits, most=most)


def _blocks(rng: np.random.Generator, speed: float, total: float) -> list[Offer]:
    """Reserved capacity for a year, paid whether used or not."""
    fee = float(rng.uniform(1.9, 2.6)) * CHIPS * HOURS
    runs: dict[int, Stream] = {}
    for signed in range(QUARTERS):
        there = [signed <= at < signed + 4 for at in range(QUARTERS)]
        cash = tuple(_usd(fee) if it else PicoDollars(0) for it in there)
        runs[signed] = Stream(tuple(Fraction(int(it)) for it in there), cash)
    attributes = {"vendor": "vendor-a", "chip": "h200", "region": "east", "software": "cuda"}
    lines = _lines(speed, (PicoDollars(0),) * QUARTERS)
    most = Fraction(max(4, round(3 * total / speed)))
    return [Offer("block-year", "block", attributes, lines, runs, most=most)]


def _build(rng: np.random.Generator, speed: float, total: float) -> Offer:
    """Silicon of our own: a third at the order, the rest at delivery, resold at the end."""
    lead, life = int(rng.integers(2, 5)), int(rng.integers(12, 24))
    capex = float(rng.uniform(32_000, 46_000)) * CHIPS
    opex = float(rng.uniform(0.30, 0.50)) * CHIPS * HOURS
    runs: dict[int, Stream] = {}
    for signed in range(QUARTERS - lead):
        cash, capacity = [0.0] * QUARTERS, [Fraction(0)] * QUARTERS
        cash[signed] += capex / 3
        cash[signed + lead] += capex * 2 / 3
        for at in range(signed + lead, QUARTERS):
            capacity[at] = Fraction(1)
            cash[at] += opex
        aged = QUARTERS - signed - lead
        cash[-1] -= capex * 0.9 * max(0.0, 1 - aged / life)
        runs[signed] = Stream(tuple(capacity), tuple(_usd(it) for it in cash))
    attributes = {
        "vendor": "own",
        "chip": "b200",
        "region": "home",
        "site": "site",
        "power": "grid",
    }
    attributes["software"] = "cuda"
    energy = _usd(float(rng.uniform(0.01, 0.02)))
    return Offer(
        name="build",
        kind="build",
        attributes=attributes,
        lines=_lines(speed * float(rng.uniform(1.0, 1.5)), (energy,) * QUARTERS),
        runs=runs,
        most=Fraction(40),
        uses={"site-mw": Fraction(CHIPS * 14, 10_000)},
    )


def _contingencies(
    rng: np.random.Generator, offers: list[Offer], short: PicoDollars
) -> tuple[Contingency, ...]:
    """A vendor gives notice; a region fails; a chip family is recalled; an own site fails."""
    cover = Fraction(int(rng.integers(6, 11)), 10)
    days = {"vendor": 90, "region": 0, "software": 30}
    found: list[Contingency] = []
    for attribute, notice in days.items():
        for value in sorted({one.attributes.get(attribute, "") for one in offers} - {"", "own"}):
            hit = frozenset(it.name for it in offers if it.attributes.get(attribute) == value)
            name = f"{attribute} {value}"
            found.append(Contingency(name, attribute, hit, frozenset(), notice, cover, short))
    kept = {frozenset(one.offers): one for one in found}
    return tuple(kept.values())


def _lines(tokens: float, price: tuple[PicoDollars, ...]) -> tuple[Line, ...]:
    return tuple(Line(work, MODEL, round(tokens), price) for work in WORKS)


def _usd(amount: float) -> PicoDollars:
    """An amount in whole micro-dollars."""
    return PicoDollars(round(amount * 1_000_000) * (PICO_PER_DOLLAR // 1_000_000))
