"""`tollway contracts`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from tollway.cli.app import run

OWN = """
[parties.us]
title = "Us"
[parties.them]
title = "Them"
[contracts.a]
buyer = "us"
supplier = "them"
grade = "assumed"
term = {start = 2027-01-01, months = 12}
fee = [{monthly = "100"}]
capacity = [{chips = 8, chip = "h100"}]
notice = [{by = "either", days = 30}]
[contracts.b]
buyer = "us"
supplier = "them"
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return str(path)


def test_the_public_contracts_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "show"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 22
    assert any(row.startswith("anthropic-spacex ") and row.endswith("3") for row in rows)


def test_a_contract_is_shown_with_sources_and_what_is_not_stated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["contracts", "show", "google-spacex"]) == 0
    out = capsys.readouterr().out
    assert "fee          $920,000,000.00 a month from the start\n" in out
    assert "  [1] https://forklog.com/" in out
    assert "not stated: which chip" in out
    assert all(len(line) < 80 for line in out.splitlines() if "https://" not in line)


def test_what_is_printed_as_toml_is_a_file_of_contracts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contracts", "show", "anthropic-spacex", "--toml"]) == 0
    path = tmp_path / "copy.toml"
    path.write_text(capsys.readouterr().out)
    assert run(["contracts", "show", "anthropic-spacex"]) == 0
    packaged = capsys.readouterr().out
    assert run(["contracts", "show", "anthropic-spacex", "--file", str(path)]) == 0
    assert capsys.readouterr().out == packaged


def test_an_unknown_contract_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "exit", "google-spacx"]) == 2
    assert 'Did you mean "google-spacex"?' in capsys.readouterr().err
    assert run(["contracts", "exit", "anthropic-spacex:s-2"]) == 2
    assert 'anthropic-spacex: READING is "s-2"' in capsys.readouterr().err


def test_an_exit_as_json_is_exact_and_a_row_for_each_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["contracts", "exit", "anthropic-spacex", "--on", "2026-11-22", "--json"]
    assert run([*words, "--today", "2026-11-22"]) == 0
    exits = json.loads(capsys.readouterr().out)["exits"]
    assert [one["reading"] for one in exits] == ["s-1", "s-1-a", "musk-on-x"]
    assert {one["last_day"] for one in exits} == {"2027-02-20"}
    assert {one["tail_usd"] for one in exits} == {"3726190476.19"}
    assert exits[0]["owed"][0]["from"] == "2026-11-23"
    assert exits[0]["not_stated"] == ["whether the buyer pays a fee for leaving"]


def test_what_cannot_be_answered_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("exit", "cost"):
        assert run(["contracts", command, "openai-oracle"]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "openai-oracle: cannot be answered: " in captured.err


def test_a_total_that_was_said_is_no_cash(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "cost", "openai-aws"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "openai-aws: cannot be answered: no amount of it is stated." in captured.err


def test_costs_as_json_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "cost", "google-spacex", "--by", "month", "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    assert (cost["usd"], len(cost["sums"]), cost["not_stated"]) == ("30360000000.00", 33, 0)
    assert cost["chip_hour"]["usd"] == "11.4542"
    assert cost["tokens"] is None


def test_a_scenario_never_passes_as_a_fact(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "cost", "a", "--file", own]) == 0
    assert "Rests on assumed clauses, which are no facts: a." in capsys.readouterr().err


def test_tokens_want_a_chip_and_say_whose_word_it_is(
    own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contracts", "cost", "google-spacex", "--model", "llama-3.1-8b"]) == 1
    assert "which chip is not stated; --chip CHIP" in capsys.readouterr().out
    words = ["contracts", "cost", "a", "--file", own, "--model", "llama-3.1-8b", "--tp", "1"]
    assert run([*words, "--input", "128", "--output", "16", "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    price = cost["tokens"]["usd_per_mtok"]
    assert price["low"] < price["value"] < price["high"]
    assert (cost["tokens"]["chip"], cost["tokens"]["chip_assumed"]) == ("h100", False)


def test_a_promise_that_no_user_sees_kept_is_refused(
    own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["contracts", "cost", "a", "--file", own, "--model", "llama-3.1-8b", "--tp", "1"]
    assert run([*words, "--tpot", "1ms"]) == 2
    assert "--tpot is 1ms, which not even one user is served within" in capsys.readouterr().err


def test_what_differs_is_put_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "compare", "anthropic-spacex", "--on", "2026-06-15"]) == 0
    out = capsys.readouterr().out
    assert "alike: term, capacity, fee, notice, total\n" in out
    assert all(len(line) < 80 for line in out.splitlines())
    assert run(["contracts", "compare", "anthropic-spacex", "--on", "2026-06-15", "--json"]) == 0
    differ = json.loads(capsys.readouterr().out)["differ"]
    assert differ["lock-in"]["anthropic-spacex:s-1"] == "none"
    assert "term" not in differ


def test_one_contract_alone_is_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "compare", "google-spacex"]) == 2
    assert "Name two, or one that has readings." in capsys.readouterr().err


def test_the_calendar_is_of_every_contract_unless_some_are_named(
    own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["contracts", "calendar", "--since", "2026-12-01", "--file", own]
    assert run([*words, "--json"]) == 0
    dates = json.loads(capsys.readouterr().out)["dates"]
    assert {one["contract"] for one in dates} == {"a"}
    assert run([*words, "--ics"]) == 0
    assert capsys.readouterr().out.startswith("BEGIN:VCALENDAR")
    assert run([*words, "--until", "2026-11-30"]) == 2
    assert "--until is 2026-11-30, before --since" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--on", "--today"])
def test_a_day_that_is_none_is_a_fault(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contracts", "exit", "google-spacex", option, "tomorrow"]) == 2
    assert f'{option} is "tomorrow", not a date. Write it as' in capsys.readouterr().err


OFFERED = OWN.replace(
    "[contracts.b]",
    'offer = {since = "2027-01", until = "2027-06", most = 2, lead_months = 3}\n'
    'depends = {region = "east"}\n[contracts.b]',
)


def test_an_offer_is_shown_with_how_it_can_be_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "offered.toml"
    path.write_text(OFFERED)
    assert run(["contracts", "show", "a", "--file", str(path)]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert (
        "offer can be signed from 2027-01 to 2027-06, up to 2 in all, in service 3 months" in words
    )
    assert "depends on region east" in words


def test_a_calendar_of_everything_leaves_out_what_is_not_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "offered.toml"
    path.write_text(OFFERED)
    days = ["--since", "2027-01-01", "--until", "2027-12-31", "--file", str(path)]
    assert run(["contracts", "calendar", *days]) == 0
    assert capsys.readouterr().out == ""
    assert run(["contracts", "calendar", "a", *days]) == 0
    assert "DECIDE" in capsys.readouterr().out


METERED = """
[parties.us]
title = "Us"
[parties.them]
title = "Them"
[contracts.a]
buyer = "us"
supplier = "them"
term = {start = 2027-01-01, months = 2}
fee = [{rate = "2", per = "Mtok"}]
sla = [{below = "0.999", credit = "0.1"}]
delivery = [{by = 2027-01-01, chips = 8, rights = ["terminate"]}]
notice = [{by = "us", none = true}]
"""


def test_metered_use_and_what_comes_back_are_counted_where_they_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(METERED)
    asked = ["contracts", "cost", "a", "--file", str(path), "--json"]
    used = ["--used", "2027-01=50_000_000", "--used", "2027-02=100000000"]
    assert run([*asked, *used, "--available", "2027-02=99%"]) == 0
    [cost] = json.loads(capsys.readouterr().out)["costs"]
    assert [(it["due"], it["item"], it["usd"]) for it in cost["payments"]] == [
        ("2027-01-01", "metered use", "100.00"),
        ("2027-02-01", "metered use", "200.00"),
        ("2027-02-01", "SLA credit", "-20.00"),
    ]


@pytest.mark.parametrize("option", ["--used", "--available"])
def test_a_month_that_is_none_is_refused_with_its_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(METERED)
    assert run(["contracts", "cost", "a", "--file", str(path), option, "2027=x"]) == 2
    assert "Write each month once, as 2027-03=" in capsys.readouterr().err


def test_a_missed_delivery_is_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.toml"
    path.write_text(METERED)
    asked = ["contracts", "exit", "a", "--file", str(path), "--on", "2027-01-10"]
    assert run([*asked, "--delivered", "4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("a: we end it on 2027-01-10, for the missed delivery\n")
    assert "Last day of service: 2027-01-10." in out
