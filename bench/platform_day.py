"""One simulated day of a platform that serves 30 trillion tokens: one cell of it in full.

`python -m bench.platform_day FOLDER [--pool language_m-large] [--day 0] [--hours 24]`. FOLDER holds
ServeGen's tables (`../shared/data/traces/servegen`). The cell is 64 engines of Llama 70B, 16 on
each of four kinds of chips, four chips an engine, under one route (`least-outstanding`), with
queues and breakers as any fleet has them. It is asked by the pool's own clients: each a renewal
process with the rates, families and shapes that ServeGen fitted to its ten minutes, and lengths
from its histograms; rates are scaled so that the busiest ten minutes take `PEAK` of the engines'
full batches. Every request is played. The platform is so many such cells as its tokens are; that
they know nothing of each other is what is extrapolated.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np

from tollway.fleet.objects import KeyTerms
from tollway.fleet.parse import parse
from tollway.simulator import fleet_layout as layout
from tollway.simulator.arrays import requests_of
from tollway.simulator.fleet_compiled import Compiled
from tollway.simulator.play import Play
from tollway.simulator.servegen import WINDOW, Lengths, Rates, read_lengths, read_rates
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, supply
from tollway.simulator.trace import Trace, TraceRequest
from tollway.simulator.use import capacity
from tollway.units import Seconds, Tokens

PLATFORM = 30e12
"""Tokens a day."""

PEAK = 0.75
DAY = 86_400
MODEL, CHIPS, TP, EACH = "llama-3.3-70b", ("h100", "h200", "a100", "b200"), 4, 16
MOST_INPUT, MOST_OUTPUT = 14_000, 2_000
"""Longer requests are cut to these: so that every kind of chip can hold them."""

FLEET = (
    f'version = 1\n[models."{MODEL}"]\n[routes.chat]\nmodel = "{MODEL}"\n[tenants.t]\n'
    + "".join(
        f'[sources.{name}]\nkind = "server"\nurl = "http://{name}.test/v1"\nchip = "{name}"\n'
        f'tp = {TP}\nreplicas = {EACH}\n[sources.{name}.serves."{MODEL}"]\ncontext = 16000\n'
        for name in CHIPS
    )
)


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tables(folder: Path, pool: str) -> tuple[Rates, dict[int, Lengths]]:
    """A pool's rates, and the lengths of those of its clients of which they are there."""
    rates = folder / f"{pool}_client_rates.csv.gz"
    lengths = {
        int(path.name.split("_chunk")[1].split("_")[0]): read_lengths(str(path), path.read_bytes())
        for path in sorted(folder.glob(f"{pool}_chunk*_lengths.json.gz"))
    }
    return read_rates(str(rates), rates.read_bytes()), lengths


def gaps(chance: np.random.Generator, family: str, shape: float, count: int) -> np.ndarray:
    """Gaps of mean 1."""
    if family == "Gamma":
        return chance.gamma(shape, 1.0 / shape, count)
    if family == "Weibull":
        found = chance.weibull(shape, count)
        return found / found.mean()
    return chance.exponential(1.0, count)


def day_of(
    of: tuple[Rates, dict[int, Lengths]], begin: int, seconds: int, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds of arrival, prompt and output of every request, in order."""
    rates, lengths = of
    chance, known = np.random.default_rng(1), sorted(lengths)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for client, windows in sorted(rates.items()):
        own = lengths[client if client in lengths else known[client % len(known)]]
        for window in range(begin, begin + seconds, WINDOW):
            found = windows.get(window)
            if found is None or found.rate <= 0.0:
                continue
            mean = 1.0 / (found.rate * scale)
            likely = WINDOW / mean
            count = int(likely + 10.0 * likely**0.5 + 50)
            times = np.cumsum(gaps(chance, found.family, found.shape, count) * mean)
            times = window - begin + times[times < WINDOW]
            place = max(0, int(np.searchsorted(own.since, window, side="right")) - 1)
            both = (
                np.asarray(one.values)[
                    np.minimum(
                        np.searchsorted(one.sums, chance.random(len(times)) * one.sums[-1]),
                        len(one.values) - 1,
                    )
                ]
                for one in (own.input[place], own.output[place])
            )
            parts.append((times, *both))
    at, prompts, outputs = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(at, kind="stable")
    return (
        at[order],
        np.clip(prompts[order], 1, MOST_INPUT),
        np.clip(outputs[order], 1, MOST_OUTPUT),
    )


def scale_of(of: tuple[Rates, dict[int, Lengths]], begin: int, seconds: int) -> float:
    """What rates are multiplied with, for the busiest ten minutes to take `PEAK` of the cell."""
    _, prompts, outputs = day_of(of, begin, seconds, 0.01)
    pools = [one for one in supply(parse({"f": FLEET}, "f"), 16) if isinstance(one, EnginePool)]
    mean = float(prompts.mean()), float(outputs.mean())
    able = sum(one.replicas * capacity(one, *mean) for one in pools)
    busiest = max(
        sum(one[window].rate for one in of[0].values() if window in one)
        for window in range(begin, begin + seconds, WINDOW)
    )
    return PEAK * able / busiest


def played(at: np.ndarray, prompts: np.ndarray, outputs: np.ndarray) -> tuple[Compiled, float]:
    """The whole day through the cell, and the CPU-seconds of it. Requests go from array to array:
    so many are more than Python's objects would fit into memory for."""
    fleet = parse({"f": FLEET}, "f")
    longest = TraceRequest(Seconds(0.0), Tokens(1), Tokens(int(outputs.max())))
    trace, play = Trace("day", (longest,), 16), Play("chat", "k", (KeyTerms("k", "t"),), 1.7e9)
    Compiled(fleet, supply(fleet, 16), trace, play).run()  # loads the machine code
    run = Compiled(fleet, supply(fleet, 16), trace, play)
    rows = requests_of(np.rint(at * SECOND).astype(np.int64), prompts, outputs).rows
    results = np.zeros(len(rows), layout.RESULT)
    results["arrived"] = results["end"] = -1
    run.world = run.world._replace(
        requests=rows, results=results, leading=np.arange(len(rows), dtype=np.int64)
    )
    began = cpu()
    run.run(going=lambda done: not print(f"\r{done:,} of {len(rows):,}", end="", file=sys.stderr))
    return run, cpu() - began


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pool", default="language_m-large")
    parser.add_argument("--day", type=int, default=0)
    parser.add_argument("--hours", type=int, default=24)
    given = parser.parse_args()
    of = tables(given.folder, given.pool)
    begin, seconds = given.day * DAY, given.hours * 3600
    scale = scale_of(of, begin, seconds)
    began = cpu()
    at, prompts, outputs = day_of(of, begin, seconds, scale)
    made = cpu() - began
    run, spent = played(at, prompts, outputs)
    results = run.results
    answered = results["answered"] == 1
    if not ((results["end"] >= 0).all() and answered.any()):
        raise SystemExit("some request has no end")
    ttft = (results["first"] - results["arrived"])[answered] / SECOND
    tokens = int(prompts[answered].sum() + results["output"][answered].sum())
    count = len(at)
    cells = PLATFORM / (tokens / given.hours * 24)
    p50, p99 = np.percentile(ttft, (50, 99))
    busiest = np.bincount((at // WINDOW).astype(np.int64)).max() / WINDOW
    print(f"\n{count:,} requests in {given.hours} h (x{scale:.3f} of the pool), {tokens:,} tokens")
    print(
        f"mean {prompts.mean():,.0f} in / {outputs.mean():,.0f} out; "
        f"busiest ten minutes {busiest:,.0f}/s"
    )
    print(f"answered {answered.mean():.4%}; TTFT p50 {p50:.3f} s, p99 {p99:.3f} s")
    print(f"arrivals drawn in {made:,.0f} CPU-s; played in {spent:,.0f} CPU-s")
    print(f"{count / spent:,.0f} requests/CPU-s")
    hours = cells * (spent + made) / given.hours * 24 / 3600
    print(f"30 trillion tokens a day: {cells:,.0f} such cells, {hours:,.1f} core-hours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
