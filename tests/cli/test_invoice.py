"""`tollway invoice`, `tollway margin`, `tollway usage --charged`: what they print adds up."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.dispatch.messages import FailedAttempt, Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

NOVEMBER = 1_795_000_000.0
"""2026-11-18T11:06:40Z, before the tests' own clock."""
DECEMBER = NOVEMBER + 20 * 86_400

FLEET = """
version = 1
[models.llama]
[models.gpt]
[sources.own]
kind = "server"
url = "http://10.0.0.7:8000/v1"
serves = { llama = {}, gpt = {} }
[tenants.acme]
price_book = "retail"
[tenants.team]
[[price_books.retail]]
since = 2026-11-01
monthly = "10.00"
included = "0.50"
markup = "0.20"
[[price_books.retail.rates]]
model = "llama"
input = "0.50"
output = "2.00"
steps = [{ of = "output", up_to = 1000000, price = "0" }]
"""


def settled(
    name: str,
    cost: int,
    *,
    tenant: str = "acme",
    model: str = "llama",
    utc: float = NOVEMBER,
    failed: tuple[FailedAttempt, ...] = (),
    **tokens: Any,
) -> list[Reserve | Settle]:
    return [
        Reserve(name, "key00001", tenant, "chat", "chat", 10, 10, 20, utc, None),
        Settle(
            request=name,
            outcome="completed",
            code=None,
            source="own",
            model=model,
            upstream_model=model,
            tier="standard",
            usage=Usage(**tokens),
            cost=cost,
            attempts=1 + len(failed),
            failed=failed,
            ttft=0.1,
            duration=1.0,
            utc=utc,
        ),
    ]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: DECEMBER + 86_400)
    (tmp_path / "fleet.toml").write_text(FLEET)
    ledger = open_for_gateway(tmp_path / "ledger.sqlite")
    lost = FailedAttempt(1, "own", "gpt", "status", 500, Usage(input=1), 3, 0.1)
    ledger.book(settled("a", 700_000_000_000, input=2_000_000, output=900_000))
    ledger.book(settled("b", 100_000_000_001, output=200_000, failed=(lost,)))
    ledger.book(settled("c", 1_000_000_000_003, model="gpt", input=7, output=5))
    ledger.book(settled("d", 5, tenant="team", output=1))
    ledger.book(settled("e", 9, utc=DECEMBER, output=3))
    ledger.book([settled("f", 77, output=1)[1]])
    ledger.close()
    return tmp_path


Ask = Callable[..., Any]


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Ask:
    def ask(*argv: str) -> Any:
        assert run([*argv, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


COST = Decimal("1.800000000004")
"""Of acme in November, as the ledger has it."""


def test_the_rows_of_an_invoice_add_up_to_whole_cents_and_to_the_ledgers_cost(
    capsys: pytest.CaptureFixture[str], asked: Ask
) -> None:
    assert run(["invoice", "acme", "--month", "2026-11", "--csv", "--cost"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sum(Decimal(row["charged_usd"]) for row in rows) == Decimal("11.90")
    assert sum(Decimal(row["cost_usd"]) for row in rows) == COST
    used = asked("usage", "--tenant", "acme", "--since", "2026-11-01", "--until", "2026-12-01")
    assert Decimal(used["total"]["cost_usd"]) == COST
    assert [(row["item"], row["above"], row["count"], row["charged_usd"]) for row in rows] == [
        ("usage", "0", "12", "1.200000000007"),  # (1.000000000003 + 3 of a failed attempt) x 1.2
        ("input tokens", "0", "2000000", "1.000000000000"),
        ("output tokens", "0", "1000000", "0.000000000000"),
        ("output tokens", "1000000", "100000", "0.200000000000"),
        ("monthly fee", "", "", "10.000000000000"),
        ("covered by the fee", "", "", "-0.500000000000"),
        ("rounding to cents", "", "", "-0.000000000007"),
    ]


def test_json_says_what_csv_says(asked: Ask) -> None:
    found = asked("invoice", "acme", "--month", "2026-11")
    assert (found["price_book"], found["terms_since"]) == ("retail", "2026-11-01")
    items = [item for line in found["lines"] for item in line["items"]]
    lines = sum(Decimal(line["charged_usd"]) for line in found["lines"])
    assert sum(Decimal(item["charged_usd"]) for item in items) == lines
    charged = lines + Decimal(found["fee_usd"]) - Decimal(found["covered_usd"])
    assert charged == Decimal(found["charged_usd"])
    assert charged + Decimal(found["rounding_usd"]) == Decimal(found["due_usd"])
    assert found["due_usd"] == "11.90"
    assert items[1] | {"count": 0} == {
        "item": "input tokens",
        "above": 0,
        "count": 0,
        "price_usd": "0.5",
        "per": 1_000_000,
        "charged_usd": "1.000000000000",
    }


def test_what_it_cost_is_not_on_an_invoice_unless_asked_for(
    capsys: pytest.CaptureFixture[str], asked: Ask
) -> None:
    for form in ([], ["--csv"], ["--json"]):
        assert run(["invoice", "acme", "--month", "2026-11", *form]) == 0
        out = capsys.readouterr().out
        assert "cost" not in out
        assert "1.000000000006" not in out
    assert asked("invoice", "acme", "--month", "2026-11", "--cost")["cost_usd"] == f"{COST}"


def test_the_table_adds_up_on_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoice", "acme", "--month", "2026-11", "--cost"]) == 0
    out, err = capsys.readouterr()
    heading, *rows, due = out.splitlines()
    assert heading.split() == ["model", "item", "above", "count", "USD", "per", "charged", "cost"]
    assert due.split() == ["due", "$11.900000000000", "$1.800000000004"]
    amounts = [row.split("$") for row in rows]
    charged = [Decimal(it[1].split()[0]) * (-1 if it[0].endswith("-") else 1) for it in amounts]
    assert sum(charged) == Decimal("11.9")
    assert err == ""


def test_a_month_that_is_not_over_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoice", "acme"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].split() == ["due", "$10.00"]
    assert err == "The month is not over: this is what it holds so far.\n"


def test_an_edit_of_later_terms_leaves_an_earlier_invoice_as_it_was(asked: Ask, here: Path) -> None:
    before = asked("invoice", "acme", "--month", "2026-11")
    later = '[[price_books.retail]]\nsince = 2026-12-01\nmarkup = "9"\n'
    (here / "fleet.toml").write_text(FLEET + later)
    assert asked("invoice", "acme", "--month", "2026-11") == before
    assert asked("invoice", "acme", "--month", "2026-12")["charged_usd"] == "0.000000000090"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["acmee"], 'TENANT is "acmee"; known: acme, team. Did you mean "acme"?'),
        (["team"], "tenants.team names no price book: it is charged nothing. Write price_book"),
        (
            ["acme", "--month", "2026-10"],
            "price_books.retail holds from 2026-11 on, after 2026-10. Name a later month",
        ),
        (["acme", "--month", "2027-10"], '--month is "2027-10", which has not begun.'),
        (
            ["acme", "--month", "11/2026"],
            'is "11/2026", not a month. Write year and month: 2026-12',
        ),
        (["acme", "--csv", "--json"], "prints --csv or --json. Give one of them."),
        (["acme", "--ledger", "nowhere.sqlite"], "no ledger here"),
        (["acme", "--fleet", "nowhere.toml"], "cannot be read"),
    ],
)
def test_a_bad_question_is_answered_with_the_mend(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert run(["invoice", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_margins_add_up_to_the_ledger_and_to_the_bills(asked: Ask) -> None:
    found = asked("margin", "--month", "2026-11")
    rows = {(row["tenant"], row["model"]): row for row in found["rows"]}
    assert {key: row["charged_usd"] for key, row in rows.items()} == {
        (None, "llama"): "0.000000000000",
        ("acme", "(fee)"): "9.500000000000",
        ("acme", "gpt"): "1.200000000007",
        ("acme", "llama"): "1.200000000000",
        ("team", "llama"): "0.000000000000",
    }
    assert rows["acme", "gpt"]["margin_usd"] == "0.200000000001"
    used = asked("usage", "--since", "2026-11-01", "--until", "2026-12-01")
    for name in ("cost", "charged", "margin"):
        amounts = [Decimal(row[f"{name}_usd"]) for row in found["rows"]]
        assert sum(amounts) == Decimal(found["total"][f"{name}_usd"])
    assert found["total"]["cost_usd"] == used["total"]["cost_usd"]
    assert found["total"]["charged_usd"] == "11.900000000007"
    for by in ("tenant", "model", "month"):
        assert asked("margin", "--month", "2026-11", "--by", by)["total"] == found["total"]


def test_a_margin_says_who_is_charged_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["margin", "--since", "2026-11"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == [
        *("tenant", "model", "cost", "charged", "margin", "of", "charged"),
    ]
    assert "Charged nothing, for want of a price book that held: -, team; cost $0.0000." in err
    assert run(["margin", "--since", "2026-11", "--month", "2026-11"]) == 2
    assert run(["margin", "--by", "tenat"]) == 2
    assert 'Did you mean "tenant"?' in capsys.readouterr().err


def test_charges_beside_usage_are_those_of_the_bills(asked: Ask) -> None:
    found = asked("usage", "--charged", "--by", "month,tenant")
    assert [(row["month"], row["tenant"], row["charged_usd"]) for row in found["rows"]] == [
        ("2026-11", None, "0.000000000000"),
        ("2026-11", "acme", "11.900000000007"),
        ("2026-11", "team", "0.000000000000"),
        ("2026-12", "acme", "10.000000000000"),
    ]
    assert found["total"]["charged_usd"] == "21.900000000007"
    by_model = asked("usage", "--charged")
    assert by_model["total"]["charged_usd"] == "21.900000000007"
    assert {row["model"] for row in by_model["rows"]} == {"llama", "gpt", "(fee)"}
    assert asked("usage", "--charged", "--model", "gpt")["total"]["charged_usd"] == "1.200000000007"
    assert "charged_usd" not in asked("usage")["total"]


def test_the_table_of_usage_has_a_column_for_charges(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--charged"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("charged")
    assert lines[-1].endswith("$21.900000000007")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--by", "day"], "--by is day; charges are reckoned by tenant, model, month."),
        (["--source", "own"], "--source is finer than what charges are reckoned by."),
        (["--since", "2026-11-02"], "charges are reckoned by whole months. Name the first of a"),
    ],
)
def test_charges_are_split_by_nothing_finer(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert run(["usage", "--charged", *argv]) == 2
    assert words in capsys.readouterr().err


def test_a_rate_for_a_service_tier_is_found_by_the_tier_of_each_request(
    asked: Ask, here: Path
) -> None:
    whole = asked("invoice", "acme", "--month", "2026-11")["due_usd"]
    rate = '[[price_books.retail.rates]]\ntier = "standard"\nmarkup = "1"\n'
    (here / "fleet.toml").write_text(FLEET + rate)
    found = asked("invoice", "acme", "--month", "2026-11")
    assert [line["charged_usd"] for line in found["lines"]] == ["2.000000000012", "1.200000000000"]
    assert found["due_usd"] != whole


@pytest.mark.parametrize(
    "by",
    ["tenant", "key", "model", "source", "month", "key source", "tenant key model source month"],
)
def test_every_grouping_of_margins_adds_up_to_the_same(asked: Ask, by: str) -> None:
    whole = asked("margin", "--since", "2026-11", "--by", "tenant", "model")
    found = asked("margin", "--since", "2026-11", "--by", *by.split())
    assert found["total"] == whole["total"]
    assert Decimal(found["total"]["cost_usd"]) == Decimal(
        asked("usage", "--since", "2026-11-01")["total"]["cost_usd"]
    )
    for name in ("cost_usd", "charged_usd", "margin_usd"):
        assert sum(Decimal(row[name]) for row in found["rows"]) == Decimal(whole["total"][name])


def test_a_failed_attempts_cost_and_charge_are_those_of_its_own_source(asked: Ask) -> None:
    rows = asked("margin", "--month", "2026-11", "--by", "source", "key", "model")["rows"]
    used = asked(
        "usage", "--since", "2026-11-01", "--until", "2026-12-01", "--by", "source,key,model"
    )
    costs = {(it["source"], it["key"], it["model"]): it["cost_usd"] for it in used["rows"]}
    found = {(it["source"], it["key"], it["model"]): it["cost_usd"] for it in rows}
    assert found.pop(("(fee)", "(fee)", "(fee)")) == "0.000000000000"
    assert found == costs
