"""Asks the provider: JSON over HTTPS, with an end to how long and how large an answer may be.

Rules
1. An address is https, or of this machine where the issuer itself is.
2. No redirect is followed and nothing packed is taken: an answer is what was sent, and is counted.
3. What is under way when it is closed is waited for; what comes then is told that nobody answers.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from tollway.console.oidc.refusal import NotBelievedError, ProviderDownError
from tollway.errors import Fault, FaultsFound
from tollway.fleet.quantities import is_loopback

LARGEST = 512 * 1024
_PATIENCE = 5.0
_WHOLE = 10.0


class RefusedByProviderError(NotBelievedError):
    """The provider answers with an error of its own. `code` is its word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the provider refuses: {code}")
        self.code = code


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to believe to be who they are: the system's authorities, and those of a file.

    Raises:
        FaultsFound: the file cannot be used.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            problem = f"cannot be used: {error.strerror or type(error).__name__}"
            mend = "Name a PEM file of certificates."
            raise FaultsFound([Fault(f"console.oidc.ca_file {ca_file}", problem, mend)]) from None
    return context


def is_safe(url: object, issuer: str) -> bool:
    """Rule 1."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    at_home = is_loopback(urlsplit(issuer).hostname or "")
    return parts.scheme == "https" or (parts.scheme == "http" and at_home and is_loopback(host))


class Fetching:
    """A client of one provider."""

    def __init__(self, context: ssl.SSLContext) -> None:
        limits = httpx2.Limits(max_connections=8, max_keepalive_connections=2)
        self._client = httpx2.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(_PATIENCE),
            limits=limits,
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def close(self) -> None:
        """Rule 3."""
        self._closed = True
        await self._idle.wait()  # ends by itself: a question takes `_WHOLE` seconds at most
        await self._client.aclose()

    async def get(self, what: str, url: str) -> dict[str, Any]:
        """The JSON object at an address that `is_safe`.

        Raises:
            ProviderDownError: it cannot be had.
        """
        return await self._ask(what, self._client.build_request("GET", url))

    async def post(
        self, what: str, url: str, form: Mapping[str, str], secret: tuple[str, str] | None
    ) -> dict[str, Any]:
        """The JSON object that answers a form; `secret` are user and password. Raises as `get`, and

        RefusedByProviderError: it answers with an error.
        """
        request = self._client.build_request("POST", url, data=dict(form))
        if secret is not None:
            pair = b64encode(":".join(secret).encode()).decode()
            request.headers["authorization"] = f"Basic {pair}"
        return await self._ask(what, request)

    async def _ask(self, what: str, request: httpx2.Request) -> dict[str, Any]:
        if self._closed:
            raise ProviderDownError(f"{what}: the provider was declared anew meanwhile")
        self._under_way += 1
        self._idle.clear()
        try:
            async with asyncio.timeout(_WHOLE):
                answer = await self._client.send(request, stream=True)
                try:
                    return await _read(what, answer)
                finally:
                    await answer.aclose()
        except (TimeoutError, httpx2.TimeoutException):
            raise ProviderDownError(f"{what}: no answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise ProviderDownError(f"{what}: {type(error).__name__}") from None
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


async def _read(what: str, answer: httpx2.Response) -> dict[str, Any]:
    """Rule 2."""
    if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ProviderDownError(f"{what}: the answer is packed, which nobody asked for")
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > LARGEST:
            raise ProviderDownError(f"{what}: the answer is larger than {LARGEST >> 10} KiB")
    try:
        said = msgspec.json.decode(bytes(body))
    except (msgspec.MsgspecError, RecursionError):
        said = None
    if answer.status_code in (400, 401) and isinstance(said, dict) and "error" in said:
        code: Any = said["error"]
        raise RefusedByProviderError(code[:40] if isinstance(code, str) else "an error")
    if answer.status_code != 200 or not isinstance(said, dict):
        raise ProviderDownError(
            f"{what}: the answer has status {answer.status_code}, or is no JSON"
        )
    return said
