"""Reads a project's page of a simple index: PEP 691's JSON, or PEP 503's HTML.

Rules
1. A file whose name is of another project, or of no known form, is offered as such and never
   served.
2. A page that does not end is not read: what it leaves out may be what matters.
3. A digest that is not lower-case hex of its own length is none.
"""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

from tollway.index.offered import Listing, Offered
from tollway.index.strict import moment, read_object
from tollway.pins.admission import Form, PackageFile
from tollway.pins.admission_names import normalised

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
ACCEPTED = f"{JSON_TYPE}, {HTML_TYPE};q=0.2, text/html;q=0.1"
_HEX = {"sha256": re.compile(r"[0-9a-f]{64}\Z"), "sha512": re.compile(r"[0-9a-f]{128}\Z")}
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\Z")
_MOST = 50_000


def read_page(name: str, media_type: str, body: bytes, url: str) -> Listing:
    """What the page at `url` offers of a normalised name. Slow, for a large page.

    Raises:
        ValueError: it is no such page; the text says why.
    """
    plain = media_type.partition(";")[0].strip().lower()
    if plain in (JSON_TYPE, "application/json"):
        offered = _of_json(name, read_object(body), url)
    elif plain in (HTML_TYPE, "text/html"):
        offered = _of_html(name, body, url)
    else:
        raise ValueError(f"it is {plain[:60] or 'of no type'}")
    files = tuple(offered)
    seen = {it.facts.file for it in files}
    if len(seen) != len(files):
        raise ValueError("it lists one file twice")
    if len(files) > _MOST:
        raise ValueError(f"it lists over {_MOST} files")
    return Listing("pypi", name, files)


def _of_json(name: str, page: Mapping[str, Any], url: str) -> Iterator[Offered]:
    meta, files = page.get("meta"), page.get("files")
    version = cast("dict[str, Any]", meta).get("api-version") if isinstance(meta, dict) else None
    if not isinstance(version, str) or not version.startswith("1."):
        raise ValueError(f"it is of version {str(version)[:20]!r}, not 1")
    said = page.get("name")
    if not isinstance(said, str) or normalised("pypi", said) != name:
        raise ValueError(f"it is of {str(said)[:60]!r}")
    if not isinstance(files, list):
        raise ValueError("it has no files")
    for file in cast("list[Any]", files):
        if not isinstance(file, dict):
            raise ValueError("it lists what is no file")
        yield _of_facts(name, cast("dict[str, Any]", file), url)


def _of_facts(name: str, file: Mapping[str, Any], page: str) -> Offered:
    filename, url = file.get("filename"), file.get("url")
    if not isinstance(filename, str) or not isinstance(url, str):
        raise ValueError("it lists a file without a name or URL")
    metadata = file.get("core-metadata", file.get("dist-info-metadata"))
    size, yanked = file.get("size"), file.get("yanked", False)
    if not isinstance(yanked, (bool, str)):
        raise ValueError(f"{filename[:80]} is yanked in a way that nobody knows")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ValueError(f"{filename[:80]} has no size that is a number")
    python, provenance = file.get("requires-python"), file.get("provenance")
    return _offered(
        name,
        filename,
        urljoin(page, url),
        {
            "digests": _digests(file.get("hashes")),
            "size": size,
            "uploaded": moment(file.get("upload-time")),
            "yanked": None if yanked is False else "" if yanked is True else yanked,
        },
        {
            "python": python if isinstance(python, str) else None,
            "metadata": next(iter(_digests(metadata)), None),
            "provenance": urljoin(page, provenance) if isinstance(provenance, str) else None,
        },
    )


def _offered(
    name: str, filename: str, url: str, facts: Mapping[str, Any], more: Mapping[str, Any]
) -> Offered:
    form, version = _form(name, filename)
    file = PackageFile(kind="pypi", name=name, version=version, file=filename, form=form, **facts)
    return Offered(file, url, **more)


def _form(name: str, filename: str) -> tuple[Form, str]:
    """Rule 1."""
    if _FILE.match(filename) is None:
        return "other", ""
    try:
        if filename.endswith(".whl"):
            said, version, _, _ = parse_wheel_filename(filename)
            return ("wheel" if said == name else "other"), str(version)
        if filename.endswith((".tar.gz", ".zip")):
            said, version = parse_sdist_filename(filename)
            return ("sdist" if said == name else "other"), str(version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        pass
    return "other", ""


def _digests(hashes: object) -> tuple[str, ...]:
    """Rule 3."""
    if not isinstance(hashes, dict):
        return ()
    known = cast("dict[str, Any]", hashes)
    pairs = ((kind, known.get(kind)) for kind in _HEX)
    return tuple(
        f"{kind}:{it}" for kind, it in pairs if isinstance(it, str) and _HEX[kind].match(it)
    )


def _of_html(name: str, body: bytes, url: str) -> Iterator[Offered]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not text.rstrip().lower().endswith(("</html>", "</body>")):  # rule 2
        raise ValueError("it has no end")
    page = _Page()
    page.feed(text)
    page.close()
    if page.version is not None and not page.version.startswith("1."):
        raise ValueError(f"it is of version {page.version[:20]!r}, not 1")
    if page.based:
        raise ValueError("it has a <base>, which clients read differently")
    for link in page.links:
        href, fragment = urldefrag(urljoin(url, link.get("href") or ""))
        filename = unquote(urlsplit(href).path.rpartition("/")[2])
        yanked = link.get("data-yanked", False)
        metadata = link.get("data-core-metadata", link.get("data-dist-info-metadata"))
        yield _offered(
            name,
            filename,
            href,
            {
                "digests": _pair(fragment),
                "yanked": None if yanked is False else yanked or "",
            },
            {
                "python": link.get("data-requires-python"),
                "metadata": next(iter(_pair(metadata or "")), None),
            },
        )


def _pair(text: str) -> tuple[str, ...]:
    """The digest of `sha256=...`."""
    kind, _, digest = text.partition("=")
    return _digests({kind: digest})


class _Page(HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.version: str | None = None
        self.based = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(reversed(attrs))  # the first of two counts, as in browsers
        if tag == "a" and said.get("href"):
            self.links.append(said)
        elif tag == "base":
            self.based = True
        elif tag == "meta" and said.get("name") == "pypi:repository-version":
            self.version = said.get("content") or ""
