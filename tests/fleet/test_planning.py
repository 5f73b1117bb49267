"""What is declared for a plan: every fault with place, value and mend; what is rendered reads the
same."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "plan"
FILES = ("fleet.toml", "demand.toml", "contracts.toml", "builds.toml")


def texts() -> dict[str, str]:
    return {name: (EXAMPLE / name).read_text(encoding="utf-8") for name in FILES}


def read(**edits: tuple[str, str]) -> Fleet:
    """The example, with something in a file of it replaced."""
    documents = texts()
    for name, (old, new) in edits.items():
        text = documents[f"{name}.toml"]
        assert old in text
        documents[f"{name}.toml"] = text.replace(old, new, 1)
    return parse(documents, "fleet.toml")


def faults(**edits: tuple[str, str]) -> list[str]:
    with pytest.raises(FaultsFound) as found:
        read(**edits)
    return [str(fault) for fault in found.value.faults]


def test_what_is_rendered_declares_the_same_plan() -> None:
    fleet = read()
    text = render(fleet)
    again = parse({"fleet.toml": text}, "fleet.toml")
    assert replace(again, digest="") == replace(fleet, digest="")
    assert render(again) == text


def test_everything_that_can_be_said_is_rendered() -> None:
    fleet = read(
        fleet=(
            "[models.",
            """
            [plan.contingencies.both]
            offers = ["alder", "own-h200"]
            models = ["llama-3.3-70b"]
            cover = "33.3333%"
            short = "0.125"
            since = "2028-02"
            [plan.contingencies.power]
            off = true
            [plan.contingencies.east]
            attribute = "region"
            value = "us-east"
            [plan.departures.leaves]
            offers = ["aspen-h100"]
            since = "2028-01"
            notice_days = 90
            probability = "12.5%"
            [plan.software.other]
            runs_on = ["cuda"]
            port_months = { rocm = 6 }
             [sources.alder.serves.other]
            [models.other]
            [models.""",
        ),
        demand=(
            "tokens_per_day = 15_000_000_000",
            'ledger = {}\nsource = "the books"\ngrade = "company"\nhours = '
            + str([1, 0.5, *[2] * 22]),
        ),
        builds=(
            "[builds.own-h200]",
            """[builds.own-h200]
            title = "Ours"
            least = 1
            since = "2027-04"
            until = "2028-06"
            lead_months = 0
            depends = { vendor = "maker" }
            group = "own"
            yields = [{ workload = "chat", model = "llama-3.3-70b", tokens_per_hour = 7 }]
            """,
        ),
    )
    again = parse({"fleet.toml": render(fleet)}, "fleet.toml")
    assert replace(again, digest="") == replace(fleet, digest="")
    assert again.plan is not None
    assert again.plan.contingencies["power"].attribute == "power"
    assert again.plan.contingencies["both"].cover == 333_333


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "months = 24",
            "months = 23",
            "plan.months is 23, not a number of whole quarters. Write a multiple of 3, or "
            'period = "month".',
        ),
        (
            "night = 8",
            "night = 9",
            "plan.blocks sum to 25 hours, and a day has 24. Write blocks whose hours make a day.",
        ),
        (
            'vendor = "60%"',
            'vendor = "160%"',
            'plan.limits.vendor is "160%". A share lies between "0%" and "100%".',
        ),
        (
            'vendor = "60%"',
            'vender = "60%"',
            'plan.limits.vender is "vender"; known: chip, guarantor, jurisdiction, power, '
            'region, site, software, vendor. Did you mean "vendor"?',
        ),
        (
            'beta = "90%"',
            'beta = "100%"',
            "plan.risk.beta is 100%, beyond which there is nothing. Write less, "
            '"90%": the worst tenth.',
        ),
        (
            'amount = "20_000_000"',
            'amount = "EUR 20_000_000"',
            "plan.budgets.first-year.amount is in EUR, and Tollway counts in one "
            "currency, USD. Write USD, at a rate that you state in its note.",
        ),
        (
            'amount = "20_000_000"',
            'amount = "€20_000_000"',
            "plan.budgets.first-year.amount is in €, and Tollway counts in one "
            "currency, USD. Write USD, at a rate that you state in its note.",
        ),
        (
            'last = "2027-12"',
            'last = "2026-12"',
            "plan.budgets.first-year.last is 2026-12, before its first, 2027-01. "
            "Write a last month that is not before it.",
        ),
        (
            'last = "2027-12"',
            'last = "2030-03"',
            "plan.budgets.first-year.last is 2030-03, outside the plan, 2027-01 to 2028-12. "
            "Write a month of the plan.",
        ),
        (
            'last = "2027-12"',
            'last = "2027-11"',
            "plan.budgets.first-year.last is 2027-11, within a period of the plan. Write months "
            'at which periods begin and end, or period = "month".',
        ),
        (
            "[plan.contingencies.vendor]",
            "[plan.contingencies.storm]",
            "plan.contingencies.storm does not say what falls away. Write an attribute, offers "
            "or models; or name it as an attribute.",
        ),
        (
            "notice_days = 90",
            'offers = ["aspen"]',
            'plan.contingencies.vendor.offers[0] is "aspen"; known: alder, aspen-h100, birch, '
            'cedar-h200, dogwood-block, elm-128, elm-256, own-h200. Did you mean "aspen-h100"?',
        ),
        (
            "notice_days = 90",
            'offers = ["alder"]\nattribute = "vendor"',
            "plan.contingencies.vendor.attribute is given beside what falls away. "
            "Keep one of them.",
        ),
        (
            "[plan.sources.birch]",
            "[plan.sources.brich]",
            'plan.sources.brich is "brich"; known: alder, birch. Did you mean "birch"?',
        ),
        (
            '[plan.software."llama-3.3-70b"]',
            "[plan.software.llama]",
            'plan.software.llama is "llama"; known: llama-3.3-70b, qwen3-32b. '
            "Declare it: [models.llama].",
        ),
        (
            "[models.",
            '[plan.departures.x]\noffers = ["alder"]\nsince = "2027-02"\nprobability = "1%"\n'
            "notice_days = 60\n[models.",
            "plan.departures.x.notice_days is 60: it is known on 2026-12-03, when the plan "
            "begins or before. Write a later month, or a shorter notice; what is certain is no "
            "scenario.",
        ),
        (
            'start = "2027-01"',
            'start = "January"',
            'plan.start is "January", not a month. Write a month as text: "2027-01".',
        ),
        (
            'discount = "8%"',
            "discount = 0.08",
            'plan.discount is 0.08, not a share. Write a share as text: "60%" or "0.6".',
        ),
    ],
)
def test_a_fault_of_the_plan_says_place_value_and_mend(old: str, new: str, expected: str) -> None:
    assert faults(fleet=(old, new)) == [f"fleet.toml: {expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "tokens_per_day = 30_000_000_000",
            'tokens_per_day = 5\ntrace = "azure-conv"',
            "chat.trace is given beside tokens_per_day. Keep one of them.",
        ),
        (
            "tokens_per_day = 30_000_000_000\n",
            "",
            "chat does not say how much there is. Write tokens_per_day, trace or ledger.",
        ),
        (
            "tokens_per_day = 30_000_000_000",
            'ledger = { tenant = "web" }',
            'chat.ledger.tenant is "web"; known: team. Declare it in [tenants].',
        ),
        (
            'models = ["llama-3.3-70b", "qwen3-32b"]',
            'models = ["llama-3.3-8b"]',
            'chat.models[0] is "llama-3.3-8b"; known: llama-3.3-70b, qwen3-32b. '
            'Did you mean "llama-3.3-70b"?',
        ),
        (
            "profile = { peak = 2.0",
            "profile = { noon = 2.0",
            'chat.profile.noon is "noon"; known: day, night, peak. Name a block of plan.blocks.',
        ),
        (
            "profile = {",
            "hours = [1, 2]\nprofile = {",
            "chat.hours is given beside profile. Keep one of them.",
        ),
        (
            "profile = { peak = 2.0, day = 1.2, night = 0.4 }",
            "hours = [1, 2]",
            "chat.hours has 2 hours, and a day has 24. Write one number an hour, from midnight "
            "UTC.",
        ),
        (
            "seasonality = { 8 = 0.9",
            "seasonality = { 13 = 0.9",
            "chat.seasonality.13 is not a month. Write its number, 1 to 12.",
        ),
        (
            'growth = "60%"',
            'growth = "-100%"',
            'chat.growth is "-100%". Growth is more than "-100%" and at most "100000%" a year; '
            'three fifths are "60%".',
        ),
        (
            'unserved = "20.00"',
            'unserved = "20.00 GBP"',
            "chat.unserved is in GBP, and Tollway counts in one currency, USD. "
            "Write USD, at a rate that you state in its note.",
        ),
        (
            '[workloads.chat.outlooks.boom]\nsince = "2027-07"',
            '[workloads.chat.outlooks.boom]\nsince = "2030-01"',
            "chat.outlooks.boom.since is 2030-01, and no period of the plan but its first begins "
            "then. Write a month after 2027-01, to 2028-10.",
        ),
        (
            '[workloads.chat.outlooks.boom]\nsince = "2027-07"\nprobability = "25%"',
            '[workloads.chat.outlooks.boom]\nsince = "2027-07"\nprobability = "24%"',
            "batch.outlooks.boom.probability is not that of workloads.chat, which has the name "
            "boom too. Make them alike, for they happen together; or rename one of them.",
        ),
        (
            '[workloads.batch.outlooks.archive]\nsince = "2028-04"\nprobability = "30%"',
            '[workloads.batch.outlooks.archive]\nsince = "2028-04"\nprobability = "60%"',
            "batch.outlooks.archive.probability brings the probabilities of boom, slump, archive "
            "to 110%. They exclude each other: 100% at most.",
        ),
        (
            '[workloads.batch.outlooks.archive]\nsince = "2028-04"',
            '[workloads.batch.outlooks.archive]\nafter = "slum"\nsince = "2028-04"',
            'batch.outlooks.archive.after is "slum"; known: archive, boom. '
            "Name an outlook of this workload.",
        ),
        (
            '[workloads.batch.outlooks.archive]\nsince = "2028-04"',
            '[workloads.batch.outlooks.archive]\nafter = "boom"\nsince = "2027-07"',
            "batch.outlooks.archive.since is 2027-07, not after boom, 2027-07. "
            "Write a later month.",
        ),
    ],
)
def test_a_fault_of_demand_says_place_value_and_mend(old: str, new: str, expected: str) -> None:
    assert faults(demand=(old, new)) == [f"demand.toml: workloads.{expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'site = "plains"',
            'site = "plain"',
            'builds.own-h200.site is "plain"; known: plains. Did you mean "plains"?',
        ),
        (
            "mw = 0.18",
            "mw = 1.9",
            "builds.own-h200.mw is 1.9: a module needs 2.375 MW at the meter, and plains never "
            "has more than 2. Write smaller modules, or more power.",
        ),
        (
            "most = 8",
            "most = 8\nleast = 9",
            "builds.own-h200.least is 9, more than most, 8. Write less.",
        ),
        (
            "most = 8",
            'most = 8\nuntil = "2026-12"',
            "builds.own-h200.until is 2026-12: it can be ordered only before the plan begins, "
            "2027-01 to 2028-12. Write a later month, or take it out.",
        ),
        (
            'deposit = "30%"',
            'deposit = "130%"',
            'builds.own-h200.deposit is "130%". A share lies between "0%" and "100%".',
        ),
        (
            'since = "2028-01"',
            'since = "2028-01"\nuntil = "2027-12"',
            "sites.plains.supply[1].until is 2027-12, before its start, 2028-01. "
            "Write a month that is not before it.",
        ),
        (
            "pue = 1.25",
            "pue = 0.9",
            "sites.plains.pue is 0.9. It must be at least 1.",
        ),
        (
            'how = "tents"\n',
            "",
            "builds.own-h200.how is missing. Write it: how it comes to stand; sets the lead time "
            "unless `lead_months` does.",
        ),
        (
            'how = "tents"',
            'how = "tent"',
            'builds.own-h200.how is "tent"; known: grid, modular, shell, tents. '
            'Did you mean "tents"?',
        ),
    ],
)
def test_a_fault_of_a_build_says_place_value_and_mend(old: str, new: str, expected: str) -> None:
    assert faults(builds=(old, new)) == [f"builds.toml: {expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'offer = { since = "2027-01", until = "2028-06"',
            'offer = { since = "2026-01", until = "2026-12"',
            "cedar-h200.offer.until is 2026-12: it can be signed only before the plan begins, "
            "2027-01 to 2028-12. Write a later month, or take it out.",
        ),
        (
            'offer = { since = "2027-01", until = "2028-06"',
            'offer = { since = "2029-01", until = "2028-06"',
            "cedar-h200.offer.until is 2028-06, before its start, 2029-01. "
            "Write a month that is not before it.",
        ),
        (
            'offer = { since = "2027-01", until = "2028-06"',
            'offer = { since = "2030-01"',
            "cedar-h200.offer.since is 2030-01: it can be signed only after the plan, "
            "2027-01 to 2028-12. Write an earlier month, or take it out.",
        ),
        (
            "most = 4, lead",
            "most = 4, least = 4.5, lead",
            "cedar-h200.offer.least is 4.5, more than most, 4. Write less.",
        ),
        (
            "[contracts.cedar-h200]",
            "[contracts.cedar-h200]\n"
            'yields = [{ workload = "chats", model = "m", tokens_per_hour = 1 }]',
            'cedar-h200.yields[0].workload is "chats"; known: batch, chat. Did you mean "chat"?',
        ),
        (
            "[contracts.cedar-h200]",
            "[contracts.own-h200]",
            "own-h200 is the name of a contract too, and a plan has offers of both. "
            "Rename one of them.",
        ),
    ],
)
def test_a_fault_of_an_offer_says_place_value_and_mend(old: str, new: str, expected: str) -> None:
    found = [re.sub(r"^\w+\.toml: \w+\.", "", it) for it in faults(contracts=(old, new))]
    assert found == [expected]


def test_every_fault_is_said_at_once() -> None:
    found = faults(
        fleet=('start = "2027-01"', 'start = "2027"\nblock = {}'),
        demand=('unserved = "20.00"', "unserved = 20"),
        builds=('site = "plains"', 'site = "x"'),
    )
    assert [it.partition(" is ")[0] for it in found] == [
        "fleet.toml: plan.start",
        "fleet.toml: plan.block",
        "demand.toml: workloads.chat.unserved",
        "builds.toml: builds.own-h200.site",
    ]


def test_a_plan_without_demand_is_a_fault() -> None:
    text = texts()["fleet.toml"].replace('include = ["demand.toml"', 'include = ["demand.toml"')
    with pytest.raises(FaultsFound, match="plan has no demand to plan for"):
        parse({"fleet.toml": text}, "fleet.toml")


def test_scenarios_that_no_plan_can_be_made_for_are_a_fault() -> None:
    more = "".join(
        f'[plan.departures.d{index}]\noffers = ["alder"]\nsince = "2028-01"\nprobability = "5%"\n'
        for index in range(6)
    )
    assert faults(fleet=("[models.", f"{more}[models.")) == [
        "fleet.toml: plan makes 256 scenarios of its outlooks and departures. Give outlooks of "
        "workloads that go together the same name: they are one event then."
    ]


def test_the_guide_shows_the_example_as_it_ships() -> None:
    page = (ROOT / "docs" / "guides" / "plan.md").read_text(encoding="utf-8")
    for name, text in texts().items():
        assert f"```toml file={name}\n{text}```" in page


LINES = "\n".join(texts().values()).splitlines()


@settings(deadline=None)
@given(st.lists(st.integers(0, len(LINES) - 1), max_size=5, unique=True), st.data())
def test_whatever_is_written_there_is_a_fleet_or_faults(
    out: list[int], data: st.DataObject
) -> None:
    lines = list(LINES)
    for index in out:
        value = data.draw(st.sampled_from(("", "= 1", '= ""', "= []", "= {}", "= [{}]", "= true")))
        lines[index] = lines[index].partition("=")[0] + value
    text = "\n".join(line for line in lines if not line.startswith("include"))
    with suppress(FaultsFound):
        parse({"fleet.toml": text}, "fleet.toml")
