"""`tollway plan --bridge` and `--lives`: the questions beside the plan."""

import json
from pathlib import Path

import pytest
from planner_problems import API, LEASE, PLAN

from tollway.cli.app import run
from tollway.planner.program.answer import Between

EXAMPLE = Path(__file__).parents[2] / "docs/examples/plan/fleet.toml"
QUICK = ["--time", "30s", "--threads", "1"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "fleet.toml"
    path.write_text(PLAN + API + LEASE)
    return str(path)


def test_when_a_contract_stops_paying(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", file, *QUICK, "--bridge", "lease", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["on"] for one in found["notice"]][-1] is None
    costs = {one["on"]: one["objective_usd"] for one in found["notice"]}
    assert min(costs.values()) in {costs[best] for best in found["best"]}
    more = [one["more_usd"] for one in found["notice"][1:]]
    assert all(low <= high for low, high in more)
    assert run(["plan", file, *QUICK, "--bridge", "lease"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("lease, by when notice is given; weighed: ")
    assert "It pays throughout" in out


def test_lease_or_own_by_the_life_of_chips(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(EXAMPLE), *QUICK, "--lives", "--json"]) == 0
    lives = json.loads(capsys.readouterr().out)["lives"]
    assert [one["years"] for one in lives] == [3, 5, 7]
    owned = [one["own"]["objective_usd"] for one in lives]
    assert owned == sorted(owned, reverse=True)
    assert len({one["lease"]["objective_usd"] for one in lives}) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--bridge", "leese"], '--bridge is "leese"; known: lease. Did you mean "lease"?'),
        (["--lives"], "--lives: the fleet declares no builds. Write [builds.NAME]."),
        (["--lives", "--write", "x.toml"], "Ask --lose, --bridge or --lives apart."),
        (["--bridge", "lease", "--report", "x.html"], "Ask --lose, --bridge or --lives apart."),
        (["--lives", "--lose", "acme"], "--lose, --bridge and --lives are three questions."),
    ],
)
def test_what_cannot_be_asked_is_said(
    file: str, asked: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", file, *QUICK, *asked]) == 2
    assert said in capsys.readouterr().err


def test_an_amount_that_may_be_a_saving_says_so() -> None:
    from fractions import Fraction

    from tollway.cli.plan_ask import signed

    million = Fraction(10**18)
    assert signed(Between(million, 2 * million)) == "$1.00M to $2.00M more"
    assert signed(Between(-2 * million, -million)) == "$1.00M to $2.00M less"
    assert signed(Between(-million, million)) == "not told apart"
