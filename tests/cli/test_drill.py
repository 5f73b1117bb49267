"""`tollway drill`: what it refuses before it asks anybody, and its words."""

from pathlib import Path

import pytest

from tollway.cli.app import run
from tollway.cli.drill_report import Drilled, print_report
from tollway.ledger.drills import Felt, Period, Settled, felt
from tollway.ledger.sqlite import open_for_gateway


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    open_for_gateway(tmp_path / "ledger.sqlite").close()
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--share", "100%"], "--yes-all"),
        (["--share", "1"], "--yes-all"),
        (["--share", "0%"], "--share"),
        (["--share", "200%", "--yes-all"], "--share"),
        (["--share", "nan"], "--share"),
        (["--share", "much"], 'Write a share such as "1%"'),
        (["--for", "soon"], "--for"),
        ([], "no gateway runs here"),
    ],
)
def test_a_drill_that_makes_no_sense_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert run(["drill", "lose", "h200", *options]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def _group(count: int, failed: int = 0, ttft: float = 0.5) -> Felt:
    good = Settled(None, "completed", None, "b200", ttft, ttft + 2.0, 21, 10**9)
    bad = Settled(None, "failed", "upstream_status", "b200", None, 1.0, 0, 0)
    return felt([good] * (count - failed) + [bad] * failed)


def _drilled(lost: Felt, kept: Felt) -> Drilled:
    return Drilled("h200", 0.01, Period(0.0, 60.0, ("chat",)), False, lost, kept, 0)


def test_the_verdict_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    held = _drilled(_group(10, ttft=0.9), _group(990))
    assert held.held
    assert held.verdict == (
        "Held: 10 users did without h200, none failed; TTFT p50 900 ms instead of 500 ms."
    )
    broken = _drilled(_group(10, failed=4), _group(990, failed=1))
    assert not broken.held
    assert broken.verdict.startswith("NOT held: 4 of 10 users without h200 failed (1 of 990")
    print_report(broken)
    said = capsys.readouterr()
    for words in ("upstream_status", "TTFT p90", "tokens/s a stream", "10.0", "$0.000600"):
        assert words in said.out
    assert said.out.endswith(broken.verdict + "\n")


def test_a_drill_without_anybody_in_it_shows_nothing() -> None:
    empty = _drilled(_group(0), _group(5))
    assert not empty.held
    assert "Nobody was drilled" in empty.verdict
