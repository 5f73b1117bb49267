"""Several rehearsals of one command give the same, whoever computes them."""

from pathlib import Path

import pytest

from tollway.cli import sweep
from tollway.cli.rehearsing import going
from tollway.fleet.objects import KeyTerms
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.play import Play
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


def jobs() -> list[sweep.Job]:
    play = Play("chat", "k", (KeyTerms("k", "t"),), 1.7e9)
    return [
        sweep.Job(f"{slots}", {"f": FLEET.format(slots=slots)}, Path("f"), play)
        for slots in (2, 4, 64)
    ]


def test_side_by_side_is_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    with going("test", 1) as on:
        alone = sweep.swept(jobs(), TRACE, on)
        monkeypatch.setattr(sweep, "WORTH", 1)
        together = sweep.swept(jobs(), TRACE, on)
    assert len(alone) == 3
    assert together == alone
    assert len({one.report.total.latency for one in alone}) == 3


@pytest.mark.parametrize("worth", [1, sweep.WORTH])
def test_a_sweep_that_is_stopped_gives_no_half_answers(
    monkeypatch: pytest.MonkeyPatch, worth: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(sweep, "WORTH", worth)
    with going("test", 1) as on:
        on.stopped = True
        found = sweep.swept(jobs(), arrivals(200.0, Seconds(30.0), Size(300, 60), 1), on)
    assert found == []
