"""`tollway contracts burn`: commitments held against the ledger."""

import json
from pathlib import Path

import pytest

from tollway.cli.app import run
from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z."""

OWN = """
[parties.us]
title = "Us"
[parties.them]
title = "Them"
[contracts.a]
buyer = "us"
supplier = "them"
sources = ["pool"]
term = {start = 2027-01-14, months = 12}
commitment = {amount = "36500", true_up = "pay", models = ["m"]}
[contracts.b]
buyer = "us"
supplier = "them"
"""


def booked(name: str, source: str, model: str, days: int, cost: int) -> list[Reserve | Settle]:
    utc = NOON + days * 86_400
    usage = Usage(input=1, output=1)
    return [
        Reserve(name, "key00001", "demo", "chat", "chat", 1, 1, 1, utc),
        Settle(
            request=name,
            outcome="completed",
            code=None,
            source=source,
            model=model,
            upstream_model=model,
            tier="standard",
            usage=usage,
            cost=cost,
            attempts=1,
            failed=(),
            ttft=0.1,
            duration=1.0,
            utc=utc,
        ),
    ]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    ledger = open_for_gateway(tmp_path / "ledger.sqlite")
    dollar = 10**12
    for number, (source, model, days, cost) in enumerate(
        [("pool", "m", -1, 40), ("pool", "m", 0, 60), ("pool", "m", 1, 999), ("pool", "m", -2, 999),
         ("pool", "other", 0, 999), ("api", "m", 0, 999)]
    ):  # fmt: skip
        ledger.book(booked(f"r{number}", source, model, days, cost * dollar))
    ledger.close()
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return str(path)


def test_only_the_contracts_sources_and_models_draw_it_down(
    own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # 40 on the 14th and 60 on the 15th; the 16th is not over, and the 13th was before the start.
    # $50 a day for 363 days more: 100 + 18,150 = 18,250: 18,250 are to be paid.
    assert run(["contracts", "burn", "--file", own, "--today", "2027-01-16"]) == 1
    assert capsys.readouterr().out == (
        "a: 2027-01-14 to 2028-01-13, as of 2027-01-16\n"
        "  Spent $100.00 of $36,500.00 (0.3%).\n"
        "  At the pace of the last four weeks: $18,250.00 by its end:\n"
        "  $18,250.00 is to be paid.\n"
    )


def test_json_is_exact(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "burn", "a", "--file", own, "--today", "2027-01-14", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["commitments"]
    assert (row["forecast_usd"], row["to"], row["true_up"]) == (None, "2028-01-13", "pay")


def test_a_contract_without_sources_is_a_fault(
    own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contracts", "burn", "b", "--file", own]) == 2
    assert "contracts.b has no sources, whose cost draws it down." in capsys.readouterr().err
