"""A planning problem and a plan for it, small enough to be worked by hand.

Three quarters; from the second on, demand either goes on or booms. An API in force, a lease that
begins a quarter after it is signed and is left a quarter after notice, and chips of one's own that
take two quarters to come.
"""

from datetime import date
from fractions import Fraction

from tollway.planner.program.answer import Answer, Costs, Noticed, Plan, Served, Signed
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Contingency,
    Instance,
    Line,
    Node,
    Offer,
    Period,
    Risk,
    Stream,
    Workload,
)
from tollway.units import PicoDollars

M = 1_000_000
USD = 10**12
THIRD = Fraction(1, 3)


def dollars(*amounts: int) -> tuple[PicoDollars, ...]:
    return tuple(PicoDollars(it * USD) for it in amounts)


def parts(*shares: int) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, shares))


def stream(capacity: tuple[int, ...], cash: tuple[int, ...], after: int = 0) -> Stream:
    return Stream(parts(*capacity), dollars(*cash), after=PicoDollars(after * USD))


def line(
    workload: str, tokens: int, price: int = 0, interval: tuple[int, int] | None = None
) -> Line:
    low, high = interval or (0, 0)
    origin = "measured" if interval else "declared"
    return Line(workload, "m", tokens * M, dollars(*[price] * 3), low * M, high * M, origin)


PERIODS = (
    Period(date(2027, 1, 1), date(2027, 3, 31), 2160, Fraction(1)),
    Period(date(2027, 4, 1), date(2027, 6, 30), 2184, Fraction(49, 50)),
    Period(date(2027, 7, 1), date(2027, 9, 30), 2208, Fraction(24, 25)),
)
BLOCKS = (Block("day", THIRD), Block("night", 1 - THIRD))
WORKLOADS = (
    Workload("chat", True, ("m",), PicoDollars(20 * USD)),
    Workload("jobs", False, ("m",), PicoDollars(5 * USD)),
)


def demand(day: int, night: int, jobs: int) -> tuple[tuple[int, ...], ...]:
    return ((day * M, night * M), (jobs * M, jobs * M))


NODES = (
    Node(0, None, Fraction(1), demand(900, 300, 100), name="now"),
    Node(1, 0, Fraction(3, 4), demand(1000, 400, 100), name="base"),
    Node(1, 0, Fraction(1, 4), demand(2000, 800, 200), name="boom"),
    Node(2, 1, Fraction(3, 4), demand(1000, 400, 100), name="base"),
    Node(2, 2, Fraction(1, 4), demand(2000, 800, 200), name="boom"),
)

API = Offer(
    name="api",
    kind="api",
    attributes={"vendor": "alpha", "region": "us-east"},
    lines=(line("chat", 1, 2), line("jobs", 1, 2)),
    runs={ALREADY: stream((1, 1, 1), (0, 0, 0))},
    signed=Fraction(1000),
    most=Fraction(1000),
    emergency=Fraction(200),
    emergency_days=30,
)
LEASE = Offer(
    name="lease",
    kind="contract",
    attributes={"vendor": "beta", "region": "us-west", "chip": "h100", "software": "cuda"},
    lines=(line("chat", 500, interval=(400, 600)), line("jobs", 500, interval=(400, 600))),
    runs={
        0: stream((0, 1, 1), (0, 300_000, 300_000), 300_000),
        1: stream((0, 0, 1), (0, 0, 300_000), 600_000),
    },
    exits={
        (0, 1): stream((0, 1, 0), (0, 300_000, 0)),
        (0, 2): stream((0, 1, 1), (0, 300_000, 300_000)),
        (1, 2): stream((0, 0, 1), (0, 0, 300_000)),
    },
    most=Fraction(4),
)
OWN = Offer(
    name="own",
    kind="build",
    attributes={"vendor": "us", "region": "us-south", "chip": "mi300x", "software": "rocm"},
    lines=(line("chat", 400), line("jobs", 400)),
    runs={0: stream((0, 0, 1), (1_000_000, 0, 50_000), 150_000)},
    most=Fraction(2),
)


def contingency(
    name: str, attribute: str, *, offers: tuple[str, ...] = (), models: tuple[str, ...] = (),
    days: int = 0,
) -> Contingency:  # fmt: skip
    short = PicoDollars(10 * USD)
    gone = frozenset(offers), frozenset(models)
    return Contingency(name, attribute, *gone, days, Fraction(1), short)


CONTINGENCIES = (
    contingency("alpha gives notice", "vendor", offers=("api",), days=90),
    contingency("beta gives notice", "vendor", offers=("lease",), days=90),
    contingency("us-west fails", "region", offers=("lease",)),
    contingency("m is withdrawn", "model", models=("m",)),
)
INSTANCE = Instance(
    PERIODS,
    BLOCKS,
    WORKLOADS,
    NODES,
    (API, LEASE, OWN),
    Risk(Fraction(3, 10), Fraction(9, 10)),
    CONTINGENCIES,
)


def served(node: int, block: int, *rows: tuple[str, str, int]) -> list[Served]:
    return [
        Served(node, block, offer, workload, "m", tokens * M) for offer, workload, tokens in rows
    ]


PLAN = Plan(
    signed=(Signed("lease", 0, Fraction(1)), Signed("own", 0, Fraction(1)),
            Signed("lease", 2, Fraction(1))),
    noticed=(Noticed("lease", 0, 3, Fraction(1)),),
    served=(
        *served(0, 0, ("api", "chat", 900), ("api", "jobs", 100)),
        *served(0, 1, ("api", "chat", 300), ("api", "jobs", 100)),
        *served(1, 0, ("api", "chat", 500), ("lease", "chat", 500), ("api", "jobs", 100)),
        *served(1, 1, ("lease", "chat", 400), ("lease", "jobs", 100)),
        *served(2, 0, ("api", "chat", 1000), ("lease", "chat", 500)),
        *served(2, 1, ("api", "chat", 300), ("lease", "chat", 500), ("api", "jobs", 300)),
        *served(3, 0, ("own", "chat", 400), ("lease", "chat", 500), ("api", "chat", 100)),
        *served(3, 1, ("own", "chat", 400), ("lease", "jobs", 150)),
        *served(4, 0, ("own", "chat", 400), ("lease", "chat", 1000), ("api", "chat", 600)),
        *served(4, 1, ("own", "chat", 400), ("lease", "chat", 400), ("lease", "jobs", 300)),
    ),
    unserved={(2, "chat"): 500 * M * 728},
    short={("m is withdrawn", 0): 900 * M},
)  # fmt: skip

COSTS = Costs(
    objective=Fraction(5_000_000 * USD),
    expected=Fraction(4_500_000 * USD),
    cvar=Fraction(6_000_000 * USD),
    cash={
        (0, "own"): PicoDollars(1_000_000 * USD),
        (0, "api"): PicoDollars(1_728_000 * USD),
        (1, "lease"): PicoDollars(300_000 * USD),
        (1, "api"): PicoDollars(873_600 * USD),
        (2, "lease"): PicoDollars(300_000 * USD),
        (3, "lease"): PicoDollars(300_000 * USD),
        (3, "own"): PicoDollars(50_000 * USD),
        (4, "lease"): PicoDollars(600_000 * USD),
        (4, "own"): PicoDollars(50_000 * USD),
    },
    unserved={2: PicoDollars(7_280_000 * USD)},
    short={},
    scenarios={3: Fraction(4_000_000 * USD), 4: Fraction(6_000_000 * USD)},
)
ANSWER = Answer(PLAN, COSTS, Fraction(4_950_000 * USD), "good enough", 1.5)
