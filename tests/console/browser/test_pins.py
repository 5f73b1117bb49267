"""The Pins page in a browser: it says what the commands say."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from console_site import FLEET, Site, console, printed
from watched import Watched

_TODAY = datetime.now(UTC).date()
_PINNED = (
    FLEET.replace('candidates = ["one"]', 'candidates = ["one"]\nfallbacks = ["two"]')
    + f"""
[sources.two]
kind = "server"
url = "http://127.0.0.1:9/v1"

[sources.two.serves.m]
precision = "fp8"
prices = [{{ since = 2026-01-01, input = "0.50", output = "1.50" }}]

[pins]
mode = "flag"
prompts = ["prompts/*.txt"]

[pins.models."one/m"]
shutdown = {_TODAY + timedelta(days=20)}

[pins.models."two/m"]
shutdown = {_TODAY + timedelta(days=80)}

[[pins.accept]]
component = "fleet:all"
rule = "LLM02"
reason = "made-up prompts only"
until = {_TODAY + timedelta(days=10)}

[[pins.accept]]
component = "fleet:all"
rule = "LLM09"
reason = "nobody reads it"
until = {_TODAY - timedelta(days=3)}
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet with a lock, from which one prompt differs by now."""
    (tmp_path / "prompts").mkdir()
    for name in ("kind", "stern"):
        (tmp_path / f"prompts/{name}.txt").write_text(f"Be {name}.\n")
    (tmp_path / "fleet.toml").write_text(_PINNED)
    command = [sys.executable, "-m", "tollway", "lock", str(tmp_path / "fleet.toml")]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode in (
        0,
        3,
    )
    (tmp_path / "prompts/stern.txt").write_text("Be anything.\n")
    return tmp_path


async def rows(watched: Watched, table: str) -> list[list[str]]:
    """The cells of a table as a person reads them."""
    found = watched.page.locator(f"{table} tbody tr")
    return [
        [" ".join(it.split()) for it in await found.nth(n).locator("td").all_inner_texts()]
        for n in range(await found.count())
    ]


async def test_findings_and_what_is_not_audited_are_those_of_verify(
    folder: Path, open_page: Any
) -> None:
    async with console(folder, _PINNED) as site:
        told = printed("verify", str(site.fleet_file))
        watched = await open_page(site, "/pins")
        assert await watched.text("#found") == str(len(told["findings"])) != "0"
        assert await watched.text("#unaudited") == str(len(told["not_audited"]))
        assert (await watched.text("#components")).startswith(f"{told['components']} ")
        shown = await rows(watched, "#findings")
        assert shown == [
            [f"{it['component']} {it['place']}".strip(), it["problem"], it["mend"], it["rule"]]
            for it in told["findings"]
        ]
        assert "stern" in shown[0][0]
        answer = await watched.page.request.get(f"{site.url}/pins/verify.json")
        said = await answer.json()
        assert {it: said[it] for it in told} == told
        await watched.must_be_accessible()
        # What is mended is seen: the look is kept only while nothing that it read changes.
        (folder / "prompts/stern.txt").write_text("Be stern.\n")
        await watched.go("/pins")
        assert await watched.text("#found") == "0"


async def test_threats_are_those_of_the_command(folder: Path, open_page: Any) -> None:
    async with console(folder, _PINNED) as site:
        told = printed("threatmodel", str(site.fleet_file))
        watched = await open_page(site, "/pins/threats")
        page = watched.page
        for status in ("open", "not judged", "accepted", "answered"):
            judged = {
                (it["threat"], it["title"]) for it in told["judged"] if it["status"] == status
            }
            count = int(await page.locator(f"[data-status='{status}']").inner_text())
            assert (count > 0) == bool(judged), status
            text = await page.inner_text("main")
            for threat, title in judged:
                assert f"{threat} {title}" in text
        assert {it["status"] for it in told["judged"]} >= {"open", "accepted"}
        await watched.must_be_accessible()


async def test_models_have_their_standing_dates_and_fallbacks(folder: Path, open_page: Any) -> None:
    async with console(folder, _PINNED) as site:
        drift = printed(
            "drift", "status", "--fleet", str(site.fleet_file), "--state", str(site.state)
        )
        watched = await open_page(site, "/pins/models")
        shown = await rows(watched, "#drift")
        assert [(it[0], it[1]) for it in shown] == [
            (it["model"], it["standing"]) for it in drift["models"]
        ]
        shown = await rows(watched, "#shutdowns")
        assert [(it[0], it[1], it[2]) for it in shown] == [
            ("one/m", str(_TODAY + timedelta(days=20)), "in 20 days"),
            ("two/m", str(_TODAY + timedelta(days=80)), "in 80 days"),
        ]
        shown = await rows(watched, "#acceptances")
        assert [it[3] for it in shown] == [
            "3 days ago over: it counts again",
            "in 10 days ends soon",
        ]
        assert (await rows(watched, "#fallbacks"))[0][:3] == ["chat", "two:m", "untested"]
        assert "there is no ledger" in (await watched.text(".notice.warn")).lower()
        await watched.must_be_accessible()


async def test_fallbacks_are_those_of_the_command(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/pins/models")
    told = printed("fallbacks", str(served.fleet_file), "--state", str(served.state))
    assert [(it[0], it[1] != "none") for it in await rows(watched, "#fallbacks")] == [
        (it["route"], it["source"] is not None) for it in told["fallbacks"]
    ]


async def test_components_are_found_by_kind_and_words(folder: Path, open_page: Any) -> None:
    async with console(folder, _PINNED) as site:
        watched = await open_page(site, "/pins/components")
        page = watched.page
        await watched.must_be_accessible()
        await page.get_by_label("Kind").select_option("prompt")
        await page.get_by_role("button", name="Show").click()
        assert await watched.text("#count") == "2 components"
        await page.get_by_label("Name, version").fill("stern")
        await page.get_by_role("button", name="Show").click()
        assert await watched.text("#count") == "1 components"
        await page.get_by_role("link", name="prompts/stern.txt").click()
        await page.get_by_role("heading", name="prompt: prompts/stern.txt").wait_for()
        assert "sha256:" in await page.inner_text("main")
        await watched.must_be_accessible()
        await page.get_by_role("link", name="All components").click()
        await page.get_by_label("Name, version").fill("<b>nothing</b>")
        await page.get_by_role("button", name="Show").click()
        assert "None of that name." in await page.inner_text("main")


async def test_without_a_lock_every_page_says_how_to_make_one(
    tmp_path: Path, open_page: Any
) -> None:
    async with console(tmp_path) as site:
        watched = await open_page(site, "/pins")
        assert "tollway lock" in await watched.page.inner_text("main")
        await watched.must_be_accessible()
        for path in ("components", "threats", "models"):
            await watched.go(f"/pins/{path}")
            await watched.must_be_accessible()


async def test_a_lock_that_cannot_be_read_is_said_with_its_mend(
    tmp_path: Path, open_page: Any
) -> None:
    (tmp_path / "ai.lock").write_text("version = 99\n")
    async with console(tmp_path) as site:
        watched = await open_page(site, "/pins")
        assert "version 99" in await watched.text(".notice.bad")
        for path in ("components", "models"):
            await watched.go(f"/pins/{path}")
            assert "version 99" in await watched.text(".notice.bad")
