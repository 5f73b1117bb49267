"""The compiled replica tells what the plain one tells, to the picosecond."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_replica import Phase, Script, leaping, replicas, requests, times

from tollway.simulator import machine
from tollway.simulator.arrays import requests_of
from tollway.simulator.compiled import run_replica
from tollway.simulator.sequence import ReplicaSettings

Asked = list[tuple[int, int, int, tuple[int, ...]]]


@st.composite
def loads(draw: st.DrawFn) -> tuple[ReplicaSettings, Asked]:
    one = draw(replicas().filter(lambda it: it.sequences * it.rows <= it.batch_tokens))
    spread = draw(st.sampled_from((0, 30, 400, 4000)))
    gaps = draw(st.lists(st.integers(0, spread), min_size=1, max_size=30))
    now, asked = 0, []
    for gap in gaps:
        now += gap
        asked.append((now, *draw(requests(one.blocks * 16))))
    return one, asked


def test_machine_code_that_was_kept_is_what_numba_runs_and_damaged_code_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = small_run()
    machine.kernel.cache_clear()
    kept = small_run()
    machine.kernel.cache_clear()
    damaged = damaged_copy(tmp_path)
    monkeypatch.setattr(machine, "beside", lambda name: damaged)
    by_numba = small_run()
    machine.kernel.cache_clear()
    assert damaged.stat().st_size > 1000
    assert kept == by_numba == made


@pytest.mark.timeout(600)  # the first of all compiles the replica
@settings(max_examples=1000, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(loads())
def test_compiled_and_plain_replicas_agree_to_the_picosecond(
    case: tuple[ReplicaSettings, Asked],
) -> None:
    one, asked = case
    script: Script = [(at, "arrive", (name, *rest)) for name, (at, *rest) in enumerate(asked)]
    told, _, replica = leaping(one, script)
    times = {(name, kind): at for at, kind, name in told}
    run = run_replica(one, requests_of(*zip(*asked, strict=True)))
    count = range(len(asked))
    assert run.firsts.tolist() == [times[name, 0] for name in count]
    assert run.lasts.tolist() == [times[name, 1] for name in count]
    assert run.counters == replica.counters


AFTER_NUMBA = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import numba
from test_kernel import damaged_copy, small_run
from tollway.simulator import machine
numba.njit(lambda x: x + 1)(1)
kept = small_run()
machine.kernel.cache_clear()
machine.beside = lambda name: damaged_copy(Path({folder!r}))
assert small_run() == kept
"""


def damaged_copy(folder: Path) -> Path:
    """A file of machine code that is not what it says."""
    path = folder / "code.o"
    path.write_bytes(b"symbol " + b"0" * 64 + b"\n\x7fELF")
    return path


def small_run() -> list[int]:
    one = ReplicaSettings(times(), blocks=40, sequences=4, batch_tokens=64, context=640)
    run = run_replica(one, requests_of([0, 5, 9, 900], [40, 200, 7, 40], [30, 9, 60, 1]))
    return [*run.firsts.tolist(), *run.lasts.tolist()]


@pytest.mark.timeout(600)
def test_code_that_was_kept_spoils_nothing_that_numba_compiles_after_it(tmp_path: Path) -> None:
    small_run()
    code = AFTER_NUMBA.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
