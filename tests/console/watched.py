"""A page of the console that is watched while a test uses it."""

from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from console_site import Site
from playwright.async_api import ConsoleMessage, Page, Request, ViewportSize

_SERIOUS = ("serious", "critical")
_SIZES: tuple[ViewportSize, ...] = (
    {"width": 1280, "height": 900},
    {"width": 390, "height": 844},
)
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text} ({message.location})")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            self.faults.append(f"a request left this machine: {request.url}")

    async def sign_in(self) -> None:
        """With the admin key, through the form."""
        await self.page.goto(f"{self.site.url}/sign-in")
        await self.page.get_by_label("Admin key").fill(self.site.key)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)
        self.faults.clear()  # where the first page is not there, that is not this test's

    async def go(self, path: str) -> None:
        await self.page.goto(self.site.url + path)

    async def text(self, selector: str) -> str:
        """What a person reads there."""
        return " ".join((await self.page.locator(selector).first.inner_text()).split())

    async def must_be_accessible(self) -> None:
        """axe-core finds nothing serious, in light and dark, wide and as on a phone; and nothing is
        wider than the screen. In dark only the colours differ, so only they are judged again."""
        wide = self.page.viewport_size
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme, rules in zip(schemes, (_RULES, _COLOURS), strict=True):
            await self.page.emulate_media(color_scheme=scheme)
            for size in _SIZES:
                await self.page.set_viewport_size(size)
                found = await Axe().run(self.page, options=rules)
                grave = [it for it in found.response["violations"] if it["impact"] in _SERIOUS]
                words = [f"{it['id']}: {it['nodes'][0]['html'][:200]}" for it in grave]
                assert not words, f"{scheme}, {size['width']} px: {words}"
                wider = await self.page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wider <= 0, f"{scheme}: {wider} px wider than a screen of {size['width']} px"
        await self.page.emulate_media(color_scheme="light")
        if wide is not None:
            await self.page.set_viewport_size(wide)

    def must_be_faultless(self) -> None:
        assert not self.faults, self.faults
