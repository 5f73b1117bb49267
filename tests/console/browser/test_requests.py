"""Requests in a browser: live and settled ones, a search, one request's life and cost."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from console_site import FLEET, Site, console
from filled_books import fill

from tollway.units import exact_usd


async def asked(site: Site, count: int, tag: str) -> None:
    """Send requests through the gateway."""
    body = {"model": "chat", "messages": [{"role": "user", "content": "Say something."}]}
    headers = {"authorization": f"Bearer {site.client_key}", "x-tollway-tag": tag}
    async with httpx2.AsyncClient(base_url=site.gateway, timeout=30, headers=headers) as client:
        for _ in range(count):
            answer = await client.post("/v1/chat/completions", json={**body, "max_tokens": 8})
            assert answer.status_code == 200, answer.text


async def test_what_was_just_asked_is_found_and_its_cost_is_the_ledgers(
    served: Site, open_page: Any
) -> None:
    assert served.live is not None
    await asked(served, 3, "seen")
    rows = await served.live.settled(3, "seen")
    watched = await open_page(served, "/requests?tag=seen")
    page = watched.page
    shown = await page.locator("#settled tbody tr").count()
    assert shown == 3
    costs = await page.locator("#settled tbody td:last-child").all_inner_texts()
    assert costs == [exact_usd(row["cost"]) for row in reversed(rows)]
    await watched.must_be_accessible()
    await page.locator("#settled tbody a").first.click()
    await page.wait_for_url(re.compile("/requests/."))
    last = rows[-1]
    assert last["request"] in await watched.text("h1")
    assert await watched.text("#whole-cost") == exact_usd(last["cost"])
    booked = await page.locator(".booked td:last-child").all_inner_texts()
    assert sum(Decimal(it.removeprefix("$")) for it in booked) == Decimal(last["cost"]).scaleb(-12)
    assert await page.locator("svg.life rect").count() >= 1
    await watched.must_be_accessible()


async def test_what_runs_stands_on_top_and_leaves_when_it_has_ended(
    served: Site, open_page: Any
) -> None:
    assert served.live is not None
    watched = await open_page(served, "/requests?route=chat")
    page = watched.page
    await page.locator("#live-none").wait_for()
    await served.live.warp(0.1)  # so slow that it still runs while it is looked at
    body = {"model": "chat", "messages": [{"role": "user", "content": "Go on."}], "stream": True}
    headers = {"authorization": f"Bearer {served.client_key}"}
    async with (
        httpx2.AsyncClient(base_url=served.gateway, timeout=60, headers=headers) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        await page.locator("#live-rows tr").wait_for()
        assert await watched.text("#live-count") == "1"
        name = await watched.text("#live-rows th")
        assert "chat" in await watched.text("#live-rows")
        # Its own page, while it runs: the gateway's moments and the ledger's reservation.
        other = await open_page(served, f"/requests/{name}")
        assert "It is not settled yet" in await other.text("main")
        assert "arrived" in await other.text("#moments")
        await served.live.warp(20.0)
        await answer.aread()
    await served.live.warp(1.0)
    await page.locator("#fresh a").wait_for()
    await page.locator("#live-none").wait_for()
    await page.locator("#fresh a").click()
    await page.locator("#settled").get_by_text(name).wait_for()


async def test_the_usage_command_and_the_list_agree(served: Site, open_page: Any) -> None:
    assert served.live is not None
    await asked(served, 2, "summed")
    await served.live.settled(2, "summed")
    code, out, _ = await served.live.run("usage", "--tag", "summed", "--json")
    assert code == 0
    watched = await open_page(served, "/requests?tag=summed")
    costs = await watched.page.locator("#settled tbody td:last-child").all_inner_texts()
    total = sum(Decimal(it.removeprefix("$").replace(",", "")) for it in costs)
    assert total == Decimal(json.loads(out)["total"]["cost_usd"])


async def test_a_search_by_form_is_a_link_and_pages_lead_on(tmp_path: Path, open_page: Any) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    made = fill(tmp_path / "state")
    async with console(tmp_path, FLEET) as site:
        watched = await open_page(site, "/requests")
        page = watched.page
        assert "The gateway does not answer" in await watched.text("#live-why")
        await page.get_by_label("Outcome").select_option("failed")
        await page.get_by_role("button", name="Search").click()
        await page.wait_for_url("**outcome=failed**")
        ill = [one.request for one in made[::-1] if one.outcome == "failed"]
        assert await page.locator("#settled tbody a").all_inner_texts() == ill
        await page.get_by_role("link", name="Clear").click()
        await page.wait_for_url("**/requests")
        await page.get_by_role("link", name="Older").click()
        first = await page.locator("#settled tbody a").first.inner_text()
        assert first == made[-51].request
        await watched.go("/requests?min_cost=lots")
        assert "is no amount" in await watched.text("#fault-min_cost")
        await watched.must_be_accessible()
        await watched.go(f"/requests/{made[3].request}")
        assert "failed" in await watched.text("#moments")
        await watched.must_be_accessible()
