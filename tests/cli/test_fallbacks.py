"""`tollway fallbacks`: what has been tried, and what has not."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.dispatch.messages import Outcome, Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

DAY = 86_400.0
SOURCE = '[sources.{0}]\nkind = "server"\nurl = "http://127.0.0.1:{1}/v1"\n[sources.{0}.serves.m]\n'
FLEET = (
    "version = 1\n[models.m]\n"
    + SOURCE.format("a", 1)
    + SOURCE.format("b", 2)
    + SOURCE.format("c", 3)
    + '[routes.chat]\nmodel = "m"\ncandidates = ["a"]\nfallbacks = ["b", "c"]\n'
    + '[routes.alone]\nmodel = "m"\ncandidates = ["a"]\n'
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(FLEET)
    return tmp_path


def book(
    state: Path,
    source: str,
    days_ago: float,
    route: str = "chat",
    outcome: Outcome = "completed",
    drilled: str | None = None,
) -> None:
    utc = time.time() - days_ago * DAY
    name = f"{source}-{days_ago}-{route}-{outcome}-{drilled}"
    usage = Usage(input=1, output=1)
    ledger = open_for_gateway(state / "ledger.sqlite")
    ledger.book(
        [
            Reserve(name, "k", "t", route, "chat", 0, 1, 1, utc),
            Settle(
                name, outcome, None, source, "m", "m", "standard", usage, 0, 1, (), 0.1, 1.0, utc,
                drilled=drilled,
            ),
        ]
    )  # fmt: skip
    ledger.close()


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = run(["fallbacks", "--json", *options])
    told = json.loads(capsys.readouterr().out)
    return code, {f"{row['route']}>{row['source']}": row for row in told["fallbacks"]}


def test_a_fallback_is_tested_by_traffic_or_by_a_drill_that_it_completed(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(state, "b", 3)
    book(state, "c", 5, drilled="a")
    code, rows = asked(capsys)
    assert code == 0
    assert rows["chat>b"]["tested"] is True
    assert rows["chat>b"]["last_drill"] is None
    assert rows["chat>c"]["last_drill"] is not None
    assert rows["alone>None"]["tested"] is None


def test_failed_old_and_foreign_use_is_no_test(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(state, "b", 2, outcome="failed")
    book(state, "b", 1, route="alone")
    book(state, "c", 32, drilled="a")
    code, rows = asked(capsys)
    assert code == 1
    assert rows["chat>b"] == {
        "route": "chat",
        "source": "b",
        "model": "m",
        "last_traffic": None,
        "last_drill": None,
        "tested": False,
    }
    assert rows["chat>c"]["tested"] is False
    assert asked(capsys, "--days", "40")[1]["chat>c"]["tested"] is True


def test_the_table_says_what_is_untested_and_what_to_do(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(state, "b", 0)
    assert run(["fallbacks"]) == 1
    said = capsys.readouterr()
    assert "c:m" in said.out
    assert said.out.count("UNTESTED") == 1
    assert "Without a fallback: alone" in said.err
    assert "1 of 2 fallbacks" in said.err
    assert "tollway drill lose" in said.err


def test_days_that_make_no_sense_are_refused(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fallbacks", "--days", "0"]) == 2
    assert "--days" in capsys.readouterr().err
