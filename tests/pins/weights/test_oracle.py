"""The corpus is honest: its files really act when a real loader takes them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from weights.corpus import malicious
from weights.corpus.opcodes import MARKER

CASES = [it for it in malicious.cases() if it.loader]
# Loads each file in a process of its own, so that one that kills or hangs does so alone.
LOADER = """
import os, signal, sys, time, warnings
import numpy, pandas, pickle
warnings.simplefilter("ignore")
for line in sys.stdin.read().splitlines():
    loader, folder, name, mark = line.split()
    os.chdir(folder)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            if loader == "pickle":
                pickle.load(open(name, "rb"))
            elif loader == "numpy":
                numpy.load(name, allow_pickle=True)
            else:
                pandas.read_pickle(name)
        except BaseException:
            pass
        # What runs beside us (a thread, a program) has a moment to begin.
        for _ in range(200):
            if os.path.exists(mark):
                break
            time.sleep(0.01)
        os._exit(0)
    os.waitpid(child, 0)
"""


def armed(data: bytes, marker: str) -> bytes:
    """The same bytes with a path of the same length where the marker stands."""
    assert len(marker) == len(MARKER)
    return data.replace(MARKER.encode(), marker.encode())


@pytest.mark.skipif(sys.platform != "linux", reason="posix.system, touch and fork")
def test_every_file_that_has_a_loader_here_runs_its_payload(tmp_path: Path) -> None:
    lines: list[str] = []
    marks: dict[str, str] = {}
    for number, case in enumerate(CASES):
        packed = case.id.startswith("packed-")  # its marker is touched as it stands
        mark = MARKER if packed else f"m{number}".ljust(len(MARKER), "_")
        data = case.data if packed else armed(case.data, mark)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / case.name).write_bytes(data)
        marks[case.id] = str(folder / mark)
        lines.append(f"{case.loader} {folder} {case.name} {mark}")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADER],
        input="\n".join(lines).encode(),
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=100,
        check=True,
    )
    silent = [name for name, mark in marks.items() if not Path(mark).exists()]
    assert silent == [], " ".join(silent)
