"""What a task may reach: hosts, methods and paths as they are compared, and the rules over them.

Rules
1. What can be read in two ways is not compared: a host that some reader takes for an address is
   refused, and a path that servers read differently fits no rule that names paths.
2. The first rule that fits decides; where none fits, it is denied.
3. A rule that only an ambiguous path keeps from fitting denies: the path may be meant by it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal

from tollway.fleet.egressing import EgressRule, SecretUse
from tollway.fleet.places import host_pattern
from tollway.fleet.quantities import MalformedError
from tollway.guard.addresses import METADATA_NAMES

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PRINTABLE = re.compile(rb"[!-~]*")
_DEEPEST = 6
"""Encodings within one another that are undone to look for dots and slashes; more is ambiguous."""


class UnclearError(Exception):
    """A host or a path that may not be acted on. Its text says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request as it is judged. `path` is plain, as `plain_path` gives it, and `ambiguous` says
    why it may be read in two ways, None where it may not."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    method: str
    path: str
    ambiguous: str | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """What the rules say. `rule` is the one that decided; `why` says why it is denied."""

    action: Literal["allow", "ask", "deny"]
    rule: EgressRule | None
    why: str = ""


def plain_host(text: str) -> str:
    """A host as it is compared: a name in lower case, or an address as `ipaddress` writes it,
    without brackets.

    Raises:
        UnclearError: it is neither, or some reader would take the name for an address.
    """
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if inner != text and ":" not in inner:
        raise UnclearError("The host is in brackets and no IPv6 address.")
    if inner == text and ":" in inner:
        raise UnclearError("An IPv6 address goes in brackets.")
    try:
        host = host_pattern(inner)
    except MalformedError:
        raise UnclearError("The host is not a plain name or address.") from None
    if "*" in host:
        raise UnclearError("The host is not a plain name or address.")
    return host


def split_authority(text: str, port: int | None) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; `port` is for a text that names none.

    Raises:
        UnclearError: there is no port, or no plain host.
    """
    host, colon, digits = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, digits = text, "" if port is None else str(port)
    if re.fullmatch(r"[1-9][0-9]{0,4}", digits) is None or int(digits) > 65535:
        raise UnclearError("The port is missing, or no port.")
    return plain_host(host), int(digits)


def plain_path(target: bytes) -> tuple[str, str, str | None]:
    """Path, query (with its `?`, or empty) and what is ambiguous of an origin-form target. The
    path's escapes of letters, digits and `-._~` are undone, the others in capitals.

    Raises:
        UnclearError: it is no path, has dot segments in any encoding, or characters no URL has.
    """
    raw, mark, query = target.partition(b"?")
    if not raw.startswith(b"/") or _PRINTABLE.fullmatch(target) is None or b"#" in target:
        raise UnclearError("The target is not a path of a URL.")
    if _BAD_ESCAPE.search(raw):
        raise UnclearError("The path has a % that begins no escape.")
    path = _ESCAPE.sub(_unescaped, raw)
    ambiguous = _ambiguous(path)
    return path.decode(), (mark + query).decode(), ambiguous


def _unescaped(match: re.Match[bytes]) -> bytes:
    byte = int(match[1], 16)
    return bytes((byte,)) if byte in _UNRESERVED else match[0].upper()


def _ambiguous(path: bytes) -> str | None:
    """Why servers may read the path differently.

    Raises:
        UnclearError: it has a dot segment, in whatever encoding.
    """
    found: str | None = None
    text = path
    for depth in range(_DEEPEST + 1):
        _refuse_dots(text)
        if depth and b"/" in _newly(text, path):
            found = found or "an encoded slash"
        if b"\\" in text:
            found = found or "a backslash"
        if b";" in text:
            found = found or "a semicolon"
        if b"//" in text:
            found = found or "two slashes in a row"
        if any(byte < 0x20 or byte == 0x7F for byte in text):
            found = found or "an encoded control character"
        if not _is_utf8(text):  # some read an overlong form as the letter that it stands for
            found = found or "an escape of no letter"
        inner = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text)
        if inner == text:
            return found
        if depth:
            found = found or "an escape within an escape"
        text = inner
    return found or "an escape within an escape"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _newly(text: bytes, path: bytes) -> bytes:
    """Slashes that are in the text and not in the path."""
    return b"/" if text.count(b"/") > path.count(b"/") else b""


def _refuse_dots(text: bytes) -> None:
    # What follows a semicolon is a parameter to some servers, so that "..;" is a dot segment.
    for segment in re.split(rb"[/\\]", text):
        if segment.partition(b";")[0].strip(b"\x00 \t") in (b".", b".."):
            raise UnclearError("The path has dot segments.")


def host_fits(pattern: str, host: str) -> bool:
    """Whether a plain host fits a pattern of the fleet file. Metadata services are meant only by
    their own names, and addresses by themselves or `*`."""
    if pattern == host:
        return True
    if host in METADATA_NAMES:
        return False
    if pattern == "*":
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and not is_address(host)


def is_address(host: str) -> bool:
    """Whether a plain host is an address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def path_fits(pattern: str, path: str) -> bool:
    """Whether a plain path fits a pattern: `*` within one segment, `**` anything."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", pattern)
    words = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts), re.DOTALL)


def knows_host(rules: tuple[EgressRule, ...], host: str, port: int, tenant: str) -> bool:
    """Whether any rule lets this tenant's tasks ask this host anything at all: what is asked
    before its name is resolved."""
    return any(_place_fits(rule, host, port, tenant) for rule in rules)


def judge(rules: tuple[EgressRule, ...], wanted: Wanted, tenant: str) -> Reached:
    """What the rules say of a request."""
    why = "No rule lets this host through."
    for rule in rules:
        if not _place_fits(rule, wanted.host, wanted.port, tenant):
            continue
        if wanted.scheme == "http" and not rule.plain:
            why = "The host may be reached over TLS only (https)."
            continue
        why = "No rule lets this method and path of the host through."
        if rule.methods is not None and wanted.method not in rule.methods:
            continue
        if rule.paths is not None:
            if wanted.ambiguous is not None:
                why = f"The path has {wanted.ambiguous}, and rule {rule.name} is about paths."
                return Reached("deny", rule, why)
            if not any(path_fits(pattern, wanted.path) for pattern in rule.paths):
                continue
        return Reached(rule.action, rule)
    return Reached("deny", None, why)


def _place_fits(rule: EgressRule, host: str, port: int, tenant: str) -> bool:
    if rule.tenants is not None and tenant not in rule.tenants:
        return False
    return port in rule.ports and any(host_fits(pattern, host) for pattern in rule.hosts)


def why_no_secret(use: SecretUse, wanted: Wanted, tenant: str) -> str | None:
    """Why a secret may not go with a request; None where it may."""
    if use.tenants is not None and tenant not in use.tenants:
        return "it is another tenant's"
    if not any(host_fits(pattern, wanted.host) for pattern in use.hosts):
        return "it may not go to this host"
    if wanted.port not in use.ports:
        return "it may not go to this port"
    if wanted.scheme == "http" and not use.plain:
        return "it goes over TLS only"
    if use.methods is not None and wanted.method not in use.methods:
        return "it may not go with this method"
    if use.paths is not None:
        if wanted.ambiguous is not None:
            return f"the path has {wanted.ambiguous}"
        if not any(path_fits(pattern, wanted.path) for pattern in use.paths):
            return "it may not go to this path"
    return None
