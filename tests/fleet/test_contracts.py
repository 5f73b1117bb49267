"""Contracts in files: every fault with place, value and mend; what is rendered reads the same."""

from types import MappingProxyType

import pytest

from tollway.catalog import contract_texts
from tollway.errors import FaultsFound
from tollway.fleet.contract_quantities import when
from tollway.fleet.parse import parse, parse_contracts
from tollway.fleet.render import render
from tollway.fleet.render_contracts import blocks

HEAD = """
[parties.us]
title = "Us"
[parties.them]
title = "Them"
[contracts.x]
buyer = "us"
supplier = "them"
"""
TERM = "term = {start = 2026-05-01, end = 2027-04-30}\n"


def faults(text: str, head: str = HEAD) -> list[str]:
    with pytest.raises(FaultsFound) as found:
        parse_contracts({"c.toml": head + text}, "c.toml")
    return [str(fault).removeprefix("c.toml: contracts.x.") for fault in found.value.faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'term = {start = 2026-05-01, end = "2026-04"}',
            "term.end is 2026-04, before its start, 2026-05-01. "
            "Write an end that is not before the start.",
        ),
        (
            "term = {start = 2026-05-01, end = 2027-01-01, months = 3}",
            "term.months is given beside end. Keep one of them.",
        ),
        (
            'term = {start = "May 2026"}',
            'term.start is "May 2026", not a date. Write a date without quotes (2026-05-01), or '
            'what is known of it: "2026-05", "2026-Q2".',
        ),
        (
            TERM + 'capacity = [{chips = 1}, {since = "2027-05", chips = 2}]',
            "capacity[1].since is 2027-05: the ramp goes beyond the term, which ends on "
            "2027-04-30. Take the step out, or write a later end.",
        ),
        (
            TERM + 'fee = [{monthly = "1"}, {month = 13, monthly = "2"}]',
            "fee[1].month is 13: the ramp goes beyond the term, which ends on 2027-04-30. "
            "Take the step out, or write a later end.",
        ),
        (
            TERM + 'fee = [{since = 2026-04-01, monthly = "1"}]',
            "fee[0].since is 2026-04-01, before the term, which starts on 2026-05-01. "
            "Write when it holds, or an earlier start.",
        ),
        (
            TERM + 'fee = [{since = 2026-09-01, monthly = "1"}, {month = 2, monthly = "1"}]',
            "fee[1] begins on 2026-06-01, and the step before it on 2026-09-01. "
            "Write steps in the order of their days.",
        ),
        (
            TERM + "capacity = [{since = 2026-06-01, month = 2, chips = 1}]",
            "capacity[0].month is given beside since. Keep one of them.",
        ),
        (
            'fee = [{monthly = "EUR 5"}]',
            "fee[0].monthly is in EUR, and Tollway counts in one currency, USD. "
            "Write USD, at a rate that you state in its note.",
        ),
        (
            'currency = "EUR"',
            'currency is "EUR"; Tollway counts in one currency, USD. '
            "Write amounts in USD, at a rate that you state in a note.",
        ),
        (
            "fee = [{monthly = 1250000000}]",
            "fee[0].monthly is 1250000000, not text. "
            'Money is exact: write it as text, "1250000000".',
        ),
        (
            'fee = [{monthly = "1.25e9"}]',
            'fee[0].monthly is "1.25e9", not an amount of money. '
            'Write USD as a decimal in text: "1_250_000_000" or "0.25".',
        ),
        (
            'fee = [{monthly = "1", rate = "1"}]',
            "fee[0].rate is given beside monthly. Keep one of them.",
        ),
        (
            'fee = [{rate = "1"}]',
            'fee[0].per is missing. Write what the rate is for: per = "chip-hour".',
        ),
        (
            'fee = [{rate = "1", per = "mw-month"}]',
            'fee[0].per is "mw-month", and no capacity states mw. '
            "Write it: [[contracts.NAME.capacity]] with mw.",
        ),
        (
            'fee = [{monthly = "1", metered = true}]',
            'fee[0].metered is true. Only per = "chip-hour" and "Mtok" can be metered.',
        ),
        (
            'capacity = [{chip = "h10", chips = 1}]',
            None,  # the list of chips is long; see below
        ),
        (
            'backstop = [{guarantor = "gogle"}]',
            'backstop[0].guarantor is "gogle"; known: them, us. Declare it: [parties.gogle].',
        ),
        (
            'reclaim = {by = "thm", share = "0.5"}',
            'reclaim.by is "thm"; known: them, us. Did you mean "them"?',
        ),
        (
            'notice = [{by = "us"}]',
            "notice[0] says nothing. Write one of days, months, none, or take the clause out.",
        ),
        (
            'notice = [{by = "us", days = 3, months = 1}]',
            "notice[0].months is given beside days. Keep one of them.",
        ),
        (
            'notice = [{by = "us", days = 3}, {by = "either", days = 5}]',
            'notice[1].by is "either", and notice[0] is of that side already. '
            "State a side's notice once.",
        ),
        (
            TERM + 'notice = [{by = "us", days = 3, not_before = 2027-05-01}]',
            "notice[0].not_before is 2027-05-01, beyond the term, which ends on 2027-04-30. "
            "Write an earlier day.",
        ),
        (
            TERM + "lock_in = {months = 13}",
            "lock_in lasts until 2027-05-31, beyond the term, which ends on 2027-04-30. "
            "Shorten it, or write a later end.",
        ),
        (
            TERM + 'prepay = {amount = "1", on = 2027-06-01}',
            "prepay.on is 2027-06-01, beyond the term, which ends on 2027-04-30. "
            "Write an earlier day.",
        ),
        (
            'prepay = {share = "1.5"}',
            'prepay.share is "1.5". A share is "1" at most; 3% is "0.03".',
        ),
        (
            'tiers = [{price = "1"}]',
            'tiers price nothing. Write a fee with per = "Mtok".',
        ),
        (
            'fee = [{per = "Mtok"}]\ntiers = [{price = "1"}, {price = "2"}]',
            "tiers[0].up_to is missing. Only the last tier is without end.",
        ),
        (
            'fee = [{per = "Mtok"}]\ntiers = [{up_to = 5, price = "1"}]',
            "tiers[0].up_to is 5: nothing prices what comes after. Leave it away in the last tier.",
        ),
        (
            'fee = [{per = "Mtok"}]\n'
            'tiers = [{up_to = 5, price = "1"}, {up_to = 5, price = "1"}, {price = "1"}]',
            "tiers[1].up_to is 5, and the tier before it ends at 5. "
            "Write tiers from the lowest to the highest.",
        ),
        (
            "delivery = [{grace_days = 3, grace_months = 1}]",
            "delivery[0].grace_months is given beside grace_days. Keep one.",
        ),
        (
            'capacity = [{mw = "5"}]',
            'capacity[0].mw is "5", not a number. Write megawatts: 168 or 0.5.',
        ),
        ("commitment = {}", "commitment.amount is missing. Write it: uSD in each period."),
    ],
)
def test_a_fault_of_a_contract(text: str, expected: str | None) -> None:
    found = faults(text)
    if expected is None:
        assert len(found) == 1
        assert found[0].startswith('capacity[0].chip is "h10"; known: ')
        assert found[0].endswith('Did you mean "h100"?')
    else:
        assert found == [expected]


def test_an_unknown_party_signs_nothing() -> None:
    assert faults(
        "", '[parties.us]\ntitle = "Us"\n[contracts.x]\nbuyer = "us"\nsupplier = "y"'
    ) == ['supplier is "y"; known: us. Declare it: [parties.y].']


def test_what_hangs_on_a_faulty_key_is_not_reported_beside_it() -> None:
    assert len(faults('notice = [{by = "us", days = "90"}]')) == 1
    assert len(faults('capacity = [{chips = 1}]\nfee = [{rate = 5, per = "chip-hour"}]')) == 1


def test_a_reading_is_checked_as_a_contract_of_its_own() -> None:
    text = TERM + (
        "capacity = [{chips = 1}, {since = 2026-12-01, chips = 2}]\n"
        "[contracts.x.readings.short]\nterm = {start = 2026-05-01, months = 3}\n"
        "[contracts.x.readings.long]\nlock_in = {months = 24}\n"
    )
    assert faults(text) == [
        "capacity[1].since is 2026-12-01: the ramp goes beyond the term, which ends on 2026-07-31, "
        "as short reads it. Take the step out, or write a later end.",
        "readings.long.lock_in lasts until 2028-04-30, beyond the term, which ends on 2027-04-30. "
        "Shorten it, or write a later end.",
    ]


FLEET = """
version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves.m = {}
"""


def test_a_fleet_file_includes_contracts_and_its_sources_run_on_them() -> None:
    documents = {"fleet.toml": f"{FLEET}\n", "c.toml": HEAD + 'sources = ["s"]'}
    fleet = parse(documents, "fleet.toml")
    assert fleet.contracts["x"].sources == ("s",)
    with pytest.raises(FaultsFound, match=r'contracts\.x\.sources\[0\] is "z"; known: s'):
        parse({**documents, "c.toml": HEAD + 'sources = ["z"]'}, "fleet.toml")


def test_every_public_contract_ships_with_a_source_and_a_grade_for_each_clause() -> None:
    from tollway.cli.contract_words import lines

    contracts = parse_contracts(contract_texts(), "parties.toml")[1]
    assert len(contracts) == 21
    for contract in contracts.values():
        stated = [*lines(contract.clauses)]
        for reading in contract.readings.values():
            stated += lines(reading.clauses)
        for name, _, evidence in stated:
            assert (evidence.source or "").startswith("https://"), (contract.name, name)
            assert evidence.grade not in (None, "assumed"), (contract.name, name)
            assert evidence.date is not None, (contract.name, name)


def test_the_three_readings_of_the_spacex_lease_ship() -> None:
    contract = parse_contracts(contract_texts(), "parties.toml")[1]["anthropic-spacex"]
    assert list(contract.readings) == ["s-1", "s-1-a", "musk-on-x"]
    assert contract.clauses.lock_in is None


def test_what_is_rendered_reads_the_same() -> None:
    parties, contracts = parse_contracts(contract_texts(), "parties.toml")
    text = "\n\n".join("\n".join(block) for block in blocks(parties, contracts))
    again = parse_contracts({"c.toml": text}, "c.toml")
    assert again == (parties, contracts)


def test_a_fleet_is_rendered_with_its_contracts() -> None:
    everything = (
        'sources = ["s"]\nterm = {start = 2026-05-01, months = 24}\n'
        'capacity = [{chips = 5, chip = "h100", mw = 0.5, tokens_per_minute = 7}]\n'
        'fee = [{per = "Mtok"}]\ntiers = [{up_to = 5, price = "1.25"}, {price = "1"}]\n'
        'billing = {months = "contract", due = "end", days = 30}\nescalator = {share = "0.03"}\n'
        'minimum = {share = "0.5"}\nprepay = {share = "0.2", refunded = false}\n'
        'commitment = {amount = "9.5", models = ["m"], true_up = "pay", on_exit = "due"}\n'
        'lock_in = {months = 0}\nnotice = [{by = "us", days = 0}, {by = "them", none = true}]\n'
        'termination = [{by = "us", fee = "0"}]\nsla = [{below = "0.99", credit = "0.1"}]\n'
        'delivery = [{by = 2026-06-01, rights = ["discount"], discount = "0.05"}]\n'
        'backstop = [{guarantor = "us", amount = "1"}]\n'
        'provisioned = [{unit = "PTU", units = 5, not_guaranteed = ["capacity"]}]\n'
        'retirement = [{model = "m", on = "2027-Q1"}]\nreclaim = {by = "us", share = "0.1"}\n'
        'total = {amount = "5", about = true}\nremarks = [{text = "a"}]\n'
        'extension = {months = 6, by = "automatic", notice_days = 9}\n'
        '[contracts.x.readings.other]\ntitle = "T"\nsource = "s. 3"\ngrade = "assumed"\n'
        "lock_in = {days = 4, note = 'n'}\n"
    )
    fleet = parse({"fleet.toml": FLEET, "c.toml": HEAD + everything}, "fleet.toml")
    again = parse({"fleet.toml": render(fleet)}, "fleet.toml")
    assert again.contracts == fleet.contracts
    assert again.parties == fleet.parties
    assert isinstance(fleet.contracts, MappingProxyType)


@pytest.mark.parametrize("text", ["2026-05", "2026-Q2", "2026-H1", "2026-H2", "2026", "2026-Q4"])
def test_what_is_known_of_a_date_is_written_as_it_was_read(text: str) -> None:
    assert str(when(text)) == text
