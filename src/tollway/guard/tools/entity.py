"""A value as the one thing that it stands for: an address, a URL, an account, a number, a name.

Rules
1. Two values are one entity only where every reader of them takes them for the same: letters of
   ASCII match in either case where the thing itself does not tell them apart, all others exactly.
2. A value is never mended into an entity: what is not written plainly is compared as it stands.
3. What cannot be seen (controls, joiners, direction marks) makes a value no entity at all.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["email", "url", "account", "number", "moment", "path", "name"]

EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
"""An address in the plain form; one with quotes, apostrophes or other letters is a name."""
URL = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]{0,15}://|www\.)[^\s<>\"'`|\\^{}]+"
    r"|(?<![\w@.-])(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/[^\s<>\"'`|\\^{}]*"
)
_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
ACCOUNT = re.compile(
    r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){10,30}|\+?[0-9](?:[ ().-]{0,2}[0-9]){7,33}"
)
"""An IBAN, or eight digits and more: accounts, cards, phones."""
_NUMBER = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|-?[0-9]+(?:\.[0-9]+)?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.0+)?)?Z?)?"
)
_DIGITAL_DATE = re.compile(
    r"(?<![0-9])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4})(?![0-9-])"
    r"(?:[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
    r"(?:\s*-\s*[0-9]{1,2}:[0-9]{2})?"
)
_LOOSE = re.compile(
    r"//[^\s/][^\s<>]*|\b(?i:https?|ftp|wss?|mailto|javascript):[^\s<>]+|[^\s@<>]+@[^\s@<>]+"
)
_DISPLAYED = re.compile(r"[\w .'-]{1,64}<([^<>\s]+)>")
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs")
_PORTS = {"http": 80, "https": 443}
_SEPARATORS = str.maketrans("", "", " -().")
_LOWER = str.maketrans({upper: chr(upper + 32) for upper in range(ord("A"), ord("Z") + 1)})


@dataclass(frozen=True, slots=True)
class Entity:
    """What a value stands for. `key` is equal for two values that are the same thing."""

    kind: Kind
    key: str


def lowered(text: str) -> str:
    """The text in composed form, its ASCII capitals small. Others stay: Unicode's own folding
    makes one word of two that differ, such as a long s and an s."""
    return unicodedata.normalize("NFC", text).translate(_LOWER)


def is_seen(text: str) -> bool:
    """Whether a reader sees all of it (rule 3). A blank that is no space is taken for one."""
    return not any(unicodedata.category(letter) in _UNSEEN for letter in text if letter != " ")


def entity(value: str | float) -> Entity | None:
    """What a value stands for; None where it stands for nothing that can be named (rule 3)."""
    if not isinstance(value, str):
        plain = number(repr(value))
        return None if plain is None else Entity("number", plain)
    text = value.strip(" ")
    if not text or not is_seen(text):
        return None
    if EMAIL.fullmatch(text):
        return Entity("email", text.translate(_LOWER))
    if (displayed := _DISPLAYED.fullmatch(text)) and EMAIL.fullmatch(displayed[1]):
        return Entity("email", displayed[1].translate(_LOWER))
    if _MOMENT.fullmatch(text):
        return Entity("moment", text)
    if _NUMBER.fullmatch(text) and len(text) < 8:
        return Entity("number", number(text) or text)
    if ACCOUNT.fullmatch(text):
        return Entity("account", text.translate(_SEPARATORS))
    if URL.fullmatch(text):
        url = canonical_url(text)
        return None if url is None else Entity("url", url)
    if "@" in text[1:]:
        return None  # an address of a kind, and none in the plain form
    if "/" in text or "\\" in text:
        path = canonical_path(text)
        return None if path is None else Entity("path", path)
    return Entity("name", lowered(text).lstrip("#@"))


def addresses_of(text: str) -> tuple[str, ...]:
    """The addresses of a text that is nothing but a list of them; empty where it is anything else.
    However a tool reads the list, it reads no other address."""
    parts = tuple(part.strip(" ") for part in re.split("[,;]", text))
    return parts if len(parts) > 1 and all(map(EMAIL.fullmatch, parts)) else ()


def number(text: str) -> str | None:
    """A decimal as it is always written, without separators; None where it is none."""
    try:
        found = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return str(found.normalize()) if found.is_finite() else None


def canonical_url(text: str) -> str | None:
    """A URL as it is always written: scheme and host in small letters, no port that goes without
    saying, no bare slash at its end. None for one with a user (`https://good.com@evil.com`), with a
    backslash, or with a host that is not plain ASCII. Without a scheme it is https, or http."""
    schemed = text if "://" in text else f"//{text}"
    try:
        parts = urlsplit(schemed)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").translate(_LOWER)
    if "@" in parts.netloc or not host or not _plain_host(host):
        return None
    scheme = parts.scheme.translate(_LOWER)
    where = host if port is None or port == _PORTS.get(scheme) else f"{host}:{port}"
    query = f"?{parts.query}" if "?" in schemed else ""
    fragment = f"#{parts.fragment}" if "#" in schemed else ""
    path = parts.path if parts.path != "/" else ""
    return f"{scheme}://{where}{path}{query}{fragment}"


def host_of(text: str) -> str | None:
    """The host that a URL leads to, in small letters; None where that is in doubt."""
    url = canonical_url(text) if URL.fullmatch(text) or _DOMAIN.fullmatch(text) else None
    return None if url is None else urlsplit(url).hostname


def _plain_host(host: str) -> bool:
    is_name = re.fullmatch(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", host) is not None
    return is_name or re.fullmatch(r"[0-9a-f:.]+", host) is not None


def canonical_path(text: str) -> str | None:
    """A path without `.` and doubled slashes; None for one that climbs (`..`), also encoded, or
    has a backslash."""
    low = text.lower()
    if "\\" in text or "%2e" in low or "%2f" in low or "%5c" in low or "%00" in low:
        return None
    parts = text.split("/")
    if ".." in parts or "~" in parts[:1]:
        return None
    kept = "/".join(part for part in parts if part not in ("", "."))
    return f"/{kept}" if text.startswith("/") else kept


def links_in(text: str) -> Iterator[tuple[str, Entity | None]]:
    """Addresses, URLs and accounts in a text, as written and as what they stand for. Days and times
    of day are none, though they have as many digits."""
    text = _DIGITAL_DATE.sub(_blank, text)
    for pattern in (EMAIL, URL, ACCOUNT):
        for found in pattern.finditer(text):
            written = found[0].rstrip(".,;:!?)]}*_")
            yield written, entity(written)
        text = pattern.sub(_blank, text)


def hidden_links_in(text: str) -> Iterator[str]:
    """What some reader takes for a link or an address, and is not plainly written as one: without a
    scheme or its slashes, in letters that are not ASCII, with escapes of HTML, with backslashes."""
    for pattern in (EMAIL, URL):
        text = pattern.sub(_blank, text)
    loose = unicodedata.normalize("NFKC", unescape(text)).replace("\\", "/")
    for found in _LOOSE.finditer(loose):
        yield found[0]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
