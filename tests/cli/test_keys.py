"""`tollway keys`: what is printed, what is kept, what is refused."""

import json
import re
import time
from pathlib import Path

import pytest

from tollway.cli.app import run
from tollway.ledger.ring import KeyRing
from tollway.ledger.sqlite import open_reader

FLEET = """
version = 1
[gateway]
ledger = "books/money.sqlite"
[models.m]
reserve_output = 64
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.s.serves.m]
[tenants.demo]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def create(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert run(["keys", "create", "--tenant", "demo", *options]) == 0
    return capsys.readouterr().out.strip()


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert run(["keys", "list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_key_alone_is_on_standard_output_and_opens_the_gate(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["keys", "create", "--tenant", "demo", "--name", "ci"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"tw_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}\n", out)
    assert out.strip() not in err
    store = open_reader(folder / "ledger.sqlite")
    found = KeyRing(store).find(out.strip().encode(), time.time())
    assert found is not None
    assert (found.tenant, found.name) == ("demo", "ci")
    store.close()


def test_every_term_is_kept(capsys: pytest.CaptureFixture[str]):
    key = create(
        capsys,
        *["--requests-per-minute", "60", "--tokens-per-minute", "90000", "--concurrency", "4"],
        *["--day", "1.00", "--month", "20", "--overdraft", "0.05", "--expires", "30d"],
        *["--class", "batch", "--route", "chat", "--route", "code"],
    )
    (facts,) = listed(capsys)
    expected = {
        "id": key[3:11],
        "tenant": "demo",
        "state": "active",
        "requests_per_minute": 60,
        "tokens_per_minute": 90000,
        "concurrency": 4,
        "day_usd": "1.000000000000",
        "month_usd": "20.000000000000",
        "overdraft_usd": "0.050000000000",
        "class": "batch",
        "routes": ["chat", "code"],
        "spent_today_usd": "0.000000000000",
    }
    assert {name: facts[name] for name in expected} == expected
    assert facts["expires"] is not None


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_list_holds_no_secret(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str]
):
    key = create(capsys)
    assert run(["keys", "list", *options]) == 0
    out, err = capsys.readouterr()
    assert key[3:11] in out
    assert key[12:] not in out + err
    assert all(key[12:].encode() not in file.read_bytes() for file in folder.iterdir())


def test_a_revoked_key_is_no_key_and_stays_listed(folder: Path, capsys: pytest.CaptureFixture[str]):
    key = create(capsys)
    assert run(["keys", "revoke", key[3:11]]) == 0
    (facts,) = listed(capsys)
    assert facts["state"] == "revoked"
    store = open_reader(folder / "ledger.sqlite")
    assert KeyRing(store).find(key.encode(), time.time()) is None
    store.close()


def test_a_whole_key_given_to_revoke_is_not_repeated(capsys: pytest.CaptureFixture[str]):
    key = create(capsys)
    assert run(["keys", "revoke", key]) == 2
    out, err = capsys.readouterr()
    assert key[12:] not in out + err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--day", "1,00"], '--day is "1,00"'),
        (["--month", "-1"], '--month is "-1"'),
        (["--overdraft", "0.0000000000001"], "--overdraft"),
        (["--concurrency", "0"], "--concurrency is 0"),
        (["--tenant", "a\x1b[31m"], r"--tenant is 'a\x1b[31m'"),
        (["--expires", "soon"], '--expires is "soon", not a moment'),
        (["--expires", "2020-01-01"], "which has passed"),
    ],
)
def test_bad_terms_are_named_with_the_mend_and_make_no_ledger(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
):
    tenant = [] if "--tenant" in options else ["--tenant", "demo"]
    assert run(["keys", "create", *tenant, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert not folder.exists()


def test_a_fleet_file_checks_names_and_says_where_the_ledger_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(FLEET)
    wrong = ["--tenant", "dmeo", "--route", "n", "--fleet", str(fleet)]
    assert run(["keys", "create", *wrong]) == 2
    err = capsys.readouterr().err
    assert '--tenant is "dmeo"; known: demo. Did you mean "demo"?' in err
    assert '--route is "n"' in err
    create(capsys, "--fleet", str(fleet), "--route", "m")
    assert (tmp_path / "books" / "money.sqlite").is_file()


@pytest.mark.parametrize("words", [["list"], ["revoke", "abcd1234"]])
def test_a_missing_ledger_is_named_and_not_made(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
):
    assert run(["keys", *words]) == 2
    assert "no ledger here" in capsys.readouterr().err
    assert not folder.exists()
