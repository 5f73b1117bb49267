"""What `tollway plan` tells beside the plan: what is lost month by month, and how exposed it is."""

import json
from datetime import date
from pathlib import Path

import pytest
from planner_plans import ANSWER, INSTANCE, PLAN, M

from tollway.cli.plan_loss import Lost, print_loss
from tollway.cli.plan_options import Known
from tollway.cli.plan_risk import risk_text, risk_values
from tollway.cli.plan_write import write_fleet
from tollway.errors import TollwayError
from tollway.fleet.parse import parse
from tollway.inspect.fleetfile import read_fleet
from tollway.planner.cell import Cell
from tollway.planner.loss import lost, months_after
from tollway.planner.overview import overview
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Plan
from tollway.units import Seconds

FILE = Path(__file__).parents[2] / "docs" / "examples" / "plan" / "fleet.toml"
CELL = Cell(4, Seconds(300.0), 900, 0.987, 0.25, 1.26)


@pytest.fixture
def found() -> Lost:
    what = lost(INSTANCE, "alpha", {})
    months = months_after(INSTANCE, PLAN, what)
    return Lost(what, months, (None, *(CELL for _ in months[1:])))


def test_a_loss_is_told_by_month_with_what_was_played(
    found: Lost, capsys: pytest.CaptureFixture[str]
) -> None:
    print_loss(found, json=False)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "If alpha leaves (no notice), from 2027-01-01 on:"
    assert lines[2].split() == ["2027-01", "0%", "100%", "-", "-", "nothing"]
    assert lines[5].split()[:8] == ["2027-04", "50%", "100%", "250", "ms", "/", "1.3", "s"]
    assert "played on 1/4 of the fleet" in err


def test_a_loss_as_json_has_the_same_figures(
    found: Lost, capsys: pytest.CaptureFixture[str]
) -> None:
    print_loss(found, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["lost"], told["offers"], told["notice_days"]) == ("alpha leaves", ["api"], 0)
    assert told["months"][0]["played"] is None
    april = told["months"][3]
    assert (april["month"], april["served"]) == ("2027-04", 0.5)
    assert april["tokens_per_hour"] == {"lease": 500 * M}
    assert april["played"]["ttft_p90"] == 1.26


def test_exposure_is_told_in_words_and_figures() -> None:
    view = overview(INSTANCE, ANSWER)
    text = risk_text(INSTANCE, view)
    assert "weakest: alpha gives notice, in 2027-Q1: 0% is still served." in text
    assert "$1.5M, $150.0k of it after the horizon" in " ".join(text.split())
    values = json.loads(json.dumps(risk_values(INSTANCE, view)))
    assert values["exposure_tail"][0]["usd"] == 1_500_000
    assert values["unserved_tokens"] == {"chat": 91_000 * M, "jobs": 0}
    vendor = [it for it in values["concentration"] if it["attribute"] == "vendor"]
    assert vendor[1]["hhi"] == [0.52, 0.52]


def problem_without_offers() -> Problem:
    return Problem(INSTANCE, {}, (), (), ())


def test_the_fleet_as_planned_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    fleet = read_fleet(FILE)
    file = tmp_path / "planned.toml"
    bare = Plan((), (), (), {}, {})
    said = write_fleet(file, fleet, "fleet.toml", problem_without_offers(), bare, Known())
    assert said == f"{file} is the fleet as planned, on {date(2027, 1, 1)}."
    assert parse({"p": file.read_text()}, "p").routes["chat"].objectives[0].name == (
        "commitment-first"
    )
    with pytest.raises(TollwayError, match="--write"):
        write_fleet(
            tmp_path / "none" / "x.toml", fleet, "f", problem_without_offers(), bare, Known()
        )
    assert [it.name for it in tmp_path.iterdir()] == ["planned.toml"]
