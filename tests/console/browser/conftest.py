"""A browser, and pages that are watched: an error in their console, or a request that leaves this
machine, fails the test."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from console_site import Site, serving
from playwright.async_api import Browser, Page, async_playwright
from watched import Watched

CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop and one browser for all tests here: its start takes longer than a test."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    skip = pytest.mark.skip(reason="needs Chromium: apt-get install chromium")
    for item in mine:
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if CHROMIUM is None and os.environ.get("CI") != "true":
            item.add_marker(skip)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM is not None, "Chromium is not there: apt-get install chromium"
    async with async_playwright() as playwright:
        args = ["--no-sandbox", "--disable-dev-shm-usage"]  # root, and small /dev/shm in containers
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        try:
            yield browser
        finally:
            with suppress(Exception):
                await browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo fleet with its console, one for the tests of a file."""
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


Open = Callable[..., Awaitable[Watched]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Opens a page of a site, signed in; at the end of the test it must have been faultless."""
    opened: list[Watched] = []

    async def open_(site: Site, path: str = "/", *, signed_in: bool = True) -> Watched:
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page: Page = await context.new_page()
        watched = Watched(page, site)
        opened.append(watched)
        if signed_in:
            await watched.sign_in()
        await watched.go(path)
        return watched

    yield open_
    faults = [list(watched.faults) for watched in opened]  # those of closing are not the test's
    for watched in opened:
        await watched.page.context.close()
    assert not any(faults), faults
