"""One index elsewhere: what it answers, bounded in size and time, and from nowhere else.

Rules
1. A URL is asked only if it lies below the upstream's own origin or below one of its `files`, also
   after a redirect, and over https unless it is this machine.
2. The credential goes to the upstream's own origin alone.
3. Of a client's headers nothing goes on, and of an upstream's none comes back.
4. An answer that is cut off, too large, or not the bytes that were told is none.
"""

import asyncio
import base64
import hashlib
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urljoin, urlsplit

import httpx2

from tollway import __version__
from tollway.fleet.indexing import IndexSettings, PackageUpstream
from tollway.fleet.quantities import is_loopback
from tollway.index.refusal import RefusedError, nowhere, unreached, unreadable
from tollway.inspect.secretfile import read_secret

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
_SLOWEST = 20.0
"""How many times the patience for one piece a whole answer may take."""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer. `url` is where it was, behind redirects."""

    url: str
    media_type: str
    body: bytes


class Upstream:
    """What is asked of one declared upstream. `close` it."""

    def __init__(self, declared: PackageUpstream, settings: IndexSettings) -> None:
        """Read the credential and the certificates.

        Raises:
            TollwayError: one of them cannot be read.
        """
        self.declared = declared
        self._settings = settings
        self._own = _origin(declared.url)
        self._places = [(self._own, "/"), *map(_below, declared.files)]
        self._secret = _authorization(declared)
        trust = ssl.create_default_context()
        if declared.ca_file is not None:
            trust.load_verify_locations(declared.ca_file)
        limits = httpx2.Limits(max_connections=32, max_keepalive_connections=16)
        patience = httpx2.Timeout(settings.timeout)
        self._client = httpx2.AsyncClient(
            verify=trust, trust_env=False, follow_redirects=False, timeout=patience, limits=limits
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def page(self, what: str, url: str, accept: str) -> Page:
        """A whole page, decoded. `what` names it to whoever asked.

        Raises:
            RefusedError: there is none, or none that can be believed.
        """
        async with self._answer(what, url, accept) as answer:
            body = _Unpacked(what, self._settings.max_page, answer.headers)
            async for chunk in answer.aiter_raw():
                body.take(chunk)
            kind = answer.headers.get("content-type", "")
            return Page(str(answer.url), kind, body.whole())

    async def fetch(self, what: str, url: str, into: IO[bytes], expected: "Expected") -> None:
        """Write a file into `into` and prove it.

        Raises:
            RefusedError: it is not there, or not the bytes that were told.
        """
        kinds = {it.partition(":")[0]: it for it in expected.digests}
        running = {kind: hashlib.new(kind) for kind in kinds}
        size, most = 0, self._settings.max_file
        async with self._answer(what, url, "*/*", plain=True) as answer:
            async for chunk in answer.aiter_raw(1 << 18):
                size += len(chunk)
                if size > most:
                    raise unreadable(what, f"it is larger than {most} bytes")
                await asyncio.to_thread(_take, chunk, into, list(running.values()))
        if expected.size is not None and size != expected.size:
            raise unreadable(what, f"it has {size} bytes, and {expected.size} were told")
        for kind, digest in kinds.items():
            if f"{kind}:{running[kind].hexdigest()}" != digest:
                raise unreadable(what, f"its {kind.upper()} is not the one that was told")

    def may_ask(self, url: str) -> bool:
        """Rule 1."""
        try:
            origin, path = _place(url)
        except ValueError:
            return False
        if ".." in path.split("/") or "%2e" in path.lower():
            return False
        if origin[0] != "https" and not is_loopback(origin[1]):
            return False
        return any(origin == it and path.startswith(below) for it, below in self._places)

    @asynccontextmanager
    async def _answer(
        self, what: str, url: str, accept: str, *, plain: bool = False
    ) -> AsyncIterator[httpx2.Response]:
        whole = self._settings.timeout * _SLOWEST
        try:
            async with asyncio.timeout(whole), self._last(what, url, accept, plain) as answer:
                yield answer
        except TimeoutError:
            raise unreached(what, "it takes too long") from None
        except httpx2.TimeoutException:
            raise unreached(what, "it does not answer in time") from None
        except (httpx2.RemoteProtocolError, httpx2.ReadError):
            raise unreadable(what, "it is cut off, or is no HTTP") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise unreached(what, type(error).__name__) from None

    @asynccontextmanager
    async def _last(
        self, what: str, url: str, accept: str, plain: bool
    ) -> AsyncIterator[httpx2.Response]:
        """The answer behind redirects, each of them judged."""
        for _ in range(_MOST_REDIRECTS + 1):
            if not self.may_ask(url):
                raise _elsewhere(what, url, self.declared.name)
            headers = {"accept": accept, "user-agent": f"tollway/{__version__}"}
            headers["accept-encoding"] = "identity" if plain else "gzip, identity"
            if self._secret is not None and _origin(url) == self._own:  # rule 2
                headers["authorization"] = self._secret
            async with self._client.stream("GET", url, headers=headers) as answer:
                if answer.status_code not in _REDIRECTS:
                    _check_status(what, answer.status_code)
                    yield answer
                    return
                url = urljoin(url, answer.headers.get("location", ""))
        raise unreadable(what, f"it redirects more than {_MOST_REDIRECTS} times")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be: of all these digests, and of this size where one was told."""

    digests: tuple[str, ...]
    size: int | None = None


class _Unpacked:
    """A body that is put together, and never becomes larger than it may be."""

    def __init__(self, what: str, most: int, headers: httpx2.Headers) -> None:
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("identity", "gzip"):
            raise unreadable(what, f"it is packed as {packed[:20]}, which nobody asked for")
        self._what = what
        self._most = most
        self._gzip = zlib.decompressobj(31) if packed == "gzip" else None
        self._body = bytearray()

    def take(self, chunk: bytes) -> None:
        if self._gzip is not None:
            try:
                chunk = self._gzip.decompress(chunk, self._most + 1 - len(self._body))
            except zlib.error:
                raise unreadable(self._what, "it is not packed as it says") from None
        self._body += chunk
        if len(self._body) > self._most:
            raise unreadable(self._what, f"it is larger than {self._most} bytes")

    def whole(self) -> bytes:
        if self._gzip is not None and not self._gzip.eof:
            raise unreadable(self._what, "it is cut off")
        return bytes(self._body)


def _take(chunk: bytes, into: IO[bytes], running: list["hashlib._Hash"]) -> None:
    into.write(chunk)
    for one in running:
        one.update(chunk)


def _check_status(what: str, status: int) -> None:
    if status in (404, 410):
        raise nowhere(what, "its index does not have it")
    if status != 200:
        raise unreached(what, f"it answers {status}")


def _elsewhere(what: str, url: str, name: str) -> RefusedError:
    host = urlsplit(url).hostname or "nowhere"
    words = f"{what}: it lies at {host[:80]}, which index.upstreams.{name}.files does not name."
    return RefusedError("index.elsewhere", words)


def _authorization(declared: PackageUpstream) -> str | None:
    if declared.credential is None:
        return None
    secret = read_secret(declared.credential)
    if declared.user is None:
        return f"Bearer {secret}"
    return "Basic " + base64.b64encode(f"{declared.user}:{secret}".encode()).decode()


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _below(url: str) -> tuple[tuple[str, str, int], str]:
    """Origin and folder."""
    return _origin(url), urlsplit(url).path.rstrip("/") + "/"


def _place(url: str) -> tuple[tuple[str, str, int], str]:
    """Origin and path.

    Raises:
        ValueError: it names a user, or is no URL.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError(url)
    return _origin(url), parts.path or "/"
