"""`tollway reconcile` and `tollway export focus`, out of a ledger on disk."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

NOVEMBER = 1_795_000_000.0
"""2026-11-18T11:06:40Z."""
DAY = 86_400

FLEET = """
version = 1
[models.big]
[models.claude]
[credentials]
key = "env:KEY"
[sources.openai]
kind = "api"
url = "https://api.openai.com/v1"
credential = "key"
vendor = "OpenAI"
region = "us"
serves.big = { upstream_model = "gpt-5" }
[sources.anthropic]
kind = "api"
url = "https://api.anthropic.com/v1"
serves.claude = { upstream_model = "claude-sonnet-4-5" }
[sources.own]
kind = "server"
url = "http://10.0.0.7:8000/v1"
serves.big = {}
[tenants.acme]
"""
OPENAI = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,"
    "quantity_unit,line_item,project_id\n"
    "1794960000,1795046400,2026-11-18T00:00:00+00:00,2026-11-19T00:00:00+00:00,1.50,usd,1,,"
    '"gpt-5-2025-08-07, input",p\n'
    "1794960000,1795046400,2026-11-18T00:00:00+00:00,2026-11-19T00:00:00+00:00,0.5000000000001,"
    'usd,1,,"gpt-5-2025-08-07, output",p\n'
    "1795046400,1795132800,2026-11-19T00:00:00+00:00,2026-11-20T00:00:00+00:00,,,,,,\n"
    "1795132800,1795219200,2026-11-20T00:00:00+00:00,2026-11-21T00:00:00+00:00,0.25,usd,1,,"
    '"web search tool calls, gpt-5",p\n'
)
ANTHROPIC = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd\n"
    "2026-11-18,Claude Sonnet 4.5,Default,k,message,200k,input_no_cache,3.00\n"
    "2026-11-18,Claude Sonnet 4.5,Default,k,message,200k,output,0.01\n"
)


def settled(name: str, source: str, model: str, cost: int, utc: float) -> list[Reserve | Settle]:
    return [
        Reserve(name, "key00001", "acme", "chat", "chat", 10, 10, 20, utc, None),
        Settle(
            request=name,
            outcome="completed",
            code=None,
            source=source,
            model=model,
            upstream_model=model,
            tier="standard",
            usage=Usage(input=10, output=5),
            cost=cost,
            attempts=1,
            failed=(),
            ttft=0.1,
            duration=1.0,
            utc=utc,
        ),
    ]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOVEMBER + 30 * DAY)
    for name, text in (("fleet.toml", FLEET), ("openai.csv", OPENAI), ("anthropic.csv", ANTHROPIC)):
        (tmp_path / name).write_text(text)
    ledger = open_for_gateway(tmp_path / "ledger.sqlite")
    ledger.book(settled("a", "openai", "big", 1_990_000_000_000, NOVEMBER))
    ledger.book(settled("b", "openai", "big", 30_000_000_000, NOVEMBER + DAY))
    ledger.book(settled("c", "own", "big", 7, NOVEMBER))
    ledger.book(settled("d", "anthropic", "claude", 3_010_000_000_000, NOVEMBER))
    ledger.book(settled("e", "openai", "big", 5 * 10**12, NOVEMBER + 20 * DAY))
    ledger.close()
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code = run(["reconcile", *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_residual_is_named_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = asked(capsys, "openai.csv")
    assert code == 1
    assert (found["form"], found["sources"], found["apart"]) == ("openai", ["openai"], True)
    lines = [(it["day"], it["model"], it["billed_usd"], it["booked_usd"]) for it in found["lines"]]
    assert lines == [
        ("2026-11-18", "big", "2.000000000000", "1.990000000000"),
        ("2026-11-19", "big", None, "0.030000000000"),
        ("2026-11-20", "web search tool calls", "0.250000000000", None),
    ]
    differences = [Decimal(it["difference_usd"]) for it in found["lines"]]
    assert sum(differences) == Decimal(found["residual_usd"]) == Decimal("0.23")
    assert Decimal(found["billed_usd"]) - Decimal(found["booked_usd"]) == Decimal("0.23")


def test_the_words_say_what_only_one_side_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reconcile", "openai.csv", "--by", "day,model"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == [
        *("2026-11-18", "big", "$2.0000", "$1.9900", "$0.0100", "+0.50%"),
    ]
    assert out.splitlines()[-1].split() == ["total", "$2.2500", "$2.0200", "$0.2300", "+10.22%"]
    assert "Only on the bill: web search tool calls (1 day); $0.2500 in all." in err
    assert "Only in the ledger: big (1 day); $0.0300 in all." in err
    assert "Residual: the bill is $0.2300 above what the ledger has for openai: more than 1%" in err


@pytest.mark.parametrize(
    ("within", "code"), [("1%", 1), ("10.2%", 1), ("10.3%", 0), ("0.229", 1), ("0.23", 0)]
)
def test_the_exit_code_says_whether_they_are_apart(within: str, code: int) -> None:
    assert run(["reconcile", "openai.csv", "--within", within]) == code


def test_a_bill_that_agrees_exits_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = asked(capsys, "anthropic.csv", "--within", "0")
    assert code == 0
    assert (found["form"], found["residual_usd"]) == ("anthropic", "0.000000000000")
    assert found["lines"][0]["model"] == "claude"


def test_any_csv_is_read_by_its_columns(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "other.csv").write_text(
        'Date,SKU,Cost,Cur\n2026-11-18T23:30:00-02:00,gpt-5,"$1,234.50",USD\n'
    )
    columns = ["--columns", "day=Date,model=SKU,amount=Cost,currency=Cur"]
    code, found = asked(capsys, "other.csv", "--source", "openai", *columns)
    assert code == 1
    assert found["lines"][0] | {"booked_usd": None} == {
        "day": "2026-11-19",  # in UTC
        "model": "big",
        "billed_usd": "1234.500000000000",
        "booked_usd": None,
        "difference_usd": "1234.470000000000",
    }


def test_a_month_is_compared_whole(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = asked(capsys, "openai.csv", "--month", "2026-11")
    assert found["booked_usd"] == "2.020000000000"
    assert run(["reconcile", "openai.csv", "--month", "2026-10"]) == 2
    assert "has no amounts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "argv", "words"),
    [
        ("a,b\n1,2\n", [], "is no bill of a known form; its heading has a, b. Name its columns"),
        ("a,b\n1,2\n", ["--columns", "day=a,model=b,amount=c"], "names c, which bill.csv has not"),
        ("a,b\n1,2\n", ["--columns", "day=a,model=b"], "--columns names no column for amount"),
        ("a,b\n1,2\n", ["--columns", "dey=a"], '--columns is "dey"; known: amount, currency, day'),
        (
            "a,b,c\nyesterday,m,1\n2026-11-18,m,lots\n",
            ["--columns", "day=a,model=b,amount=c", "--source", "own"],
            "bill.csv: line 2 a is no date. Export the bill again, or name other columns.\n"
            "bill.csv: line 3 c is no amount",
        ),
        (
            "a,b,c,d\n2026-11-18,m,1,EUR\n",
            ["--columns", "day=a,model=b,amount=c,currency=d", "--source", "own"],
            "bill.csv: line 2 is in EUR. Export the bill in USD.",
        ),
        (
            "a,b,c\n2026-11-18,m,1\n",
            ["--columns", "day=a,model=b,amount=c"],
            "--source is needed: no source of the fleet is at a known provider.",
        ),
        (OPENAI, ["--source", "opena"], '--source is "opena"; known: anthropic, openai, own.'),
        (OPENAI, ["--within", "a bit"], '--within is "a bit". Write a share of the bill (1%)'),
        (OPENAI, ["--by", "week"], '--by is "week"; known: day, model'),
    ],
)
def test_a_bad_bill_or_question_is_answered_with_the_mend(
    capsys: pytest.CaptureFixture[str], here: Path, content: str, argv: list[str], words: str
) -> None:
    (here / "bill.csv").write_text(content)
    assert run(["reconcile", "bill.csv", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_focus_rows_of_a_month_add_up_to_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "focus", "--month", "2026-11"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert run(["usage", "--since", "2026-11-01", "--until", "2026-12-01", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["total"]["cost_usd"]
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal(cost)
    openai = next(row for row in rows if row["x_Source"] == "openai")
    assert (openai["ServiceProviderName"], openai["RegionId"]) == ("OpenAI", "us")
    assert {row["x_ServiceTier"] for row in rows} == {"standard"}


def test_focus_rows_are_json_lines_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "focus", "--month", "2026-11", "--json", "--tenant", "acme"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4
    assert {line["SubAccountId"] for line in lines} == {"acme"}
    assert all(line["ChargeClass"] is None for line in lines)
