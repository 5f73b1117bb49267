"""How near a plan is proven to be to the best, in how long: problems of the issue's size.

`python -m bench.plan [--seeds N] [--seconds S] [--gap SHARE]`. For each seed: the gap of the
program whose first year is whole, that of the plan which is whole in all years, wall seconds, CPU
seconds, and the machine's load at the end.
"""

import argparse
import os
import resource
import time
from fractions import Fraction

from bench.plan_instance import instance
from tollway.planner.program.answer import Conflict
from tollway.planner.program.solve import Options, Progress, solve


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--gap", type=Fraction, default=Options().gap)
    chosen = asked.parse_args()
    print("seed  first year   all years   wall s   CPU s   load")
    for seed in range(chosen.seeds):
        row(seed, Options(gap=chosen.gap, seconds=chosen.seconds))


def row(seed: int, options: Options) -> None:
    """One line for a seed."""
    first: list[float] = []

    def on(progress: Progress) -> bool:
        if progress.phase == "first year" and progress.gap is not None:
            first.append(progress.gap)
        return True

    before = resource.getrusage(resource.RUSAGE_SELF)
    found = solve(instance(seed), options, on, time.monotonic)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if isinstance(found, Conflict):
        print(f"{seed:4}  {found.demands}")
        return
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    proven = f"{min(first):10.2%}" if first else "         -"
    load = os.getloadavg()[0]
    times = f"{found.seconds:7.1f}  {cpu:6.1f}  {load:5.1f}"
    print(f"{seed:4}  {proven}  {float(found.gap):10.2%}  {times}", flush=True)


if __name__ == "__main__":
    main()
