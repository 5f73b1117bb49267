"""`tollway usage`: groups, filters, exact sums."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.dispatch.messages import Outcome, Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z."""


def reserved(name: str, tenant: str = "demo", utc: float = NOON, tag: str | None = None) -> Reserve:
    return Reserve(name, "key00001", tenant, "chat", "chat", 2_500_000, 10, 20, utc, tag)


def settled(
    name: str, cost: int, source: str = "h200", utc: float = NOON, outcome: Outcome = "completed"
) -> Settle:
    return Settle(
        request=name,
        outcome=outcome,
        code=None,
        source=source,
        model="llama",
        upstream_model="llama",
        tier="standard",
        usage=Usage(input=10, output=5, estimated=outcome == "cancelled"),
        cost=cost,
        attempts=1,
        failed=(),
        ttft=0.1,
        duration=1.0,
        utc=utc,
    )


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    ledger = open_for_gateway(tmp_path / "ledger.sqlite")
    ledger.book([reserved("a", tag="night"), settled("a", 1_234_567)])
    ledger.book([reserved("b"), settled("b", 1, source="mi300x", outcome="cancelled")])
    yesterday = NOON - 86_400
    ledger.book([reserved("c", "other", yesterday), settled("c", 10**19 // 3, utc=yesterday)])
    ledger.book([reserved("d"), settled("d", 0)])
    ledger.book([reserved("open")])
    ledger.close()
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert run(["usage", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_shows_exact_money_whose_rows_add_up_to_the_total(
    capsys: pytest.CaptureFixture[str],
):
    assert run(["usage", "--by", "source"]) == 0
    out, err = capsys.readouterr()
    heading, *rows, total = out.splitlines()
    assert heading.split() == [
        *["source", "requests", "completed", "cancelled", "input", "output", "unbilled"],
        *["estimated", "cost"],
    ]
    money = [Decimal(row.split()[-1].replace("$", "").replace(",", "")) for row in [*rows, total]]
    assert sum(money[:-1]) == money[-1] == Decimal(10**19 // 3 + 1_234_568).scaleb(-12)
    assert [row.split()[0] for row in [*rows, total]] == ["h200", "mi300x", "total"]
    assert "Reserved and not settled yet: 1 requests, $0.0000025." in err
    assert "prepaid, or no price is declared for their source" in err


def test_json_has_money_as_exact_decimal_text(capsys: pytest.CaptureFixture[str]):
    report = asked(capsys, "--by", "tenant")
    costs = {row["tenant"]: row["cost_usd"] for row in report["rows"]}
    assert costs == {"demo": "0.000001234568", "other": "3333333.333333333333"}
    assert report["total"]["cost_usd"] == "3333333.333334567901"
    assert report["open"] == {"requests": 1, "reserved_usd": "0.000002500000"}
    assert report["total"]["outcomes"]["cancelled"] == report["total"]["estimated"] == 1


@pytest.mark.parametrize("by", [["--by", "day,tenant"], ["--by", "day", "--by", "tenant"]])
def test_groups_may_be_several_and_days_come_in_order(
    capsys: pytest.CaptureFixture[str], by: list[str]
):
    rows = asked(capsys, *by)["rows"]
    groups = [(row["day"], row["tenant"], row["requests"]) for row in rows]
    assert groups == [("2027-01-14", "other", 1), ("2027-01-15", "demo", 3)]


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (["--since", "2027-01-15"], 3),
        (["--until", "2027-01-15"], 1),
        (["--since", "2027-01-15T12:00", "--until", "2027-01-15T12:00:01Z"], 3),
        (["--tenant", "other"], 1),
        (["--key", "key00001"], 4),
        (["--model", "gpt"], 0),
        (["--source", "mi300x"], 1),
        (["--route", "chat"], 4),
        (["--tag", "night"], 1),
        (["--tag", "' OR 1=1 --"], 0),
    ],
)
def test_filters_hold(capsys: pytest.CaptureFixture[str], options: list[str], requests: int):
    assert asked(capsys, *options)["total"]["requests"] == requests


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--by", "tenat"], 'Did you mean "tenant"?'),
        (["--since", "yesterday-ish"], "not a moment"),
        (["--since", "2027-01-02", "--until", "2027-01-01"], "not before --until"),
        (["--ledger", "nowhere.sqlite"], "no ledger here"),
    ],
)
def test_a_bad_question_is_answered_with_the_mend(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
):
    assert run(["usage", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_on_a_terminal_the_numbers_are_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["usage", "--by", "source"]) == 0
    out = capsys.readouterr().out
    assert "$3,333,333.333334567901" in out
    assert "total" in out
