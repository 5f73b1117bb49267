"""`tollway guard`: what fires and why, with exit codes that a hook can use."""

import base64
import io
import json
from pathlib import Path

import pytest

from tollway.cli.app import run

CARD = "4111 1111 1111 1111"
FLEET = """
version = 1
[guard]
terms = ["Project Nightjar"]
fingerprints = "documents.tollway"
[[guard.rules]]
name = "cards stay in the house"
detectors = ["financial"]
tenants = ["shop"]
action = "on-prem"
[models.m]
[tenants.shop]
[sources.own]
kind = "server"
url = "http://127.0.0.1:9000/v1"
labels = ["on-prem"]
serves.m = {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_fires_is_explained_and_exits_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = base64.b64encode(f"pay with {CARD} please".encode()).decode()
    (folder / "x.txt").write_text(f"first line\n  {hidden}\n")
    assert run(["guard", "test", "x.txt"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("2:")
    assert "payment-card (financial), through base64: 4111... (19 bytes)" in out
    assert CARD not in out
    assert "No fleet file, no rules" in err


def test_nothing_fires_and_exits_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.txt").write_text("nothing to see here\n")
    assert run(["guard", "test", "x.txt"]) == 0
    assert capsys.readouterr().out == ""


def test_a_text_may_come_by_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.TextIOWrapper(io.BytesIO(b"my card is 4111 1111 1111 1111"))
    monkeypatch.setattr("sys.stdin", text)
    assert run(["guard", "test", "-"]) == 1
    assert "payment-card" in capsys.readouterr().out


def test_the_rule_that_would_apply_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fleet.toml").write_text(FLEET.replace('fingerprints = "documents.tollway"', ""))
    (folder / "x.txt").write_text(f"pay with {CARD} please")
    asked = ["guard", "test", "x.txt", "--fleet", "fleet.toml"]
    assert run([*asked, "--tenant", "shop"]) == 1
    assert 'on-prem, by rule "cards stay in the house"' in capsys.readouterr().out
    assert run([*asked, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["action"] == "block"
    assert answer["found"][0]["rule"] is None
    assert answer["found"][0]["layers"] == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["guard", "test", "absent.txt"], "absent.txt is not a file"),
        (["guard", "test", "x.txt", "--tenant", "shop"], "need a fleet file's rules"),
        (["guard", "test", "x.txt", "--fleet", "fleet.toml", "--tenant", "shp"], "Did you mean"),
        (["guard", "test", "x.txt", "--fingerprints", "x.txt"], "no fingerprints"),
        (["guard", "fingerprint", "--out", "f"], "FILE is missing"),
        (["guard", "fingerprint", "x.txt", "--out", "f"], "fewer than"),
    ],
)
def test_bad_input_exits_2_with_the_mend(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    (folder / "x.txt").write_text("words")
    (folder / "fleet.toml").write_text(FLEET)
    assert run(argv) == 2
    assert words in capsys.readouterr().err


def test_a_registered_document_is_found_in_part(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = " ".join(f"{word}{n}" for n in range(300) for word in ("alder", "beech"))
    (folder / "plan.txt").write_text(words)
    (folder / "fleet.toml").write_text(FLEET)
    assert run(["guard", "fingerprint", "plan.txt", "--out", "documents.tollway"]) == 0
    assert b"alder" not in (folder / "documents.tollway").read_bytes()
    assert (folder / "state" / "guard.salt").stat().st_mode & 0o777 == 0o600
    (folder / "leak.txt").write_text("As they say: " + words[1000:2500])
    capsys.readouterr()
    assert run(["guard", "test", "leak.txt", "--fleet", "fleet.toml"]) == 1
    out = capsys.readouterr().out
    assert "document:plan.txt (document)" in out
    assert "% of the registered document plan.txt" in out


def test_detectors_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", "detectors"]) == 0
    assert "https://www.rfc-editor.org/rfc/rfc7519" in capsys.readouterr().out
    assert run(["guard", "detectors", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["detectors"]
    assert {"github-token", "payment-card", "iban", "jwt"} <= {row["id"] for row in rows}
