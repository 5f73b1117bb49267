"""The Twin page in a browser: the load is dragged by keyboard, and what is shown is the API's."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from console_site import Site, console
from httpx2 import AsyncClient
from playwright.async_api import Page
from watched import Watched

from tollway.simulator.answer_told import number, seconds

FLEET = """version = 1
[console]
listen = "127.0.0.1:0"
[models."llama-3.3-70b"]
[sources.own]
kind = "server"
url = "http://127.0.0.1:9/v1"
chip = "h200"
tp = 8
[sources.own.serves."llama-3.3-70b"]
precision = "fp8"
[sources.other]
kind = "server"
url = "http://127.0.0.1:9/v1"
chip = "mi300x"
tp = 8
[sources.other.serves."llama-3.3-70b"]
precision = "fp8"
[routes.chat]
model = "llama-3.3-70b"
candidates = ["own", "other"]
slo = { ttft = "600ms", speed = 60.0 }
[tenants.team]
"""
WRITTEN = {
    "ttft_s": seconds,
    "tpot_s": seconds,
    "user_tokens_s": number,
    "chip_tokens_s": number,
    "usd_mtok": number,
    "requests_s": number,
}


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with console(tmp_path, FLEET) as made:
        yield made


async def ready(watched: Watched) -> Page:
    await watched.page.locator("#slider:enabled").wait_for()
    watched.faults = [it for it in watched.faults if "verbose" not in it]
    return watched.page


async def shown(page: Page, set_up: int) -> dict[str, tuple[str, str]]:
    """The figures of a card: value and interval as a person reads them."""
    found: dict[str, tuple[str, str]] = {}
    for name in WRITTEN:
        cell = page.locator(f'[data-set-up="{set_up}"] [data-figure="{name}"]')
        value = await cell.locator(".value").inner_text()
        found[name] = value, await cell.locator(".interval").inner_text()
    return found


async def said(page: Page, what: str = "answers") -> dict[str, Any]:
    """What the API says to the query of the page's address."""
    query = urlsplit(page.url).query
    answer = await page.request.get(f"{page.url.partition('/twin')[0]}/twin/{what}.json?{query}")
    assert answer.ok
    return json.loads(await answer.text())


def written(answer: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (
            write(answer[name]["value"]),
            f"{write(answer[name]['low'])} to {write(answer[name]['high'])}",
        )
        for name, write in WRITTEN.items()
    }


async def test_the_load_is_dragged_by_keyboard_and_settles_on_the_apis_numbers(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin")
    page = await ready(watched)
    before = await shown(page, 1)
    await page.locator("#slider").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    await page.get_by_text("this load is being computed").wait_for()
    during = await shown(page, 1)
    assert during["tpot_s"] != before["tpot_s"]
    await page.get_by_text("Computed at this load.").wait_for()
    assert "at=" in page.url
    load = parse_qs(urlsplit(page.url).query)["at"][0]
    assert load == await page.locator("#load").inner_text()
    answers = (await said(page))["answers"]
    for at in (1, 2):
        assert await shown(page, at) == written(answers[at - 1])
    feel = await page.locator('[data-set-up="1"] [data-feel]').get_attribute("href")
    assert feel is not None
    assert feel.startswith("/feel?")
    asked = parse_qs(urlsplit(feel).query)
    assert (asked["model"], asked["chip"]) == (["llama-3.3-70b"], ["h200"])
    assert asked["users"] == [load]


@pytest.mark.parametrize("load", ["at=24", "by=rate&at=0.5"], ids=["users", "rate"])
async def test_feel_this_leads_to_the_numbers_that_twin_showed(
    site: Site, open_page: Any, load: str
) -> None:
    query = "model=llama-3.3-70b&in=3000&out=300&prefix=0.4&chip1=h200&tp1=4&precision1=fp8"
    query += "&pp1=2&dp1=1&engine1=sglang&chip2=mi300x&tp2=8&ep2=1&assume2="
    watched = await open_page(site, f"/twin?{query}&{load}")
    page = await ready(watched)
    await page.locator("#slider").focus()
    for _ in range(2):
        await page.keyboard.press("ArrowRight")
        await page.get_by_text("Computed at this load.").wait_for()
    for at in (1, 2):
        (was, its) = (await said(page))["answers"][at - 1], await shown(page, at)
        link = await page.locator(f'[data-set-up="{at}"] [data-feel]').get_attribute("href")
        assert link is not None
        asked = {key: value for key, (value,) in parse_qs(urlsplit(link).query).items()}
        assert (
            asked["rate" if "rate" in load else "users"] == await page.locator("#load").inner_text()
        )
        assert asked["prefix"] == "0.4"
        if at == 1:
            wanted = {"tp": "4", "pp": "2", "precision": "fp8", "engine": "sglang"}
            assert wanted.items() <= asked.items()
        felt = await open_page(site, link)
        arrived = felt.page
        await arrived.locator("#sums tr").first.wait_for()
        speed = float(await arrived.locator("[data-is=asked]").first.inner_text())
        assert number(speed) == its["user_tokens_s"][0]
        answer = await (await arrived.request.get(f"{site.url}/feel/prediction{link[5:]}")).json()
        assert [answer[it] for it in ("rate", "low", "high")] == [
            was["user_tokens_s"][it] for it in ("value", "low", "high")
        ]
        assert [answer[it] for it in ("ttft", "ttft_low", "ttft_high")] == [
            was["ttft_s"][it] for it in ("value", "low", "high")
        ]
        origin = await arrived.locator("[data-is=origin]").first.inner_text()
        assert f"provenance: {was['provenance']}" in origin


async def test_a_shared_address_shows_the_same(site: Site, open_page: Any) -> None:
    query = (
        "?model=llama-3.3-70b&in=2000&out=300&at=40&chip1=b200&tp1=4&price1=3.5&chip2=h100&tp2=8"
    )
    watched = await open_page(site, f"/twin{query}")
    page = await ready(watched)
    answers = (await said(page))["answers"]
    assert [one["chip"] for one in answers] == ["b200", "h100"]
    assert answers[0]["chip_hour_usd"] == 3.5
    for at in (1, 2):
        assert await shown(page, at) == written(answers[at - 1])


async def test_by_rate_the_numbers_move_too_and_say_where_it_breaks(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin?by=rate&at=1")
    page = await ready(watched)
    await page.locator("#slider").focus()
    await page.keyboard.press("End")
    assert (
        await page.locator('[data-set-up="1"] [data-over]:visible').count()
        or (await shown(page, 1))["ttft_s"][1] == "more than it can serve"
    )
    assert "broken at" in await watched.text('[data-set-up="1"] [data-promised]')
    watched.must_be_faultless()


async def test_where_the_promise_breaks_is_where_the_grid_breaks_it(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin")
    page = await ready(watched)
    grid = await said(page, "grid")
    answers = grid["set_ups"][0]["answers"]
    first = next(
        load
        for load, one in zip(grid["loads"], answers, strict=True)
        if one["ttft_s"]["value"] > 0.6 or one["user_tokens_s"]["value"] < 60
    )
    words = await watched.text('[data-set-up="1"] [data-promised]')
    assert f"broken at {first:.0f}:" in words
    assert "Broken at this load" not in words
    await page.locator("#slider").focus()
    await page.keyboard.press("End")
    assert (await watched.text('[data-set-up="1"] [data-promised]')).startswith("Broken at this")


async def test_between_two_loads_stands_nothing_that_is_not_between_their_figures(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin")
    page = await ready(watched)
    grid = await said(page, "grid")
    found = await page.evaluate(
        """async (grid) => {
          const { at, positions } = await import("/static/twin_grid.js");
          return positions(grid.loads, true).map((load) =>
            [load, at(grid.loads, grid.set_ups[0].answers, load)]);
        }""",
        grid,
    )
    loads, answers = grid["loads"], grid["set_ups"][0]["answers"]
    between = 0
    for load, one in found:
        if load in loads:
            assert one["from"] is None
            assert one["ttft_s"] == answers[loads.index(load)]["ttft_s"]
            continue
        between += 1
        above = next(at for at, it in enumerate(loads) if it > load)
        assert one["from"] == [loads[above - 1], loads[above]]
        for name in WRITTEN:
            for end in ("value", "low", "high"):
                ends = [answers[at][name][end] for at in (above - 1, above)]
                assert min(ends) <= one[name][end] <= max(ends)
    assert between > len(loads)
    alone = await page.evaluate(
        """async (grid) => {
          const { at } = await import("/static/twin_grid.js");
          return [0.5, 1e6].map((load) => at(grid.loads, grid.set_ups[0].answers, load));
        }""",
        grid,
    )
    assert alone == [None, None], "beyond the computed loads nothing is said"


async def test_numbers_are_written_as_the_command_line_writes_them(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin")
    values = [0.0012, 0.05, 0.1, 0.125, 0.995, 1.005, 2.345, 9.995, 10.25, 10.35, 10.65, 99.95]
    values += [100.5, 101.5, 999.5, 1234.5, 12345.6, 1234567.0]
    found = await watched.page.evaluate(
        """async (values) => {
          const { number, seconds } = await import("/static/twin_grid.js");
          return values.map((one) => [number(one), seconds(one)]);
        }""",
        values,
    )
    assert [tuple(one) for one in found] == [(number(one), seconds(one)) for one in values]


async def test_the_frontier_is_gone_along_by_keyboard_and_its_table_says_the_same(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin?at=16")
    page = await ready(watched)
    await page.locator("#frontier").focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowLeft")
    words = await watched.text("#point")
    grid = await said(page, "grid")
    assert "8 x mi300x, fp8 at 4 users" in words
    one = grid["set_ups"][1]["answers"][grid["loads"].index(4)]
    assert f"{number(one['user_tokens_s']['value'])} (" in words
    link = page.locator("#point a")
    assert "users=4" in str(await link.get_attribute("href"))
    await page.locator("#grid-details summary").click()
    rows = await page.locator("#grid-table tbody tr").count()
    assert rows == len(grid["loads"])
    await page.locator("#frontier .u-over").click(position={"x": 300, "y": 150})
    await watched.must_be_accessible()


async def test_a_fault_stands_at_its_field_and_the_page_is_accessible(
    site: Site, open_page: Any
) -> None:
    watched = await open_page(site, "/twin?chip1=h2000&tp1=eight&model=llama-3.3-70b")
    page = watched.page
    watched.faults.clear()  # Chromium reports the 400 of the page
    assert "not understood" in await watched.text("[role=alert]")
    assert await page.locator("#tp1").input_value() == "eight"
    assert await page.locator("#chip1").get_attribute("aria-invalid") == "true"
    await watched.must_be_accessible()
    await page.locator("#chip1").fill("h200")
    await page.locator("#tp1").fill("4")
    await page.get_by_role("button", name="Predict").click()
    await page.locator("#slider:enabled").wait_for()
    assert await page.locator('[data-set-up="1"] .facts').count() == 1


async def test_with_a_live_gateway_the_workload_is_what_its_clients_asked(
    served: Site, open_page: Any
) -> None:
    bearer = {"authorization": f"Bearer {served.client_key}"}
    body = {"model": "chat", "max_tokens": 8, "messages": [{"role": "user", "content": "Hello."}]}
    async with AsyncClient(base_url=served.gateway, headers=bearer, timeout=60) as client:
        answers = [await client.post("/v1/chat/completions", json=body) for _ in range(3)]
    assert [it.status_code for it in answers] == [200] * 3
    tokens = answers[0].json()["usage"]["prompt_tokens"]
    watched = await open_page(served, "/twin")
    while "last 3 whole answers" not in await watched.text("#workload"):
        await watched.go("/twin")  # the books are written a moment after the answer
    page = await ready(watched)
    assert await page.locator("#in").input_value() == str(tokens)
    assert await page.locator("#out").input_value() == "8"
    assert await page.locator("[data-set-up] .facts").count() == 3
    answers = (await said(page))["answers"]
    for at in (1, 2, 3):
        assert await shown(page, at) == written(answers[at - 1])
