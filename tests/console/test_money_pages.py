"""Requests and Money without a browser: what they say is what the ledger has."""

import csv
import json
import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path

import httpx2
import pytest
from console_site import FLEET, Site, console
from filled_books import CONTRACTED, FORMULA, SOURCE, fill
from ledger_records import NOON, settle

from tollway.console.money.asked import MARGINS, asked_of
from tollway.console.money.exported import DAYS_BY, safe
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_gateway, open_reader
from tollway.units import exact_usd, usd


@asynccontextmanager
async def signed_in(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=site.url, timeout=30) as client:
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        yield client


def state_of(folder: Path) -> Path:
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    return state


def shown(page: str) -> list[str]:
    """The requests of the settled table."""
    return re.findall(r'<th scope="row"><a class="code" href="/requests/([^"]+)"', page)


async def test_every_settled_request_is_shown_once_over_the_pages(tmp_path: Path) -> None:
    made = fill(state_of(tmp_path))
    async with console(tmp_path) as site, signed_in(site) as client:
        found: list[str] = []
        path: str | None = "/requests?tenant=team"
        while path is not None:
            page = (await client.get(path)).text
            found += shown(page)
            more = re.search(r'href="([^"]+)" rel="next"', page)
            path = None if more is None else more[1].replace("&amp;", "&")
    expected = [one.request for at, one in enumerate(made) if at % 3]
    assert found == expected[::-1]


async def test_the_form_keeps_what_was_asked_and_tells_what_it_cannot_read(tmp_path: Path) -> None:
    made = fill(state_of(tmp_path), 20)
    async with console(tmp_path) as site, signed_in(site) as client:
        failed = (await client.get("/requests?outcome=failed&code=upstream_cut&since=1d")).text
        assert shown(failed) == [it.request for it in made[::-1] if it.outcome == "failed"]
        assert 'name="code" value="upstream_cut"' in failed
        again = (await client.get("/requests?fallback=on")).text
        assert shown(again) == [it.request for it in made[::-1] if it.failed]
        wrong = (await client.get("/requests?min_cost=lots&since=whenever&tenant=<b>")).text
        assert "&#34;lots&#34; is no amount. Write dollars: 0.05." in wrong
        assert "Nothing was searched for: 2 of the fields" in wrong
        assert "<b>" not in wrong


async def test_a_requests_cost_is_shown_line_by_line_and_adds_up(tmp_path: Path) -> None:
    made = fill(state_of(tmp_path), 20)
    one = made[13]
    assert one.failed
    async with console(tmp_path) as site, signed_in(site) as client:
        page = (await client.get(f"/requests/{one.request}")).text
    booked = re.findall(r'<tr class="booked">.*?\$([0-9.]+)</td></tr>', page, re.DOTALL)
    assert sum(Decimal(it) for it in booked) == usd(one.cost)
    lines = re.findall(
        r'<td class="number">([0-9,]+)</td><td class="number">\$([0-9.]+)</td>'
        r'<td class="number">\$([0-9.]+)</td>',
        page,
    )
    assert len(lines) == 4
    for count, price, amount in lines:
        assert Decimal(count.replace(",", "")) * Decimal(price) == Decimal(amount)
    assert sum(Decimal(amount) for *_, amount in lines) == usd(one.cost)
    assert f'id="whole-cost">{exact_usd(one.cost)}<' in page
    assert "were reserved" in page


async def test_a_price_that_was_changed_since_is_said_and_what_is_booked_counts(
    tmp_path: Path,
) -> None:
    made = fill(state_of(tmp_path), 3)
    dearer = FLEET.replace('input = "0.50"', 'input = "0.75"')
    async with console(tmp_path, dearer) as site, signed_in(site) as client:
        page = (await client.get(f"/requests/{made[0].request}")).text
    words = " ".join(page.split())
    assert "The file&#39;s prices were changed since. What is booked counts." in words
    assert f'id="whole-cost">{exact_usd(made[0].cost)}<' in page


async def test_a_request_that_nobody_knows_is_a_page_that_says_so(tmp_path: Path) -> None:
    fill(state_of(tmp_path), 1)
    async with console(tmp_path) as site, signed_in(site) as client:
        answer = await client.get("/requests/nobody")
    assert answer.status_code == 404
    assert "Neither the ledger nor the gateway knows" in answer.text


@pytest.mark.parametrize("ledger", ["missing", "empty"])
async def test_without_requests_the_pages_say_what_to_do(tmp_path: Path, ledger: str) -> None:
    if ledger == "empty":
        open_for_gateway(state_of(tmp_path) / "ledger.sqlite").close()
    async with console(tmp_path, CONTRACTED) as site, signed_in(site) as client:
        for path in ("/requests", "/money", "/money?period=all", "/money/margin"):
            answer = await client.get(path)
            assert answer.status_code == 200
            missing = "there is no ledger here" in answer.text
            assert missing == (ledger == "missing")
        help_ = (await client.get("/money?period=all")).text
        assert ("tollway keys create" in help_) == (ledger == "empty")
        assert (await client.get("/money/export.csv")).status_code == (
            503 if ledger == "missing" else 200
        )


async def costs(client: httpx2.AsyncClient, path: str) -> list[dict[str, str]]:
    answer = await client.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(answer.text)))


@pytest.mark.parametrize("lines", ["requests", "days"])
@pytest.mark.parametrize(
    "terms",
    [{}, {"tenant": "team"}, {"source": SOURCE}, {"tenant": "other", "model": "m"}, {"key": "no"}],
    ids=["all", "a tenant", "a source", "a tenant's model", "nobody"],
)
async def test_the_costs_of_an_export_add_up_to_the_ledgers_total(
    tmp_path: Path, lines: str, terms: dict[str, str]
) -> None:
    fill(state_of(tmp_path))
    query = "&".join(f"{name}={value}" for name, value in terms.items())
    async with console(tmp_path) as site, signed_in(site) as client:
        rows = await costs(client, f"/money/export.csv?period=all&lines={lines}&{query}")
        page = (await client.get(f"/money?period=all&{query}")).text
        facts = (await client.get(f"/money/spend.json?period=all&{query}")).json()
    with closing(open_reader(tmp_path / "state" / "ledger.sqlite")) as ledger:
        total = ledger.usage(replace(UsageQuery(), **terms)).total.cost
    assert sum((Decimal(row["cost_usd"]) for row in rows), Decimal()) == usd(total)
    assert Decimal(facts["total"]["cost_usd"]) == usd(total)
    assert sum((Decimal(it["cost_usd"]) for it in facts["days"]), Decimal()) == usd(total)
    assert f'id="spent">{exact_usd(total)}<' in page


async def test_a_tag_that_is_a_formula_is_words_in_a_spreadsheet(tmp_path: Path) -> None:
    fill(state_of(tmp_path), 20)
    async with console(tmp_path) as site, signed_in(site) as client:
        rows = await costs(client, "/money/export.csv?period=all")
        page = (await client.get("/requests")).text
    tags = {row["tag"] for row in rows}
    # The control: it did come that far as it was written.
    assert f"'{FORMULA}" in tags
    assert FORMULA not in tags
    assert "=HYPERLINK" in page
    assert FORMULA not in page


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "|", " ="], ids=ascii)
def test_what_begins_like_a_formula_is_made_words(start: str) -> None:
    assert safe(f"{start}1") == f"'{start}1"
    assert safe("plain-1=2") == "plain-1=2"
    assert safe(None) == ""


async def test_budgets_and_commitments_are_those_of_the_ledger(tmp_path: Path) -> None:
    made = fill(state_of(tmp_path))
    async with console(tmp_path, CONTRACTED) as site, signed_in(site) as client:
        page = (await client.get("/money?by=tenant")).text
        margin = (await client.get("/money/margin?period=month")).text
    ours = sum(one.cost for at, one in enumerate(made) if at % 3)
    assert page.count("$0.1000") == 1
    assert exact_usd(ours) in page
    assert "of the last 60 min" in page
    assert "$36,500.0000" in page
    assert "the fleet file has no contract in force" in page
    (drawn,) = json.loads(page.partition('id="burn-data">')[2].partition("</script>")[0])
    assert drawn["name"] == "lease"
    assert drawn["committed"] == 36_500
    assert drawn["shown"][-1] in page.partition('id="burn-0-title"')[2]
    assert exact_usd(10 * 10**12 + ours + ours // 5 - sum(it.cost for it in made)) in margin


@pytest.mark.parametrize("by", MARGINS, ids=lambda by: by or "tenant-model")
async def test_margins_add_up_to_the_same_however_they_are_grouped(tmp_path: Path, by: str) -> None:
    made = fill(state_of(tmp_path))
    async with console(tmp_path, CONTRACTED) as site, signed_in(site) as client:
        rows = await costs(client, f"/money/margin.csv?period=month&margin={by}")
        page = (await client.get(f"/money/margin?period=month&margin={by}")).text
    cost = sum(it.cost for it in made)
    ours = sum(one.cost for at, one in enumerate(made) if at % 3)
    charged = 10 * 10**12 + (ours * 12 + 5) // 10
    assert sum(Decimal(row["cost_usd"]) for row in rows) == usd(cost)
    assert sum(Decimal(row["charged_usd"]) for row in rows) == usd(charged)
    assert sum(Decimal(row["margin_usd"]) for row in rows) == usd(charged - cost)
    assert set(rows[0]) == {*MARGINS[by], "cost_usd", "charged_usd", "margin_usd"}
    for row in rows:
        assert (
            f'<td class="number">{exact_usd(int(Decimal(row["cost_usd"]) * 10**12))}</td>' in page
        )
    for amount in (cost, charged, charged - cost):
        assert f'<td class="number">{exact_usd(amount)}</td>' in page.partition("<tfoot>")[2]


async def test_a_margin_of_a_period_that_cannot_be_read_is_no_file(tmp_path: Path) -> None:
    fill(state_of(tmp_path), 1)
    async with console(tmp_path, CONTRACTED) as site, signed_in(site) as client:
        assert (await client.get("/money/margin.csv?since=tomorrow")).status_code == 400


@pytest.mark.parametrize(
    "tenant", ["team", "two words", "it's", "$(id)", "a;b", "--all", '"', "a\\b"], ids=ascii
)
def test_the_command_that_is_shown_is_one_that_a_shell_takes_as_meant(tenant: str) -> None:
    asked = asked_of({"tenant": tenant, "period": "all", "by": "key"}, NOON)
    words = shlex.split(asked.command)
    assert words[:4] == ["tollway", "usage", "--by", "key"]
    assert words[4:] == [f"--tenant={tenant}"] if tenant == "--all" else ["--tenant", tenant]
    with_shell = subprocess.run(
        ["sh", "-c", f"set -- {asked.command}; printf '%s\\n' \"$@\""],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert with_shell.stdout.splitlines() == words


async def test_only_who_is_signed_in_sees_money(tmp_path: Path) -> None:
    fill(state_of(tmp_path), 1)
    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        for path in (
            *("/requests", "/money", "/money/export.csv", "/money/spend.json"),
            *("/money/margin", "/money/margin.csv"),
        ):
            assert (await client.get(path)).status_code == 401


async def test_an_export_by_day_is_what_usage_says_of_all_days(tmp_path: Path) -> None:
    with closing(open_for_gateway(state_of(tmp_path) / "ledger.sqlite")) as ledger:
        ledger.book(
            [
                settle(f"r{at}", utc=NOON + at * 40_000.0, source=("a", "b")[at % 2], cost=at + 1)
                for at in range(90)
            ]
        )
        wanted = ledger.usage(UsageQuery(DAYS_BY)).rows
    async with console(tmp_path) as site, signed_in(site) as client:
        rows = await costs(client, "/money/export.csv?period=all&lines=days")
    assert len({row["day"] for row in rows}) == 42
    told = [(row["day"], row["source"], int(row["requests"]), row["cost_usd"]) for row in rows]
    assert told == [
        (it.group[0], it.group[4], it.totals.requests, f"{usd(it.totals.cost):f}") for it in wanted
    ]


@pytest.mark.parametrize(
    "parts", [";", "\t", "; ", ';"'], ids=["semicolon", "tab", "space", "quote"]
)
def test_what_another_countrys_spreadsheet_takes_for_the_next_cell_is_words_too(parts: str) -> None:
    """The attack: where a comma parts decimals, `;` parts cells, and a line is read so."""
    for sign in "=+-@":
        hidden = f"job{parts}{sign}HYPERLINK()"
        cells = re.split(r"[;\t]", safe(hidden))
        assert not any(it.strip(' "').startswith(("=", "+", "-", "@")) for it in cells)
        assert any(it.strip(' "').startswith(sign) for it in re.split(r"[;\t]", hidden))
    for plain in ("a;b", "job-7", "a; b", "2026-09-01", "x\ty"):  # the control
        assert safe(plain) == plain
