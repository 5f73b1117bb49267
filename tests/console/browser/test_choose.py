"""The Choose page, in a browser: verdicts, reasons and figures are those of the command."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from console_site import FLEET as CONSOLE
from console_site import console
from scored_models import HOSTED, SECOND

FLEET = (
    CONSOLE.replace("[models.m]", "")
    + """
[models.m]
quality.any = { score = 60.0, margin = 1.0, of = "our evaluation" }
"""
    + HOSTED
    + SECOND
)


def told(*argv: str) -> Any:
    command = [sys.executable, "-m", "tollway", "choose", *argv, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


async def test_the_page_says_what_the_command_says(tmp_path: Path, open_page: Any) -> None:
    async with console(tmp_path, FLEET) as site:
        watched = await open_page(site, "/choose")
        page = watched.page
        said = await asyncio.to_thread(
            told, str(site.fleet_file), "--use", "code", "--state", str(site.state)
        )
        rows = page.locator("#verdicts tbody tr")
        assert await rows.count() == len(said["candidates"]) == 3
        for at, one in enumerate(said["candidates"]):
            row = rows.nth(at)
            assert await row.locator("th").inner_text() == f"{one['source']}:{one['model']}"
            assert await row.locator(".badge").inner_text() == one["verdict"]
            assert (await row.locator(".why").inner_text()).startswith(one["reason"])
        assert {one["verdict"] for one in said["candidates"]} == {"frontier", "dominated"}
        await page.get_by_role("link", name="Feel hosted:large").click()
        await page.locator("#sums tr").first.wait_for()
        assert await page.locator(".pick").first.inner_text() == "hosted:large"
        assert await page.locator("[data-is=asked]").first.inner_text() == "90"
        assert await page.locator("[data-mode=code]").get_attribute("aria-pressed") == "true"
        await page.go_back()
        assert "unscored has no score for code" in await watched.text("main ul:last-of-type")
        await watched.must_be_accessible()


async def test_another_use_takes_its_own_sizes_and_a_batch_has_no_wait(
    tmp_path: Path, open_page: Any
) -> None:
    async with console(tmp_path, FLEET.replace("quality.code", "quality.any")) as site:
        watched = await open_page(site, "/choose")
        page = watched.page
        await page.get_by_label("Tokens in").fill("12345")
        await page.locator("select[name=use]").select_option("batch")
        await page.get_by_role("button", name="Choose").click()
        await page.wait_for_url("**use=batch**")
        assert await page.get_by_label("Tokens in").input_value() == "2000"
        heads = await page.locator("#verdicts thead th").all_inner_texts()
        assert heads == ["source:model", "verdict", "quality", "cost", "why"]
        await page.get_by_label("Tokens in").fill("12345")
        await page.get_by_role("button", name="Choose").click()
        await page.wait_for_url("**in=12345**")
        assert "12,345 tokens in" in await watched.text("#verdicts caption")


async def test_without_scores_the_page_says_how_to_declare_them(
    tmp_path: Path, open_page: Any
) -> None:
    async with console(tmp_path) as site:
        watched = await open_page(site, "/choose?use=code")
        words = await watched.text("[role=alert]")
        assert "m has no score for code. Declare yours" in words
        assert "Tollway makes none up" in words
        await watched.must_be_accessible()


async def test_a_size_that_makes_no_sense_is_refused_with_the_mend(
    tmp_path: Path, open_page: Any
) -> None:
    async with console(tmp_path, FLEET) as site:
        watched = await open_page(site, "/choose")
        await watched.go("/choose?use=code&of=code&in=zero")
        words = await watched.text("[role=alert]")
        assert 'in is "zero". Write 1 to 10,000,000.' in words
        assert "Scores are yours" not in words
        watched.faults.clear()  # Chromium reports the 422
