"""`tollway validate`: the table, what is not in it, and that nothing is lost on the way."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tollway.cli import validate as command
from tollway.cli.app import run
from tollway.engine import validation
from tollway.engine.measured import Measured, measured
from tollway.engine.validation import Report


@pytest.fixture(autouse=True)
def some_results(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every tenth result: all of them take ten seconds."""
    rows: tuple[Measured, ...] = measured()[::10]

    def few(progress: Any = None) -> Report:
        return validation.validate(rows, progress)

    monkeypatch.setattr(command, "run", few)
    monkeypatch.setattr(command, "measured", lambda: rows)
    return iter(())


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert run(["validate", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_result_is_answered_or_its_reason_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = asked(capsys)
    assert said["asked"] == len(measured()[::10])
    assert said["answered"] + sum(one["count"] for one in said["unanswered"]) == said["asked"]
    assert all(one["reason"] for one in said["unanswered"])


def test_slices_of_a_split_add_up_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    whole = {line["split"]: line["results"] for line in asked(capsys)["lines"]}
    for by in ("chip", "model", "framework"):
        parts: dict[str, int] = dict.fromkeys(whole, 0)
        for line in asked(capsys, "--by", by)["lines"]:
            assert line["slice"]
            parts[line["split"]] += line["results"]
        assert parts == whole


def test_the_table_fits_80_columns_and_says_what_was_not_validated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["validate"]) == 0
    said = capsys.readouterr()
    head, *rest = said.out.splitlines()
    assert head.split() == [
        *("split", "results", "TPOT", "p90", "in", "80%", "TTFT", "p90", "in", "80%"),
        *("load", "p90"),
    ]
    assert [line.split("  ")[0] for line in rest[:4]] == list(validation.SPLITS)
    assert max(map(len, [head, *rest[:4]])) <= 80
    assert "Not validated:\n" in said.out
    assert "Chips without a result: " in said.out
    assert "crescent-island-480" in said.out.splitlines()[-1]
    assert "measured results" in said.err
