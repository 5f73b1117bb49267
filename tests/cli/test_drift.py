"""`tollway drift baseline`, `check` and `status`, at an engine of made-up logits."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bench.drift_power import Engine
from drift_rig import FakeEngine, engines

from tollway.cli.app import run
from tollway.pins.component import ModelApi, PinnedFile
from tollway.pins.lock import Lock, lock_text

FLEET = """version = 1
[models.m]
[credentials]
key = "env:DRIFT_TEST_KEY"
[sources.a]
kind = "server"
url = "{url}"
credential = "key"
dialects = ["{dialect}"]
[sources.a.serves.m]
upstream_model = "m-2026"
[tenants.t]
"""


def called(*argv: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["drift", *argv])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIFT_TEST_KEY", "a-secret")
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    return tmp_path


def declare(folder: Path, engine: FakeEngine, dialect: str = "openai") -> None:
    (folder / "fleet.toml").write_text(FLEET.format(url=engine.url, dialect=dialect))


def checked(*argv: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = called("check", "--json", *argv)
    return code, json.loads(out)


def test_a_model_is_held_against_its_baseline_and_a_shift_is_found(folder: Path) -> None:
    with engines(Engine(noise=0.01)) as (engine,):
        declare(folder, engine)
        code, out, err = called("baseline", "a/m")
        assert code == 0, err
        assert Path(out.strip()) == folder / "drift" / "a--m.json"
        assert "method logprobs" in err
        assert engine.secrets == {"Bearer a-secret"}
        code, found = checked()
        assert (code, found["models"][0]["standing"]) == (0, "watched")
        engine.be(Engine(noise=0.01, shift=0.05))
        code, found = checked("a/m")
        assert (code, found["found"][0]["rule"]) == (1, "drift.alarm")


def test_an_api_without_log_probabilities_is_watched_by_ties(folder: Path) -> None:
    with engines(Engine(lists=False)) as (engine,):
        declare(folder, engine, "anthropic")
        code, _, err = called("baseline", "a/m")
        assert code == 0, err
        assert "method border" in err
        assert engine.secrets == {"a-secret"}
        assert checked()[0] == 0
        engine.be(Engine(lists=False, shift=0.2))
        assert checked()[0] == 1


def test_what_cannot_be_looked_at_is_3_with_its_reason(folder: Path) -> None:
    with engines(Engine()) as (engine,):
        declare(folder, engine)
        code, found = checked()
        assert (code, found["unaudited"][0]["why"]) == (3, "it has no baseline")
        assert called("baseline", "a/m")[0] == 0
        engine.down = True
        code, found = checked()
        assert (code, found["unaudited"][0]["why"]) == (3, "it answers with status 500")
        code, _, err = called("baseline", "a/m", "--out", "other.json")
        assert code == 3
        assert "cannot be watched" in err
        assert not Path("other.json").exists()


def test_a_baseline_that_is_not_the_locked_one_is_none(folder: Path) -> None:
    with engines(Engine()) as (engine,):
        declare(folder, engine)
        path = folder / "drift" / "a--m.json"
        assert called("baseline", "a/m")[0] == 0
        text = path.read_bytes()
        pinned = PinnedFile(
            path="drift/a--m.json", digest=f"sha256:{sha256(text).hexdigest()}", size=len(text)
        )
        component = ModelApi(name="a/m", purl="pkg:generic/m", source="a", baseline=pinned)
        (folder / "ai.lock").write_text(lock_text(Lock(component=(component,))))
        assert checked()[0] == 0
        path.write_bytes(text.replace(b"-1.", b"-2.", 1))
        code, found = checked()
        assert code == 3
        assert "is not the one that is locked" in found["unaudited"][0]["why"]


def test_a_model_that_is_no_longer_listed_is_an_alarm_and_one_that_ends_soon_a_finding(
    folder: Path,
) -> None:
    with engines(Engine()) as (engine,):
        declare(folder, engine)
        assert called("baseline", "a/m")[0] == 0
        last = datetime.now(UTC).date() + timedelta(days=20)
        engine.models = {"m-2026": last.isoformat()}
        code, out, _ = called("check")
        assert code == 1
        assert f"shuts down on {last}, in 20 days" in out
        engine.models = {"m-2026": (last + timedelta(days=60)).isoformat()}
        code, out, _ = called("check")
        assert code == 0
        assert "in 80 days" in out
        engine.models = {"m-2027": None}
        code, out, _ = called("check")
        assert code == 1
        assert "no longer among the models" in out


def test_status_without_a_watch_says_that_nothing_is_watched(folder: Path) -> None:
    with engines(Engine()) as (engine,):
        declare(folder, engine)
        code, out, _ = called("status")
        assert code == 3
        assert "a/m" in out
        assert "it has no baseline" in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("check", "a/n"), 'Did you mean "a/m"?'),
        (("check", "--level", "0"), "--level is 0"),
        (("baseline", "a/m", "--calls", "5"), "--calls is 5"),
        (("clear", "a/m"), "known: none"),
    ],
)
def test_a_line_that_makes_no_sense_is_2(folder: Path, argv: tuple[str, ...], words: str) -> None:
    with engines(Engine()) as (engine,):
        declare(folder, engine)
        code, _, err = called(*argv)
    assert code == 2
    assert words in err
