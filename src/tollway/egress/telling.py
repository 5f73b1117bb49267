"""What a person is told of a request that they are asked about: all that it says, or how much.

Rules
1. Whatever an agent chooses to say has a place here: host, path, query, headers, body. What is not
   shown is counted, so that nobody passes on what they could not know of.
2. The words go to logs and to those who run Tollway: they count, and quote nothing of a query or a
   header. The facts are for who answers: they show how a query begins, unless something was found
   in the request, which is written down nowhere.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from tollway.egress.verdict import Asking
from tollway.guard.finding import Finding

SHOWN = 300
"""Letters of a query."""
_PLAIN = frozenset(
    (b"host", b"content-length", b"content-type", b"accept", b"accept-encoding",
     b"accept-language", b"user-agent", b"connection")
)  # fmt: skip
"""Headers that every client sends and that say next to nothing, as long as they are short."""
_SHORT = 100
_FEW = 5


def said_of(asking: Asking) -> str:
    """A request in words: `POST https://host/path with a query of 12 bytes`."""
    wanted, query = asking.wanted, _query(asking)
    port = "" if wanted.port == (443 if wanted.scheme == "https" else 80) else f":{wanted.port}"
    said = f"{wanted.method} {wanted.scheme}://{wanted.host}{port}{wanted.path}"
    return said if query is None else f"{said} with a query of {len(query):,} bytes"


def sending(asking: Asking) -> str:
    """What goes with it, as the end of a sentence: headers and body, where there are any."""
    said = ""
    found = headers_of(asking)
    if found:
        some = ", ".join(f"{name} ({size:,} bytes)" for name, size in list(found.items())[:_FEW])
        more = f" and {len(found) - _FEW} more" if len(found) > _FEW else ""
        said += f", with the headers {some}{more}"
    if asking.parts.body:
        said += f", sending {len(asking.parts.body):,} bytes"
    return said


def facts_of(asking: Asking, found: Sequence[Finding]) -> Mapping[str, object]:
    """The same for the page of who answers. `start` is None where it is not shown."""
    wanted, query = asking.wanted, _query(asking)
    text = None if query is None else unquote(query.decode("latin-1"), errors="backslashreplace")
    return {
        "method": wanted.method, "scheme": wanted.scheme, "host": wanted.host,
        "port": wanted.port, "path": wanted.path, "bytes": len(asking.parts.body),
        "unpacked": len(asking.plain), "kind": asking.parts.kind.decode("latin-1")[:_SHORT],
        "found": [one.detector for one in found],
        "query": None if text is None or query is None else {
            "bytes": len(query),
            "start": None if found else text[:SHOWN],
            "whole": not found and len(text) <= SHOWN,
        },
        "headers": headers_of(asking),
    }  # fmt: skip


def headers_of(asking: Asking) -> dict[str, int]:
    """The headers that are not plain, each with the bytes of its values."""
    sizes: dict[str, int] = {}
    for name, value in asking.parts.headers:
        if name.lower() not in _PLAIN or len(value) > _SHORT:
            key = name.decode("latin-1").lower()
            sizes[key] = sizes.get(key, 0) + len(value)
    return dict(sorted(sizes.items()))


def _query(asking: Asking) -> bytes | None:
    """What stands behind the first question mark; None where there is none."""
    _, mark, query = asking.parts.target.partition(b"?")
    return query if mark else None
