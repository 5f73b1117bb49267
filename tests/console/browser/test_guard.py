"""The Guard page in a browser: questions are answered, and nothing in them acts."""

import asyncio
import time
from pathlib import Path
from typing import Any

import guard_book
import pytest
from console_site import FLEET, Site, console, printed

from tollway.fleet.consoling import Role


async def test_a_question_is_told_in_plain_words_and_the_answer_is_kept_with_the_name(
    served: Site, open_page: Any
) -> None:
    yes, no = (guard_book.ask(served.state, name) for name in ("yes", "no"))
    watched = await open_page(served, "/guard")
    page = watched.page
    card = page.locator(f"[data-id={yes.id}]")
    words = await card.inner_text()
    assert "An agent of tenant team wants to use a tool" in words
    assert "send_yes" in words
    assert "This very call is made, with exactly these values." in words
    assert "The call is not made" in words
    # What is hostile in it is shown and does nothing.
    assert "<script>" in words
    assert "[U+202E]evil[U+2066] [U+001B][2J[U+200B] done" in words
    assert await page.title() == "Guard - Tollway"
    # What is long is cut, and all of it is there for who asks.
    long = card.locator("details").first
    assert "x" * 400 not in await long.inner_text()
    await long.locator("summary").click()
    assert "x" * 900 in await long.inner_text()
    await watched.must_be_accessible()
    await card.get_by_label("Why, for the record").fill("looked at it")
    await card.get_by_role("button", name="Yes").click()
    await page.wait_for_url("**/guard?done=*")
    assert await watched.text("[role=status]:not([hidden])") == (
        f"{yes.id} is approved, by admin socket (as admin key)."
    )
    await page.locator(f"[data-id={no.id}]").get_by_role("button", name="No").click()
    await page.wait_for_url(f"**/guard?done={no.id}")
    kept = [guard_book.find(served.state, it.id) for it in (yes, no)]
    assert [it.granted for it in kept] == [True, False]
    assert kept[0].who == "admin socket (as admin key)"
    assert kept[0].note == "looked at it"


async def test_a_question_that_comes_in_is_announced_and_moves_nothing(
    served: Site, open_page: Any
) -> None:
    first = guard_book.ask(served.state, "first")
    watched = await open_page(served, "/guard")
    page = watched.page
    second = guard_book.ask(served.state, "second", "short", "egress")
    await page.get_by_text("1 more question waits.").wait_for(timeout=15_000)
    assert await page.locator(f"[data-id={second.id}]").count() == 0
    await page.get_by_role("link", name="Show them").click()
    await page.locator(f"[data-id={second.id}]").wait_for()
    assert "https://api.example.com:443/v1/things" in await watched.text(f"[data-id={second.id}]")
    assert await page.locator(f"[data-id={first.id}]").count() == 1


async def test_runs_and_their_receipts_are_those_of_the_command(
    served: Site, open_page: Any
) -> None:
    run = guard_book.run(served.state)
    watched = await open_page(served, "/guard/runs")
    page = watched.page
    await watched.must_be_accessible()
    await page.get_by_role("link", name=run.task).click()
    await page.wait_for_url(f"**/guard/runs/{run.task}")
    await watched.must_be_accessible()
    told = printed("runs", "show", run.task, "--state", str(served.state))
    answer = await page.request.get(f"{served.url}/guard/runs/{run.task}.json")
    assert await answer.json() == told
    text = await page.inner_text("main")
    assert told["state"] == "ended 0"
    for words in (
        "ended 0",
        "GET api.example.com:443/v1",
        "321",
        "out/report.txt",
        "a link",
        "[U+202E]",
    ):
        assert words in text, words
    assert (await page.request.get(f"{served.url}/guard/runs/none")).status == 404


async def test_what_was_stopped_is_counted_as_the_book_has_it(served: Site, open_page: Any) -> None:
    at = 1_700_000_000.0  # 2023-11-14
    guard_book.events(served.state, at)
    watched = await open_page(served, "/guard/stopped")
    text = " ".join((await watched.page.inner_text("main")).split())
    assert "2023-11-14 going out 2 0 0" in text
    assert "2023-11-14 coming in 0 0 1" in text
    assert "iban secret 2 0 1" in text
    assert "no-iban 2 0 1" in text
    await watched.must_be_accessible()
    await watched.page.get_by_label("About").select_option("console")
    await watched.page.get_by_role("button", name="Show").click()
    assert "signed in" in await watched.page.inner_text("main")


async def test_without_a_gateway_the_questions_stand_there_and_the_page_says_what_to_do(
    tmp_path: Path, open_page: Any
) -> None:
    (tmp_path / "state").mkdir()
    asked = guard_book.ask(tmp_path / "state", "lone", "short", "package")
    async with console(tmp_path, FLEET) as site:
        watched = await open_page(site, "/guard")
        page = watched.page
        assert "`tollway up` starts it" in await watched.text(".notice.warn")
        await page.locator(f"[data-id={asked.id}]").get_by_role("button", name="Yes").click()
        await page.locator("[role=alert]").wait_for()
        assert "tollway approvals" in await watched.text("[role=alert]")
        assert guard_book.find(site.state, asked.id).granted is None
        watched.faults.clear()  # Chromium reports the 503
        for path in ("/guard/runs", "/guard/stopped"):
            await watched.go(path)
            await watched.must_be_accessible()


@pytest.mark.parametrize("roles", [("viewer",), ("viewer", "operator")], ids=["viewer", "operator"])
async def test_who_is_no_approver_reads_and_does_not_answer(
    tmp_path: Path, open_page: Any, roles: tuple[Role, ...]
) -> None:
    (tmp_path / "state").mkdir()
    asked = guard_book.ask(tmp_path / "state", "lone", "short", "traffic")
    async with console(tmp_path, FLEET) as site:
        watched = await open_page(site, "/guard")
        assert await watched.page.get_by_role("button", name="Yes").count() == 1  # the control
        assert site.house is not None
        (session,) = site.house.desk.sessions._by_digest.values()
        session.roles = frozenset(roles)
        await watched.go("/guard")
        assert await watched.page.get_by_role("button", name="Yes").count() == 0
        assert "you need the role approver" in await watched.page.inner_text("main")
        form = {"csrf": session.csrf, "approval": asked.id, "answer": "yes"}
        answer = await watched.page.request.post(f"{site.url}/guard/answer", form=form)
        assert answer.status == 403
        assert 'needs the role "approver"' in await answer.text()


async def test_an_answer_is_among_the_security_events(served: Site, open_page: Any) -> None:
    asked = guard_book.ask(served.state, "told", "Ask about this")
    watched = await open_page(served, "/guard")
    await watched.page.locator(f"[data-id={asked.id}]").get_by_role("button", name="Yes").click()
    await watched.page.wait_for_url("**/guard?done=*")
    wanted = f"admin key said yes to {asked.id}: Ask about this"
    end = time.monotonic() + 15
    while wanted not in await watched.page.inner_text("main"):
        assert time.monotonic() < end
        await watched.go("/guard/stopped?concern=console")
        await asyncio.sleep(0.1)


async def test_a_drain_is_among_the_security_events_with_who_did_it(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served, "/guard/stopped?concern=console")
    page = watched.page
    csrf = await page.evaluate("document.body.dataset.csrf")
    for what, form in (
        ("drain", {"source": "b200", "why": "being mended"}),
        ("undrain", {"source": "b200"}),
    ):
        answer = await page.request.post(
            f"{served.url}/road/{what}", form=form, headers={"x-csrf": csrf}
        )
        assert answer.status == 200, await answer.text()
    end = time.monotonic() + 15
    while "admin key did undrain b200" not in await page.inner_text("main"):
        assert time.monotonic() < end
        await watched.go("/guard/stopped?concern=console")
        await asyncio.sleep(0.1)
    assert "admin key did drain b200: being mended" in await page.inner_text("main")
