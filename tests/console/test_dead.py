"""With no gateway and no ledger every page still helps: it says what is missing and what to do."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from console_site import console
from httpx2 import AsyncClient

from tollway.console.app import PAGES
from tollway.console.rendering import NAVIGATION

_MEND = re.compile(r"tollway (up|serve|status|twin|check|init|lock|keys|console)\b|\[[a-zA-Z.]+\]")
"""A command to run, or a section of the fleet file to write."""
_NEEDS_NOTHING = ("/feel",)
"""Pages that are whole without a gateway: they show tokens of their own."""
_FINE = (200, 303, 400, 404, 422, 503)
"""400, 404 and 422: the path wants a question, or to be told of what, and says so."""
_SIGNED_OUT = ("/sign-in", "/sign-out")


def every_page() -> list[str]:
    """Every path that is asked for with GET and has no part to fill in."""
    routes = (route for page in PAGES for route in page)
    paths = {it.path for it in routes if "GET" in (it.methods or ()) and "{" not in it.path}
    return sorted(path for path in paths if not path.startswith(_SIGNED_OUT))


PEOPLES = [path for _, path, _ in NAVIGATION if path in every_page()]
HELPING = [path for path in PEOPLES if path not in _NEEDS_NOTHING]


_EMPTY = ("br", "img", "input", "link", "meta", "hr", "col", "wbr")


class Words(HTMLParser):
    """What a person reads in the main part: nothing of scripts, and of what is hidden."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._path: list[bool] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _EMPTY:
            unseen = tag in ("script", "style", "template") or "hidden" in dict(attrs)
            outside = not self._path and tag != "main"
            self._path += [] if outside else [unseen or any(self._path[-1:])]

    def handle_endtag(self, tag: str) -> None:
        if self._path and tag not in _EMPTY:
            self._path.pop()

    def handle_data(self, data: str) -> None:
        if self._path and not self._path[-1]:
            self.words += data.split()


def words_of(html: str) -> str:
    """What a person reads in the main part."""
    return " ".join(Words(html).words)


def test_words_that_are_hidden_are_not_read() -> None:
    page = "<p>a</p><main><p>b<br>c</p><div hidden><p>d</p></div><script>e</script>f</main><p>g</p>"
    assert words_of(page) == "b c f"


@pytest.mark.parametrize("path", HELPING)
async def test_a_page_names_the_mend_where_nothing_is_there(tmp_path: Path, path: str) -> None:
    async with console(tmp_path) as site, AsyncClient(base_url=site.url, timeout=60) as client:
        await client.post("/sign-in", data={"key": site.key}, headers={"origin": site.url})
        answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code in (200, 503), answer.text
    words = words_of(answer.text)
    assert _MEND.search(words), words
    assert "Traceback" not in words


async def test_no_path_of_a_page_breaks_where_nothing_is_there(tmp_path: Path) -> None:
    found: dict[str, int] = {}
    async with console(tmp_path) as site, AsyncClient(base_url=site.url, timeout=60) as client:
        await client.post("/sign-in", data={"key": site.key}, headers={"origin": site.url})
        for path in every_page():
            async with client.stream("GET", path, headers={"accept": "text/html"}) as answer:
                found[path] = answer.status_code
    broken = {path: status for path, status in found.items() if status not in _FINE}
    assert not broken
    assert set(PEOPLES) <= set(found)
