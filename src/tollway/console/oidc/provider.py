"""One OpenID Connect provider: the authorization code flow with PKCE, as a client of it.

Rules
1. What the provider says of itself is asked for once in `_KNOWN` seconds; its keys again when a
   token names one that is not known, at most once in `_AGAIN` seconds.
2. The issuer is the declared one, in the discovery document, the token and, where the provider
   says it sends that, the way back (RFC 9207): an answer of another is not taken.
3. A client's secret is read when it is needed, from where the fleet file says it is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from tollway.console.clocks import Clocks
from tollway.console.oidc.attempts import Attempt
from tollway.console.oidc.fetching import Fetching, is_safe, trust
from tollway.console.oidc.idtoken import Claims, Expected, UnknownKeyError, believed
from tollway.console.oidc.refusal import NotBelievedError, ProviderDownError
from tollway.fleet.consoling import OidcSettings
from tollway.inspect.secretfile import read_secret

_KNOWN: Final = 600.0
_AGAIN: Final = 30.0
_DOWN: Final = 5.0
"""Seconds for which a provider that did not answer is not asked anew."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider says of itself, as far as it is needed."""

    issuer: str
    authorization: str
    token: str
    keys: str
    names_itself: bool
    basic: bool


class Provider:
    """The provider of a fleet file."""

    def __init__(self, settings: OidcSettings, folder: Path, clocks: Clocks) -> None:
        """`folder` is the fleet file's. Takes a moment: the system's authorities are read.

        Raises:
            FaultsFound: the client's secret or the file of authorities cannot be read.
        """
        self.settings = settings
        if settings.client_secret is not None:
            read_secret(settings.client_secret)
        file = None if settings.ca_file is None else folder / settings.ca_file
        self._fetching = Fetching(trust(file))
        self._clocks = clocks
        self._lock = asyncio.Lock()
        self._said: tuple[float, Said] | None = None
        self._keys: tuple[float, list[object]] | None = None
        self._down: tuple[float, str] | None = None

    async def close(self) -> None:
        await self._fetching.close()

    async def address(self, attempt: Attempt, back: str) -> str:
        """Where a browser goes to sign in; `back` is where it comes back to.

        Raises:
            ProviderDownError: the provider cannot be asked.
        """
        said = await self._discovered()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": " ".join(dict.fromkeys(("openid", *self.settings.scopes))),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in said.authorization else "?"
        return f"{said.authorization}{joint}{urlencode(asked, quote_via=quote)}"

    async def claims(self, attempt: Attempt, answer: Mapping[str, str], back: str) -> Claims:
        """The claims of whom the provider sent back with `answer`, the query of the way back.

        Raises:
            ProviderDownError: the provider cannot be asked.
            NotBelievedError: what came back is not believed.
        """
        said = await self._discovered()
        named = answer.get("iss")
        if named != said.issuer and (named is not None or said.names_itself):  # rule 2
            raise NotBelievedError("the answer comes from another issuer than was asked")
        code = answer.get("code")
        if not code or len(code) > 4096:
            raise NotBelievedError("the answer holds no code")
        token = await self._exchanged(said, code, attempt, back)
        expected = Expected(said.issuer, self.settings.client_id, attempt.nonce)
        try:
            return believed(token, await self._listed(said, False), expected, self._clocks.utc())
        except UnknownKeyError:
            return believed(token, await self._listed(said, True), expected, self._clocks.utc())

    async def _exchanged(self, said: Said, code: str, attempt: Attempt, back: str) -> object:
        """The ID token for a code."""
        client = self.settings.client_id
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        secret = None
        if self.settings.client_secret is None:
            form["client_id"] = client
        else:
            kept = await asyncio.to_thread(read_secret, self.settings.client_secret)  # rule 3
            if said.basic:  # RFC 6749, 2.3.1: both are form-encoded first
                secret = (quote(client, safe=""), quote(kept, safe=""))
            else:
                form |= {"client_id": client, "client_secret": kept}
        told = await self._fetching.post("token endpoint", said.token, form, secret)
        if str(told.get("token_type", "")).lower() != "bearer":
            raise NotBelievedError("the provider's tokens are of a kind that is not known")
        return told.get("id_token")

    async def _discovered(self) -> Said:
        async with self._lock:
            now = self._clocks.steady()
            if self._said is not None and now - self._said[0] < _KNOWN:
                return self._said[1]
            if self._down is not None and now - self._down[0] < _DOWN:
                raise ProviderDownError(self._down[1])
            url = f"{self.settings.issuer}/.well-known/openid-configuration"
            try:
                said = _said(await self._fetching.get("discovery", url), self.settings.issuer)
            except (ProviderDownError, NotBelievedError) as error:
                self._down = (now, str(error))
                raise ProviderDownError(str(error)) from None
            self._said = (now, said)
            return said

    async def _listed(self, said: Said, anew: bool) -> list[object]:
        """The provider's keys (rule 1)."""
        async with self._lock:
            now = self._clocks.steady()
            if self._keys is not None and now - self._keys[0] < (_AGAIN if anew else _KNOWN):
                return self._keys[1]
            keys = (await self._fetching.get("keys", said.keys)).get("keys")
            if not isinstance(keys, list):
                raise ProviderDownError("keys: the answer lists none")
            self._keys = (now, keys)
            return keys


def _said(document: Mapping[str, Any], issuer: str) -> Said:
    """A discovery document, read (rule 2). The fleet file's address has no slash at its end."""
    named = document.get("issuer")
    if named not in (issuer, f"{issuer}/"):
        raise ProviderDownError(f"discovery: the document is of another issuer than {issuer}")
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    found = {name: document.get(name) for name in wanted}
    for name, url in found.items():
        if not is_safe(url, issuer):
            raise ProviderDownError(f"discovery: {name} is missing, or is no https address")
    told = document.get("token_endpoint_auth_methods_supported")
    methods = cast("list[object]", told) if isinstance(told, list) else []
    return Said(
        issuer=str(named),
        authorization=str(found["authorization_endpoint"]),
        token=str(found["token_endpoint"]),
        keys=str(found["jwks_uri"]),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        basic="client_secret_basic" in methods or "client_secret_post" not in methods,
    )
