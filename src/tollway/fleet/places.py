"""How places on the network are written in a fleet file: hosts, paths, methods, networks.

Rules
1. Every reader takes what TOML gave and returns the text that is compared, or raises
   `MalformedError`.
2. A host is compared by its letters in lower case, so a name in other letters is written as it
   goes over the wire (punycode).
"""

import re
from ipaddress import ip_address, ip_network

from tollway.fleet.quantities import MalformedError, shown

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
                   r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")  # fmt: skip
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")
_PATH = re.compile(r"/[!-~]{0,1023}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NOT_CARRIED = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "proxy-authorization", "te",
     "upgrade", "trailer", "expect", "keep-alive", "proxy-connection")
)  # fmt: skip
"""Headers that the proxy writes itself, or that say where a message ends."""

SECRET_MARK = "{secret}"  # noqa: S105 - what a template writes where the secret goes


def host_pattern(value: object) -> str:
    """`api.github.com`, `*.example.com` (any name below it, not itself), an address, or `*`."""
    word = value.lower() if isinstance(value, str) else ""
    name = word.removeprefix("*.")
    if word == "*" or _is_address(word) or (_NAME.fullmatch(name) and not _numeric(name)):
        return _shortest(word)
    raise MalformedError(
        f"is {shown(value)}, not a host",
        'Write a name without scheme, port or path, "api.github.com" or "*.example.com".',
    )


def named_host(value: object) -> str:
    """The same, without `*`: where a secret goes is named."""
    word = host_pattern(value)
    if word == "*":
        raise MalformedError('is "*"', "Name the hosts that a secret may go to.")
    return word


def path_pattern(value: object) -> str:
    """`/repos/acme/*`: `*` is anything within one segment, `**` anything at all."""
    if isinstance(value, str) and _PATH.fullmatch(value) and not _odd_path(value):
        return value
    mend = 'Write "/a/b", "/a/*" (one segment) or "/a/**" (everything below), without a query.'
    raise MalformedError(f"is {shown(value)}, not a path", mend)


def method(value: object) -> str:
    """`GET`."""
    if isinstance(value, str) and _METHOD.fullmatch(value) and value != "CONNECT":
        return value
    raise MalformedError(f"is {shown(value)}, not a method", 'Write "GET", "POST" and the like.')


def network(value: object) -> str:
    """`10.1.2.3`, `10.0.0.0/8` or `fd00::/8`, as `ipaddress` writes it."""
    try:
        if isinstance(value, str):
            return str(ip_network(value))
    except ValueError:
        pass
    mend = 'Write an address or a network without host bits: "127.0.0.1", "10.0.0.0/8".'
    raise MalformedError(f"is {shown(value)}, not a network", mend)


def header_name(value: object) -> str:
    """`Authorization`; not one of those that the proxy writes."""
    if isinstance(value, str) and _HEADER.fullmatch(value) and value.lower() not in _NOT_CARRIED:
        return value
    raise MalformedError(f"is {shown(value)}, not a header for a secret", 'Write "X-Api-Key".')


def template(value: object) -> str:
    """`Bearer {secret}`."""
    fits = isinstance(value, str) and value.isascii() and value.isprintable()
    if fits and isinstance(value, str) and value.count(SECRET_MARK) == 1 and len(value) <= 200:
        return value
    mend = 'Write the header\'s value with {secret} in it once: "Bearer {secret}".'
    raise MalformedError(f"is {shown(value)}, not a template", mend)


def variable(value: object) -> str:
    """`GITHUB_TOKEN`."""
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    raise MalformedError(f"is {shown(value)}, not an environment variable", 'Write "API_TOKEN".')


def _odd_path(path: str) -> bool:
    """Whether no request's path, once it is made plain, can look like this."""
    dots = any(part in (".", "..") for part in path.split("/"))
    return dots or any(letter in path for letter in "?#\\%;") or "//" in path or "***" in path


def _numeric(name: str) -> bool:
    """Whether some reader of addresses would take the name for one: 127.1, 0x7f000001."""
    last = name.rpartition(".")[2]
    return last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return "%" not in word


def _shortest(word: str) -> str:
    return str(ip_address(word)) if _is_address(word) else word
