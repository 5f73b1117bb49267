"""What a sandbox costs: its start, its end, and how fast work goes inside.

`python -m bench.sandbox [--tier ns|vm] [--rounds 50] [--template NAME]`, on an idle machine.
Start is from the wish for a sandbox to the first byte that its command prints (`echo`, whose own
time outside is told beside it); end is from its last byte until nothing is left of the sandbox.
Speed is the time that the same program takes inside, over its time outside, as the program itself
measures it, in pairs: the median of the rounds. Work is a loop of Python's, hashing, and writing
and removing small files.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tollway.errors import TollwayError
from tollway.sandbox.inside import PATH
from tollway.sandbox.order import Ended, Order, Streams, Tier

WORKS = {
    "loop": "sum(i * i for i in range(SIZE * 1000))",
    "hash": "h = hashlib.sha256()\nfor _ in range(SIZE): h.update(bytes(100_000))",
    "files": (
        "for i in range(SIZE): open(f'f{i}', 'w').write('x' * 4000)\n"
        "for i in range(SIZE): os.unlink(f'f{i}')"
    ),
}
SIZES = {"loop": 6000, "hash": 3000, "files": 10_000}
SLOWER = 20
"""A virtual machine without KVM gets so much less to do."""
PROGRAM = """import hashlib, os, time
began = time.perf_counter()
{work}
print(time.perf_counter() - began)
"""


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe, closed at the end."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        for one in (reading, writing):
            os.close(one)


async def run(tier: Tier, argv: Sequence[str]) -> tuple[Ended, bytes, float, float]:
    """Run a command; what it printed, seconds to the first byte, and from the last one to the
    end of all."""
    loop = asyncio.get_running_loop()
    said = bytearray()
    seen: list[float] = []
    with pipe() as (reading, writing), pipe() as (nothing, _):

        def hear() -> None:
            said.extend(os.read(reading, 65536))
            seen.append(time.perf_counter())

        loop.add_reader(reading, hear)
        began = time.perf_counter()
        order = Order(tuple(argv), {"PATH": PATH}, "bench")
        box = await tier.box(order, Streams(nothing, writing, 2))
        try:
            ended = await box.run()
        finally:
            await box.close()
        over = time.perf_counter()
        loop.remove_reader(reading)
    return ended, bytes(said), (seen[0] if seen else over) - began, over - (seen or [over])[-1]


def outside(program: str) -> float:
    """The seconds that a program measures, outside."""
    command = ["/usr/bin/python3", "-c", program]  # on a tmpfs, as inside
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/dev/shm")
    return float(done.stdout)


def echo_outside() -> float:
    """Seconds of echo to its first byte, outside."""
    began = time.perf_counter()
    with subprocess.Popen(["/bin/echo", "x"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        return time.perf_counter() - began


def shown(name: str, seconds: list[float]) -> None:
    """A line with the median, the 95th percentile and the most."""
    ranked = sorted(seconds)
    p95 = ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]
    median = statistics.median(ranked)
    print(
        f"{name:26} p50 {1e3 * median:8.1f}  p95 {1e3 * p95:8.1f}  most {1e3 * ranked[-1]:8.1f} ms"
    )


async def measure(tier: Tier, rounds: int) -> None:
    starts: list[float] = []
    ends: list[float] = []
    for _ in range(rounds + 1):
        ended, said, start, end = await run(tier, ["/bin/echo", "x"])
        if ended.code or said != b"x\n":
            raise SystemExit(f"echo did not run: {ended}")
        starts.append(start)
        ends.append(end)
    shown("start", starts[1:])
    shown("end", ends[1:])
    shown("echo outside", [echo_outside() for _ in range(rounds)])
    for name, work in WORKS.items():
        size = SIZES[name] // (SLOWER if tier.name == "vm" else 1)
        program = PROGRAM.format(work=work.replace("SIZE", str(size)))
        ratios: list[float] = []
        for _ in range(7):
            there = outside(program)
            ended, said, _, _ = await run(tier, ["/usr/bin/python3", "-c", program])
            if ended.code:
                raise SystemExit(f"{name} did not run: {ended} {said!r}")
            ratios.append(float(said) / there)
        median = statistics.median(ratios)
        low, high = min(ratios), max(ratios)
        speed = f"speed {1 / median:6.1%} of outside ({1 / high:.1%} to {1 / low:.1%})"
        print(f"{name:26} {median:.3f} times as long; {speed}")


def tier_of(name: str, template: str) -> Tier:
    """A tier of this machine."""
    if name == "ns":
        from tollway.sandbox.ns.tier import tier

        return tier()
    from tollway.sandbox.vm.template import folder_of_templates
    from tollway.sandbox.vm.tier import tier as vm_tier

    return vm_tier(folder_of_templates(), name=template)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=("ns", "vm"), default="ns")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--template", default="default")
    asked = parser.parse_args()
    try:
        chosen = tier_of(asked.tier, asked.template)
    except TollwayError as error:
        print(f"The tier {asked.tier} is left out: {error}", file=sys.stderr)
        return
    print(f"tier {chosen.name}: {chosen.isolates()[0]}")
    asyncio.run(measure(chosen, asked.rounds))


if __name__ == "__main__":
    sys.exit(main())
