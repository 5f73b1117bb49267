"""Signing in, in a browser."""

from pathlib import Path
from typing import Any

from console_site import console


async def test_the_admin_key_opens_the_console_and_a_wrong_one_does_not(
    tmp_path: Path, open_page: Any
) -> None:
    async with console(tmp_path) as site:
        watched = await open_page(site, "/feel", signed_in=False)
        page = watched.page
        assert "/sign-in" in page.url
        await watched.must_be_accessible()
        await page.get_by_label("Admin key").fill("tc_wrong")
        await page.get_by_role("button", name="Sign in").click()
        assert await watched.text("[role=alert]") == "This is not the admin key."
        watched.faults.clear()  # Chromium reports the 401 of the form
        await page.get_by_label("Admin key").fill(site.key)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{site.url}/feel")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
        watched.faults.clear()
        await watched.go("/feel")
        assert "/sign-in" in page.url
