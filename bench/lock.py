"""What verifying a lock costs: packages by their number, and weights against `sha256sum`.

`python -m bench.lock [--rounds 5] [--components 500] [--gigabytes 1]`, idle. Times are
those of whole processes, Python's start included; each is the median of the rounds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

FLEET = """version = 1
[pins]
{pins}
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves = {{ m = {{}} }}
[tenants.t]
"""
HASHES = 20
"""Artifacts of one package: wheels of several platforms, as real locks have them."""
FILES = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--components", type=int, default=500)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _packages(Path(name), asked.components, asked.rounds)
    with tempfile.TemporaryDirectory() as name:
        _weights(Path(name), int(asked.gigabytes * 2**30), asked.rounds)


def _packages(folder: Path, count: int, rounds: int) -> None:
    lines: list[str] = []
    for number in range(count):
        digests = (sha256(f"{number} {it}".encode()).hexdigest() for it in range(HASHES))
        hashes = " \\\n    ".join(f"--hash=sha256:{it}" for it in digests)
        lines.append(f"package-{number}==1.{number} \\\n    {hashes}\n")
    (folder / "requirements.txt").write_text("".join(lines))
    _lock(folder, 'requirements = ["requirements.txt"]')
    took = _median(["verify"], folder, rounds)
    print(f"tollway verify, {count} packages of {HASHES} artifacts: {took:.2f} s")


def _weights(folder: Path, size: int, rounds: int) -> None:
    (folder / "weights").mkdir()
    part = os.urandom(1 << 20)
    for number in range(FILES):
        with (folder / "weights" / f"model-{number}.safetensors").open("wb") as file:
            for _ in range(size // FILES >> 20):
                file.write(part)
    _lock(folder, '[pins.weights.model]\npath = "weights"')
    ours = _median(["verify"], folder, rounds)
    cores = len(os.sched_getaffinity(0))
    theirs = _times(["sh", "-c", f"ls weights/* | xargs -n 1 -P {cores} sha256sum"], folder, rounds)
    speed = size / ours / 1e6
    print(
        f"tollway verify, {size / 2**30:.1f} GiB of weights in {FILES} files on {cores} cores: "
        f"{ours:.2f} s ({speed:.0f} MB/s); sha256sum, one process a core: {theirs:.2f} s; "
        f"ratio {ours / theirs:.2f}"
    )


def _lock(folder: Path, pins: str) -> None:
    (folder / "fleet.toml").write_text(FLEET.format(pins=pins))
    subprocess.run([sys.executable, "-m", "tollway", "lock"], cwd=folder, check=True)


def _median(words: list[str], folder: Path, rounds: int) -> float:
    return _times([sys.executable, "-m", "tollway", *words], folder, rounds)


def _times(command: list[str], folder: Path, rounds: int) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
