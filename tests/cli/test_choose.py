"""`tollway choose`: the table, the reasons, JSON with origins, and what is refused."""

import json
from pathlib import Path

import pytest
from scored_models import HOSTED

from tollway.cli.app import run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text("version = 1\n" + HOSTED)
    return path


def test_the_table_has_verdicts_and_each_that_is_dominated_its_reason(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["choose", str(file), "--use", "code", "--state", str(file.parent)]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].split() == ["source:model", "verdict", "quality", "wait", "cost"]
    assert lines[1].split()[:2] == ["hosted:large", "frontier"]
    assert lines[2].split()[:2] == ["hosted:old", "dominated"]
    assert "hosted:old: dominated. hosted:large is ahead: 13.2 higher quality; 15." in said.out
    assert "$0.000350 cheaper (14%)" in said.out
    assert "hosted:unscored: left out. unscored has no score for code." in said.out
    assert "Scores: our evaluation." in said.err
    assert "speed declared in the fleet file, without an interval" in said.err


def test_json_has_every_figure_with_its_origin_and_exact_money(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["choose", str(file), "--use", "code", "--in", "1001", "--out", "3", "--json"]
    assert run([*argv, "--state", str(file.parent)]) == 0
    said = json.loads(capsys.readouterr().out)
    best, worst = said["candidates"]
    assert best["cost_usd"]["value"] == "0.000603000000"
    assert worst["by"] == "hosted:large"
    assert [one["axis"] for one in worst["steps"]] == ["quality", "wait", "cost"]
    assert {one["side"] for one in worst["steps"]} == {"better"}
    assert said["use"]["axes"] == ["quality", "wait", "cost"]
    assert said["left_out"][0]["name"] == "hosted:unscored"


def test_a_batch_has_no_wait_in_its_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = file.read_text().replace("quality.code", "quality.any")
    file.write_text(text)
    assert run(["choose", str(file), "--use", "batch", "--state", str(file.parent)]) == 0
    assert "wait" not in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--use", "cod"], 'Did you mean "code"?'),
        (["--use", "code", "--in", "0"], "--in is 0. Write 1 to 10,000,000."),
        (["--use", "code", "--cached", "4000"], "--cached is 4000. Write 0 to 3,000."),
        (["--use", "agent", "--turns", "0"], "--turns is 0. Write 1 to 10,000."),
        (["--use", "agent", "--pause", "-1"], "--pause is -1. Write 0 to 86,400."),
        (["--use", "code", "--concurrency", "0"], "--concurrency is 0. Write 1 to 100000 users."),
        (["--use", "essay"], "has no score for essay. Declare yours"),
    ],
    ids=["use", "in", "cached", "turns", "pause", "concurrency", "scores"],
)
def test_what_cannot_be_chosen_is_refused_with_the_mend(
    argv: list[str], words: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["choose", str(file), *argv, "--state", str(file.parent)]) == 2
    assert words in capsys.readouterr().err
