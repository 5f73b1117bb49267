"""Money in a browser: sums are those of `tollway usage`, the file adds up, days are drawn."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from console_site import Site, console
from filled_books import CONTRACTED, fill

from tollway.ledger.state import FOLDER_MODE


def dollars(text: str) -> Decimal:
    return Decimal(text.split()[0].replace("$", "").replace(",", ""))


async def test_what_is_spent_is_what_the_usage_command_says(served: Site, open_page: Any) -> None:
    assert served.live is not None
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 8}
    headers = {"authorization": f"Bearer {served.client_key}", "x-tollway-tag": "paid"}
    async with httpx2.AsyncClient(base_url=served.gateway, timeout=30, headers=headers) as client:
        for _ in range(4):
            answer = await client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
    await served.live.settled(4, "paid")
    code, out, _ = await served.live.run("usage", "--by", "source", "--json")
    assert code == 0
    told = json.loads(out)
    watched = await open_page(served, "/money?period=all&by=source")
    page = watched.page
    assert dollars(await watched.text("#spent")) == Decimal(told["total"]["cost_usd"])
    names = await page.locator("#spend tbody th").all_inner_texts()
    costs = await page.locator("#spend tbody td:last-child").all_inner_texts()
    assert dict(zip(names, map(dollars, costs), strict=True)) == {
        row["source"]: Decimal(row["cost_usd"]) for row in told["rows"]
    }
    assert await page.locator("#days canvas").count() == 1
    await watched.must_be_accessible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="a row a request").click()
    file = await (await download.value).path()
    rows = list(csv.DictReader(file.read_text().splitlines()))
    total = sum(Decimal(row["cost_usd"]) for row in rows)
    assert total == Decimal(told["total"]["cost_usd"])


async def test_margin_budgets_and_commitments_are_shown(tmp_path: Path, open_page: Any) -> None:
    (tmp_path / "state").mkdir(mode=FOLDER_MODE)
    fill(tmp_path / "state")
    async with console(tmp_path, CONTRACTED) as site:
        watched = await open_page(site, "/money")
        page = watched.page
        await page.locator("#margin tfoot").wait_for()
        whole = await page.locator("#margin tfoot td.number").all_inner_texts()
        for by in ("key", "source", "tenant", "model"):
            await page.locator(f'a[data-margin="{by}"]').click()
            await page.locator("#margin thead th").first.filter(has_text=by).wait_for()
            assert await page.locator("#margin tfoot td.number").all_inner_texts() == whole
            shown = await page.locator("#margin tbody td:nth-child(2)").all_inner_texts()
            assert sum(map(dollars, shown)) == dollars(whole[0])
        assert "/money?" in page.url or page.url.endswith("/money")
        assert "$36,500.0000" in await watched.text("#burn")
        assert "of the last 60 min" in await watched.text("#budgets")
        await watched.must_be_accessible()
        await page.get_by_role("link", name="all", exact=True).click()
        await page.wait_for_url("**period=all**")
        await page.locator("select[name=by]").select_option("tenant")
        await page.get_by_role("button", name="Show").click()
        await page.wait_for_url("**by=tenant**")
        assert "other" in await watched.text("#spend")
        await page.locator("#spend tbody a").first.click()
        await page.wait_for_url("**/requests?tenant=**")


async def test_an_empty_ledger_is_a_page_that_helps(tmp_path: Path, open_page: Any) -> None:
    async with console(tmp_path) as site:
        watched = await open_page(site, "/money")
        assert "there is no ledger here" in await watched.text("main")
        await watched.must_be_accessible()
        await watched.go("/requests")
        assert "there is no ledger here" in await watched.text("main")
        await watched.must_be_accessible()
