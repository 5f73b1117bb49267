"""`tollway plan`: what it prints, and how it ends."""

import json
import os
import signal
from pathlib import Path

import pytest
from planner_problems import API, LEASE, PLAN

from tollway.cli.app import run
from tollway.cli.plan_demand import of_trace
from tollway.cli.plan_run import Watch
from tollway.planner.program.solve import Progress
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens, UtcSeconds

OFFER = LEASE.replace('monthly = "20_000"', 'monthly = "2_000"') + "offer = { most = 2 }\n"
QUICK = ["--quick", "--time", "20s", "--threads", "1"]


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return written(tmp_path, PLAN + API + OFFER)


def test_a_plan_says_what_to_sign_by_when_and_what_it_rests_on(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", file, "--time", "30s", "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("fleet.toml: 2027-01 to 2027-12, 4 quarters, 1 scenario\n")
    assert "now\n  Sign" in out
    assert "Why: " in out
    assert "lease: give notice by 2027-01-01 to be out on 2027-04-01, or you are" in out
    assert "acme leaves / region north fails (no notice):" in out
    assert all(len(line) < 80 for line in out.splitlines())
    assert "note: api declares no quota: it is taken to be without bound.\n" in err
    assert "warning: llama-3.3-70b is withdrawn, and nothing on offer serves" in err


def test_json_has_all_of_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", file, *QUICK, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"][0]["offer"] == "lease"
    assert 0 <= found["gap"] <= 0.01
    paid = sum(float(it) for one in found["nodes"] for it in one["payments_usd"].values())
    assert paid == pytest.approx(sum(map(float, found["payments_usd"].values())), abs=0.05)
    assert {one["name"] for one in found["offers"]} == {"api", "lease"}
    assert found["not_survived"] == ["llama-3.3-70b is withdrawn"]


def test_a_contingency_can_be_left_out(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", file, *QUICK, "--without", "acme leaves", "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["contingencies"]]
    assert not any("acme" in name for name in names)
    assert run(["plan", file, *QUICK, "--without", "acme stays"]) == 2
    assert 'Did you mean "acme leaves"?' in capsys.readouterr().err


def test_months_instead_of_quarters(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", file, *QUICK, "--period", "month", "--json"]) == 0
    periods = json.loads(capsys.readouterr().out)["periods"]
    assert [one["name"] for one in periods][:2] == ["2027-01", "2027-02"]


def test_what_conflicts_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Nobody may leave the demand unserved, and there is no money for any of it.
    text = PLAN.replace('unserved = "20.00"', "") + (
        '[plan.budgets.tight]\namount = "1"\nfirst = "2027-01"\nlast = "2027-12"\n'
    )
    plan = written(tmp_path, text + API + OFFER)
    assert run(["plan", plan, *QUICK]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "No plan meets all of this" in err
    assert "tight" in err
    assert run(["plan", plan, *QUICK, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["conflict"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gap", "lots"], '--gap is "lots". Write a share: 2%, or 0.02.'),
        (["--time", "soon"], "--time"),
        (["--life", "long"], "--life"),
        (["--reading", "lease"], "Write CONTRACT=READING"),
        (["--reading", "other=x"], 'is "other"; known: lease'),
    ],
)
def test_what_is_not_understood_is_refused_with_its_mend(
    file: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["plan", file, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_fleet_without_a_plan_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = written(tmp_path, 'version = 1\n[models."llama-3.3-70b"]\n' + API)
    assert run(["plan", plan]) == 2
    assert "the fleet has no plan. Write [plan]" in capsys.readouterr().err


def test_a_report_is_one_file(file: str, tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    assert run(["plan", file, *QUICK, "--report", str(page)]) == 0
    assert page.read_text().startswith("<!doctype html>")


def test_demand_is_measured_from_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (PLAN + API + OFFER).replace("tokens_per_day = 240_000_000", 'trace = "azure-code"')
    assert run(["plan", written(tmp_path, text), *QUICK]) == 0
    assert "note: chat is taken to be, when the plan starts, as azure-code is." in (
        capsys.readouterr().err
    )


def test_hours_are_known_from_whole_days_only() -> None:
    def trace(began: float | None, span: float) -> Trace:
        requests = tuple(
            TraceRequest(at=Seconds(at), input=Tokens(5), output=Tokens(1)) for at in (0.0, span)
        )
        return Trace("t", requests, began=None if began is None else UtcSeconds(began))

    assert of_trace(trace(None, 43_200.0)).hours == ()
    assert of_trace(trace(0.0, 43_200.0)).tokens_per_day == 24
    two = of_trace(trace(3_600.0, 172_800.0))
    assert (two.tokens_per_day, sum(two.hours), two.hours[1]) == (6, 6, 6)


def test_the_first_interrupt_is_polite_and_the_second_is_not() -> None:
    watch = Watch()
    at = Progress(1.0, "first year", None, None, None)
    assert watch(at)
    watch.stop(signal.SIGINT, None)
    assert not watch(at)
    with pytest.raises(KeyboardInterrupt):
        watch.stop(signal.SIGINT, None)


def test_stopped_at_once_it_tells_what_there_is_or_that_there_is_none(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Watch, at: Progress) -> bool:
        if not self.stopped:
            os.kill(os.getpid(), signal.SIGINT)
        return not self.stopped

    monkeypatch.setattr(Watch, "__call__", interrupt)
    assert run(["plan", file, *QUICK]) == 130
    out, err = capsys.readouterr()
    assert "Proven:" in out or "Stopped before there was any plan." in err


def test_a_plan_is_written_back_as_a_fleet_that_is_sound(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = tmp_path / "planned.toml"
    assert run(["plan", file, *QUICK, "--write", str(planned)]) == 0
    assert "is the fleet as planned" in capsys.readouterr().err
    assert run(["check", str(planned)]) == 0
    assert "commitment-first" in planned.read_text()


def test_a_plan_is_not_written_over_what_it_is_made_from(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(file).read_text()
    assert run(["plan", file, *QUICK, "--write", file]) == 2
    assert "is what the plan is made from. Name another file." in capsys.readouterr().err
    assert Path(file).read_text() == before
    assert run(["plan", file, *QUICK, "--report", str(tmp_path / "none" / "x.html")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
