"""`tollway prices`: what differs from public prices, and new entries that leave the past alone."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.fleet.objects import Price
from tollway.inspect.fleetfile import read_fleet

URL = "https://api.vendor.example/v1"


def model(name: str, prices: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "match": {"equals": name}, "prices": prices, **more}


BATCH = {"when": {"processing": "batch"}, "prices": {"input_mtok": 1, "output_mtok": 4}}
PEAK = {"start_time": "01:00:00Z", "end_time": "04:00:00Z"}
DATA = [
    {
        "id": "vendor",
        "api_pattern": r"https://api\.vendor\.example",
        "models": [
            model("same", {"input_mtok": 2, "output_mtok": 8}, price_variants=[BATCH]),
            model(
                "dearer",
                [
                    {"prices": {"input_mtok": 1, "output_mtok": 4}},
                    {"constraint": {"start_date": "2026-11-01"}, "prices": {"input_mtok": 1.5,
                     "cache_read_mtok": 0.15, "output_mtok": 6}},
                ],
            ),
            model("hourly", [{"prices": {"input_mtok": 1, "output_mtok": 2}},
                             {"constraint": PEAK, "prices": {"input_mtok": 2, "output_mtok": 4}}]),
            model("unpriced", {"input_mtok": 3, "output_mtok": 9, "requests_kcount": 5}),
            model("long", {"input_mtok": {"base": 1, "tiers": []}, "output_mtok": 2}),
        ],
    }
]  # fmt: skip

FLEET = """\
# Our fleet. Ask before you change it.
version = 1
include = ["more.toml"]

[models.same]
[models.dearer]   # the big one
[models.hourly]
[models.unpriced]
[models.long]
[models.mine]
[models.gone]

[sources.api]
kind = "api"
url = "https://api.vendor.example/v1"
serves.unpriced = { }
serves.long = {}
serves.gone = {}
[sources.api.serves.same]
prices = [{ since = 2026-01-01, input = "2.00", output = "8" }]
[sources.api.serves.dearer]
prices = [
  # what we signed for
  { since = 2026-01-01, input = "1", output = "4" },   # list price
]
"""
MORE = """\
[sources.second]   # elsewhere
kind = "api"
url = "https://api.vendor.example/v1"
[[sources.second.serves.hourly.prices]]
since = 2026-01-01   # flat
input = "1"
output = "2"

[sources.own]
kind = "server"
url = "http://10.0.0.7:8000/v1"
serves.mine = {}
[sources.elsewhere]
kind = "api"
url = "https://api.other.example/v1"
serves.mine = {}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "more.toml").write_text(MORE)
    (tmp_path / "data.json").write_text(json.dumps(DATA))
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    code = run(["prices", "diff", "--data", "data.json", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def differences(found: Any) -> list[tuple[str, ...]]:
    keys = ("model", "tier", "hours", "part", "declared_usd", "public_usd")
    return [tuple(it[key] for key in keys) for it in found["differences"]]


def test_every_part_that_differs_is_named_and_the_exit_code_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = asked(capsys, "--on", "2026-11-22")
    assert code == 1
    assert (found["on"], found["compared"]) == ("2026-11-22", 4)
    assert differences(found) == [
        ("unpriced", "standard", None, "input", None, "3"),
        ("unpriced", "standard", None, "cached_input", None, "3"),
        ("unpriced", "standard", None, "cache_write", None, "3"),
        ("unpriced", "standard", None, "output", None, "9"),
        ("unpriced", "standard", None, "request", None, "0.005"),
        ("dearer", "standard", None, "input", "1", "1.5"),
        ("dearer", "standard", None, "cached_input", "1", "0.15"),
        ("dearer", "standard", None, "cache_write", "1", "1.5"),
        ("dearer", "standard", None, "output", "4", "6"),
        ("hourly", "standard", "01:00-04:00", "input", "1", "2"),
        ("hourly", "standard", "01:00-04:00", "cached_input", "1", "2"),
        ("hourly", "standard", "01:00-04:00", "cache_write", "1", "2"),
        ("hourly", "standard", "01:00-04:00", "output", "2", "4"),
    ]
    why = {(it["source"], it["model"]): it["why"] for it in found["unknown"]}
    assert why["api", "long"].startswith("its price goes by the prompt's length")
    assert why["api", "gone"] == "the model is not in data.json"
    assert why["elsewhere", "mine"] == "the provider is not in data.json"
    assert ("own", "mine") not in why


def test_a_day_is_compared_with_the_prices_of_that_day(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = asked(capsys, "--on", "2026-10-31")
    assert not [it for it in differences(found) if it[0] == "dearer"]


def test_a_tier_is_compared_where_it_is_declared_or_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, found = asked(capsys, "--tier", "batch")
    batch = [it for it in differences(found) if it[1] == "batch"]
    assert batch[0] == ("same", "batch", None, "input", "2", "1")


def test_where_nothing_differs_the_exit_code_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    one = 'version = 1\n[models.same]\n[sources.api]\nkind = "api"\nurl = "' + URL + '"\n'
    Path("one.toml").write_text(
        one + 'serves.same = { prices = [{ since = 2026-01-01, input = "2", output = "8" }] }\n'
    )
    assert run(["prices", "diff", "one.toml", "--data", "data.json"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "0 differences" in err


def test_the_table_says_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "diff", "--data", "data.json"]) == 1
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]
    assert ["api", "dearer", "standard", "all", "output", "4", "6", "-33.3%"] in rows
    assert "sources.api.serves.gone: not compared: the model is not in data.json." in err


def test_an_update_adds_dated_entries_and_leaves_every_other_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = read_fleet("fleet.toml")
    Path("more.toml").chmod(0o640)
    assert run(["prices", "update", "--data", "data.json", "--since", "2026-12-01"]) == 0
    out, err = capsys.readouterr()
    assert "Wrote 4 price entries that hold from 2026-12-01 on, of data.json." in err
    for name, text in (("fleet.toml", FLEET), ("more.toml", MORE)):
        lines = Path(name).read_text().splitlines()
        changed = [line for line in text.splitlines() if line not in lines]
        assert changed == (["serves.unpriced = { }"] if name == "fleet.toml" else [])
        assert f"--- {name}" in out
    assert Path("more.toml").stat().st_mode & 0o777 == 0o640
    after = read_fleet("fleet.toml")
    for name, source in before.sources.items():
        for served, serving in source.serves.items():
            now = after.sources[name].serves[served].prices
            assert now[: len(serving.prices)] == serving.prices
            assert {str(it.since) for it in now[len(serving.prices) :]} <= {"2026-12-01"}
    code, found = asked(capsys, "--on", "2026-12-01")
    assert (code, found["differences"]) == (0, [])
    code, found = asked(capsys, "--on", "2026-11-30")
    assert code == 1
    assert len(found["differences"]) == 13


def test_an_update_that_changes_nothing_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "update", "--data", "data.json", "--since", "2026-12-01"]) == 0
    text = Path("fleet.toml").read_text()
    assert run(["prices", "update", "--data", "data.json", "--since", "2026-12-02"]) == 0
    _, err = capsys.readouterr()
    assert "Wrote 0 price entries" in err
    assert Path("fleet.toml").read_text() == text


def test_a_dry_run_prints_the_difference_and_writes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--data", "data.json", "--since", "2026-12-01", "--dry-run"]
    assert run(["prices", "update", *options]) == 0
    out, _ = capsys.readouterr()
    added = [line for line in out.splitlines() if re.match(r"\+[^+]", line)]
    assert (
        '+  { since = 2026-12-01, input = "1.50", cached_input = "0.15", output = "6.00" },'
        in added
    )
    assert Path("fleet.toml").read_text() == FLEET
    assert Path("more.toml").read_text() == MORE


def test_the_past_is_never_changed_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    later = FLEET.replace('since = 2026-01-01, input = "1"', 'since = 2026-12-05, input = "1"')
    Path("fleet.toml").write_text(later)
    assert run(["prices", "update", "--data", "data.json", "--since", "2026-12-01"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        "sources.api.serves.dearer.prices declares a price for standard from 2026-12-05 on" in err
    )
    assert Path("fleet.toml").read_text() == later
    assert Path("more.toml").read_text() == MORE


@pytest.mark.parametrize(
    "serving",
    [
        'serves.same = { prices = [] }',
        'serves = { same = { context = 5 } }',
        '[sources.api.serves.same]',
        '[sources.api.serves.same]\nprices = [{ since = 2026-01-01, input = "1", output = "1" }]',
        '[sources.api.serves.same]\nprices = [\n\t{ since = 2026-01-01, input = "1", '
        'output = "1" }\n]',
        '[sources.api.serves."same"]\n[[sources.api.serves."same".prices]]\nsince = 2026-01-01\n'
        'input = "1"\noutput = "1"\n# last words',
    ],
)  # fmt: skip
def test_every_layout_can_be_added_to(serving: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = f'version = 1\n[models.same]\n[sources.api]\nkind = "api"\nurl = "{URL}"\n'
    Path("one.toml").write_text(f"{head}{serving}\n\n[tenants.team]   # who pays\n")
    options = ["--data", "data.json", "--since", "2026-12-01"]
    assert run(["prices", "update", "one.toml", *options]) == 0
    assert run(["prices", "diff", "one.toml", "--data", "data.json", "--on", "2026-12-01"]) == 0
    last: Price = read_fleet("one.toml").sources["api"].serves["same"].prices[-1]
    assert (last.input, last.output) == (2_000_000, 8_000_000)
    assert "[tenants.team]   # who pays" in Path("one.toml").read_text()


def test_the_installed_package_is_the_data_unless_a_file_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fleet = (
        'version = 1\n[models."gpt-5-mini"]\n[sources.api]\nkind = "api"\n'
        'url = "https://api.openai.com/v1"\nserves."gpt-5-mini" = {}\n'
    )
    Path("one.toml").write_text(fleet)
    assert run(["prices", "diff", "one.toml", "--json", "--tier", "batch"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["data"].startswith("genai-prices ")
    assert {it["tier"] for it in found["differences"]} == {"standard", "batch"}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["diff", "--on", "yesterday"], '--on is "yesterday", not a date. Write a UTC date'),
        (
            ["diff", "--tier", "bach"],
            '--tier is "bach"; known: batch, flex, priority. Did you mean',
        ),
        (["diff", "--data", "fleet.toml"], "fleet.toml is not JSON. Name a file of genai-prices"),
        (["diff", "--data", "nowhere.json"], "nowhere.json: no such file or directory"),
        (["update", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["update", "--since", "2026-13-01"], "not a date"),
    ],
)
def test_a_bad_question_is_answered_with_the_mend(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    data = [] if "--data" in argv else ["--data", "data.json"]
    assert run(["prices", *argv, *data]) == 2
    assert words in capsys.readouterr().err


def test_without_package_and_file_the_mend_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)
    assert run(["prices", "diff"]) == 2
    assert "pip install 'tollway[prices]'" in capsys.readouterr().err
