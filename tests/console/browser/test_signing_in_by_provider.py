"""Signing in through a provider, in a browser: cookies, redirects and the policy are its own."""

from pathlib import Path
from typing import Any

import pytest
from console_site import FLEET, console
from provider import CLIENT, SECRET, providing


async def test_a_link_leads_to_the_provider_and_back_with_the_roles_of_ones_groups(
    tmp_path: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_OIDC_SECRET", SECRET)
    async with providing() as provider:
        fleet = (
            FLEET
            + f"""
[credentials]
sso = "env:TEST_OIDC_SECRET"

[console.oidc]
issuer = "{provider.issuer}"
client_id = "{CLIENT}"
client_secret = "sso"

[console.oidc.roles]
viewer = ["everybody"]
approver = ["security"]
"""
        )
        async with console(tmp_path, fleet) as site:
            watched = await open_page(site, "/guard/runs", signed_in=False)
            page = watched.page
            await watched.must_be_accessible()
            provider.claims["groups"] = ["guests"]
            await page.get_by_role("link", name="Sign in with").click()
            assert "no group of yours may see this console" in await watched.text("[role=alert]")
            watched.faults.clear()  # Chromium reports the 403
            provider.claims["groups"] = ["everybody"]
            await page.get_by_role("link", name="Sign in with").click()
            await page.wait_for_url(f"{site.url}/guard/runs")
            assert await watched.text(".who .name") == "ann@example.org"
            assert await watched.text(".who .badge") == "viewer"
            await watched.must_be_accessible()
            await page.get_by_role("button", name="Sign out").click()
            await page.wait_for_url("**/sign-in")
            await watched.go("/guard")
            assert "/sign-in" in page.url
