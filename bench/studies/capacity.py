"""Capacity or bandwidth: at which price and bandwidth would Crescent Island win, and where never.

`python -m bench.studies.capacity [--check]` writes the results into docs/studies/capacity.md and
its plot; `--check` only says whether they are as they would be written.

Rules
1. Its FLOPS and price are unpublished. FLOPS are assumed over a range; the price is the answer: the
   dollars a chip-hour at which a unit of work costs what it costs on the cheapest rival.
2. A session is a context that stays in the cache; `active` is the share of its time in which it
   generates. What a chip is worth is how many sessions it holds within the promise: by room for
   their cache or by the streams that it keeps up, whichever is fewer.
3. Every chip takes the number of chips a replica that is best for it.
4. Intervals of streams are the engine model's 80% ones; two chips' are joined as squares of
   logarithms. Room for the cache is arithmetic and has none.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import exp, hypot, inf, log
from types import MappingProxyType

from bench.studies.page import ROOT, put, table, with_results
from tollway.catalog import Chip, chip, model
from tollway.cli.plot import Plot, Point, Series
from tollway.cli.plot_svg import as_svg
from tollway.engine.predict import predict
from tollway.engine.question import EngineSettings, Layout, Question, Workload
from tollway.engine.sustain import sustained
from tollway.errors import TollwayError

MODEL, DENSE, PRECISION = "minimax-m2", "llama-3.3-70b", "fp8"
RIVALS = ("h200", "b300", "mi355x")
SUBJECTS = ("crescent-island-160", "crescent-island-480")
BANDWIDTHS = (684, 940, 1500, 2500, 4800)
"""GB/s. To 1,500 is what has been said of it; 4,800 is an H200's."""
SAID = 1500
TFLOPS = (100, 200, 400)
"""Dense bf16, assumed; fp8 twice as much. An H200 has 989."""
REPLICAS = (1, 2, 4, 8)
MEMORY_USD = 12.0
"""USD a GB: DDR5 at about $1.50 a gigabit late in 2025 (Counterpoint Research, as quoted by
https://storedbits.com/?p=8327); for LPDDR5X no figure was found, and it was said to rise faster."""
LIFE_YEARS = 5
ELECTRICITY = 0.350 * 1.3 * 0.08
"""USD an hour: its 350 W, PUE 1.3, $0.08 a kWh (assumed)."""


@dataclass(frozen=True, slots=True)
class Work:
    """A workload: tokens in and out, what of the prompt is in the cache, the mean speed and TTFT
    that are promised, and the share of time in which a session generates."""

    name: str
    tokens: tuple[int, int]
    cached: float
    tpot: float
    ttft: float
    active: float = 1.0
    model: str = MODEL


WORKS = (
    Work("agents, 64k cached, 1% active", (65_536, 500), 0.95, 0.05, 5.0, 0.01),
    Work("agents, 64k cached, 5% active", (65_536, 500), 0.95, 0.05, 5.0, 0.05),
    Work("agents, 64k cached, 25% active", (65_536, 500), 0.95, 0.05, 5.0, 0.25),
    Work("batch over 64k cached, 5 tokens/s", (65_536, 500), 0.95, 0.2, 30.0),
    Work("chat over 64k cached, 20 tokens/s", (65_536, 500), 0.95, 0.05, 5.0),
    Work("chat over 64k cached, 80 tokens/s", (65_536, 500), 0.95, 0.0125, 5.0),
    Work("64k read cold, 20 tokens/s", (65_536, 500), 0.0, 0.05, 30.0),
    Work("short chat, 20 tokens/s", (1_000, 500), 0.0, 0.05, 2.0),
    Work("70B: chat over 64k cached, 20 tokens/s", (65_536, 500), 0.95, 0.05, 5.0, 1.0, DENSE),
    Work("70B: chat over 64k cached, 80 tokens/s", (65_536, 500), 0.95, 0.0125, 5.0, 1.0, DENSE),
)

DRAWN = ("64k, 1% active", "64k, 5% active", "64k, always active", "1k, always active")


@dataclass(frozen=True, slots=True)
class Held:
    """Sessions a chip within the promise, with an 80% interval, on replicas of `tp` chips; `room`:
    the cache is what binds."""

    sessions: float
    low: float
    high: float
    tp: int
    room: bool
    origin: str


@dataclass(frozen=True, slots=True)
class Price:
    """USD a chip-hour below which the subject wins over `rival`, with an 80% interval."""

    usd: float
    low: float
    high: float
    rival: str
    room: bool


def assumed(name: str, gb_s: float, tflops: float) -> Chip:
    """Crescent Island with a bandwidth and an arithmetic rate."""
    one = chip(name).at(0.5)
    tiers = tuple(replace(tier, bandwidth=gb_s * 1e9) for tier in one.memory)
    flops = MappingProxyType({"bf16": tflops * 1e12, "fp8": 2 * tflops * 1e12})
    return replace(one, memory=tiers, flops=flops)


def held(on: Chip, work: Work) -> Held | None:
    """What a chip holds at its best (rule 3); None: not one session within the promise."""
    tried = [_held(on, work, tp) for tp in REPLICAS]
    there = [one for one in tried if one is not None]
    return max(there, key=lambda it: it.sessions) if there else None


def _held(on: Chip, work: Work, tp: int) -> Held | None:
    question = Question(
        model=model(work.model),
        chip=on,
        layout=Layout(tp=tp),
        settings=EngineSettings(
            precision=PRECISION,
            kv_precision="fp8",
            prefix_share=work.cached,
            batch_tokens=8192,
            sequences=512,
        ),
        workload=Workload(*work.tokens),
    )
    try:
        most = sustained(question, work.tpot, work.ttft)
    except TollwayError:
        return None
    if not most.concurrency:
        return None
    loaded = replace(question.workload, concurrency=most.concurrency)
    said = predict(replace(question, workload=loaded))
    cap = said.kv_tokens / sum(work.tokens) / tp if work.cached else inf
    streams, tokens = most.concurrency / work.active / tp, said.chip_tokens
    low, high = (min(cap, streams * end / tokens.value) for end in (tokens.low, tokens.high))
    return Held(min(cap, streams), low, high, tp, room=cap <= streams, origin=said.origin)


def break_even(subject: Held | None, rivals: Sequence[tuple[str, Held | None]]) -> Price | None:
    """Rule 1. None: the subject cannot keep the promise."""
    if subject is None:
        return None
    there = [(name, one) for name, one in rivals if one is not None]
    name, best = min(there, key=lambda it: chip(it[0]).rents["neocloud"] / it[1].sessions)
    usd = chip(name).rents["neocloud"] * subject.sessions / best.sessions
    down = hypot(log(subject.sessions / subject.low), log(best.high / best.sessions))
    up = hypot(log(subject.high / subject.sessions), log(best.sessions / best.low))
    return Price(usd, usd * exp(-down), usd * exp(up), name, subject.room)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that is asked: by workload the rivals, and by subject and point its price."""

    rivals: dict[Work, tuple[tuple[str, Held | None], ...]]
    prices: dict[tuple[Work, str, int, int], Price | None]


def results() -> Results:
    """About half a minute."""
    rivals = {work: tuple((name, held(chip(name), work)) for name in RIVALS) for work in WORKS}
    prices = {
        (work, name, gb_s, tflops): break_even(
            held(assumed(name, gb_s, tflops), work), rivals[work]
        )
        for work, name, gb_s, tflops in product(WORKS, SUBJECTS, BANDWIDTHS, TFLOPS)
    }
    return Results(rivals, prices)


def rivals_table(found: Results) -> str:
    """Sessions a chip and their price, of each rival."""
    rows = [[work.name, *(_rival(name, one) for name, one in found.rivals[work])] for work in WORKS]
    heads = [f"{name} at ${chip(name).rents['neocloud']:.2f}" for name in RIVALS]
    return table(["sessions a chip; USD a session-hour", *heads], rows)


def _rival(name: str, one: Held | None) -> str:
    if one is None:
        return "none"
    usd = chip(name).rents["neocloud"] / one.sessions
    binds = f"{one.low:.1f} to {one.high:.1f}{', room' if one.room else ''}"
    return f"{one.sessions:.1f} ({binds}); ${usd:.3f}"


def prices_table(found: Results, name: str) -> str:
    """The break-even price at the bandwidths that were said, over all FLOPS."""
    rows = [
        [work.name, *(_price(found, work, name, gb_s) for gb_s in BANDWIDTHS)] for work in WORKS
    ]
    return table([name, *(f"{gb_s:,} GB/s" for gb_s in BANDWIDTHS)], rows)


def _price(found: Results, work: Work, name: str, gb_s: int) -> str:
    low, middle, high = (found.prices[work, name, gb_s, tflops] for tflops in TFLOPS)
    if high is None:
        return "never"
    least = 0.0 if low is None else low.low
    usd = "-" if middle is None else f"${middle.usd:.2f}"
    mark = ", room" if middle is not None and middle.room else ""
    return f"{usd} ({least:.2f} to {high.high:.2f}{mark})"


def floor(name: str) -> float:
    """USD an hour that nobody can sell it below for long: its memory and its electricity."""
    gigabytes = chip(name).memory[0].size / 1e9
    return gigabytes * MEMORY_USD / (LIFE_YEARS * 8766) + ELECTRICITY


def lost(found: Results, name: str, gb_s: int, *, at_best: bool) -> list[str]:
    """Workloads on which the break-even price is below the floor: the upper end of its interval at
    the most FLOPS (`at_best`), or its middle."""

    def loses(work: Work) -> bool:
        one = found.prices[work, name, gb_s, TFLOPS[-1] if at_best else TFLOPS[1]]
        return one is None or (one.high if at_best else one.usd) < floor(name)

    return [work.name for work in WORKS if loses(work)]


def verdicts(found: Results) -> str:
    """On which workloads never, by configuration and bandwidth."""
    rows: list[list[str]] = []
    for name, gb_s in product(SUBJECTS, (one for one in BANDWIDTHS if one <= SAID)):
        never = lost(found, name, gb_s, at_best=True)
        rest = [it for it in lost(found, name, gb_s, at_best=False) if it not in never]
        cells = [f"{name}, {gb_s:,} GB/s", f"${floor(name):.2f}", _listed(never), _listed(rest)]
        rows.append(cells)
    head = ["configuration", "memory and electricity, USD/h", "never", "only if we err against it"]
    return table(head, rows)


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names) or "none"


def drawn(found: Results) -> str:
    """Bandwidth against the price below which the larger one wins."""
    name = SUBJECTS[-1]
    series = [
        Series(label, _points(found, work, name))
        for label, work in zip(DRAWN, (WORKS[0], WORKS[1], WORKS[4], WORKS[7]), strict=True)
    ]
    return as_svg(
        Plot(
            title=f"{name}: below its line it is cheaper than H200, B300 and MI355X",
            note=f"{MODEL} in {PRECISION}; bands: 80% intervals with FLOPS at "
            f"{TFLOPS[0]} to {TFLOPS[-1]} TFLOP/s; to {SAID:,} GB/s is what was said of it",
            x="GB/s of its memory",
            y="USD a chip-hour",
            series=tuple(series),
        )
    )


def _points(found: Results, work: Work, name: str) -> tuple[Point, ...]:
    points: list[Point] = []
    for gb_s in BANDWIDTHS:
        low, middle, high = (found.prices[work, name, gb_s, tflops] for tflops in TFLOPS)
        if middle is None or high is None:
            continue
        least = middle.low if low is None else low.low
        points.append(Point(gb_s, middle.usd, (gb_s, least), (gb_s, high.high)))
    return tuple(points)


def main() -> int:
    """Write the page, or check it."""
    asked = argparse.ArgumentParser(prog="python -m bench.studies.capacity")
    asked.add_argument("--check", action="store_true", help="only say whether the page is current")
    check = asked.parse_args().check
    found = results()
    blocks = [
        rivals_table(found),
        "\n\n".join([*(prices_table(found, name) for name in SUBJECTS), verdicts(found)]),
    ]
    page, picture = ROOT / "docs/studies/capacity.md", ROOT / "docs/images/capacity.svg"
    current = [
        put(page, with_results(page.read_text(), blocks), check=check),
        put(picture, drawn(found), check=check),
    ]
    print("\n\n".join(blocks))
    if not all(current):
        print("stale: run `python -m bench.studies.capacity`", file=sys.stderr)
    return 0 if all(current) else 1


if __name__ == "__main__":
    sys.exit(main())
