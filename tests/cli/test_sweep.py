"""Several rehearsals of one command give the same, whoever computes them."""

import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tollway.cli import sweep
from tollway.cli.rehearsing import Going, going
from tollway.errors import TollwayError
from tollway.fleet.objects import KeyTerms
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.trace import Trace
from tollway.units import Seconds

FLEET = """
version = 1
[models."llama-3.1-8b"]
[sources.a]
kind = "server"
url = "http://a.test/v1"
chip = "h100"
slots = {slots}
serves."llama-3.1-8b" = {{}}
[routes.chat]
model = "llama-3.1-8b"
[tenants.t]
"""
TRACE = arrivals(10.0, Seconds(30.0), Size(300, 60, 0.4), seed=2)


def jobs(trace: Trace = TRACE) -> list[sweep.Job]:
    play = Play("chat", "k", (KeyTerms("k", "t"),), 1.7e9)
    return [
        sweep.Job(f"{slots}", {"f": FLEET.format(slots=slots)}, Path("f"), trace, play)
        for slots in (2, 4, 64)
    ]


def played(monkeypatch: pytest.MonkeyPatch, cores: int, worth: int) -> list[Rehearsed | None]:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)))
    with sweep.crew() as crew, going("test", 1) as on:
        crew.worth = worth
        return crew.play(jobs(), 3, on)


def test_the_results_do_not_depend_on_how_many_cores_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = played(monkeypatch, 1, 1)
    assert None not in alone
    assert played(monkeypatch, 2, 1) == alone
    assert played(monkeypatch, 3, 1) == alone
    assert len({one.report.total.latency for one in alone if one}) == 3


@pytest.mark.parametrize("worth", [1, sweep.WORTH])
def test_a_sweep_that_is_stopped_gives_no_half_answers(
    monkeypatch: pytest.MonkeyPatch, worth: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    with sweep.crew() as crew, going("test", 1) as on:
        crew.worth = worth
        on.stopped = True
        assert crew.play(jobs(), 3, on) == [None, None, None]


def test_what_was_played_when_a_sweep_was_stopped_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
    with sweep.crew() as crew, going("test", 1) as on:
        first, *rest = crew.play(_stopping(jobs(), on, 1), 3, on)
    assert first is not None
    assert rest == [None, None]


def test_what_runs_elsewhere_is_not_waited_for_when_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    endless = arrivals(300.0, Seconds(600.0), Size(300, 60), 1)
    with sweep.crew() as crew, going("test", 1) as on:
        crew.worth = 1
        first, *rest = crew.play(_stopping([*jobs()[:1], *jobs(endless)[1:]], on, 3), 3, on)
    assert first is not None
    assert rest == [None, None]
    assert not multiprocessing.active_children()


def _stopping(some: list[sweep.Job], on: Going, after: int) -> Iterator[sweep.Job]:
    """Jobs; it is stopped when so many of them are under way."""
    for number, job in enumerate(some):
        on.stopped = number >= after
        yield job
    on.stopped = True


class NotHere:
    """A machine without Ray."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "ray":
            raise ModuleNotFoundError(name)


def test_without_ray_the_mend_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NotHere(), *sys.meta_path])
    with pytest.raises(TollwayError, match=r"pip install 'tollway\[ray\]'"), sweep.crew(ray=True):
        pass
