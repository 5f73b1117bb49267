"""An OpenID Connect provider on loopback, which lies as it is told to.

Written from the specification, on joserfc and starlette: it shares no code with what is tested.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tollway.tools.listening import listen

CLIENT = "tollway"
SECRET = "a-secret-of-the-client"
Change = Callable[[dict[str, Any]], None]


def key(kid: str = "one", size: int = 2048) -> RSAKey:
    return RSAKey.generate_key(size, {"kid": kid, "use": "sig"})


@dataclass
class Provider:
    """`claims` are what it says of whoever signs in, and may be changed; `document` is added to its
    discovery document, `header` to its tokens'; `sign` makes a token of header and claims."""

    issuer: str = ""
    keys: list[RSAKey] = field(default_factory=lambda: [key()])
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    answer: Change | None = None
    """What is done to the answer of the token endpoint."""
    names_itself: str | None = None
    public: bool = False
    down: bool = False
    large: bool = False
    moved: bool = False
    held: asyncio.Event | None = None
    """What the token endpoint waits for."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    def discovery(self, request: Request) -> Response:
        self.seen.append("discovery")
        if self.down:
            return Response("not now", 503)
        if self.large:
            return Response(b" " * (1 << 20), media_type="application/json")
        if self.moved:
            return RedirectResponse(f"{self.issuer}/elsewhere", 302)
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return JSONResponse(said | self.document)

    def jwks(self, request: Request) -> Response:
        self.seen.append("keys")
        return JSONResponse({"keys": [it.as_dict(private=False) for it in self.keys]})

    def authorize(self, request: Request) -> Response:
        """Signs whoever comes in at once."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        if self.names_itself is not None:
            back["iss"] = self.names_itself
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        self.seen.append("token")
        form = {name: it[0] for name, it in parse_qs((await request.body()).decode()).items()}
        self.forms.append(form)
        if self.held is not None:
            await self.held.wait()
        asked = self.codes.pop(form["code"], None)
        verified = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verified).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or not self._is_client(request, form)
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert form["redirect_uri"] == asked["redirect_uri"]
        said = {"token_type": "Bearer", "access_token": "unused", "id_token": self.minted(asked)}
        if self.answer is not None:
            self.answer(said)
        return JSONResponse(said)

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        if self.public:
            return form.get("client_id") == CLIENT and "authorization" not in request.headers
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(value).decode().partition(":")
        return scheme == "Basic" and (unquote(user), unquote(password)) == (CLIENT, SECRET)

    def minted(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ann@example.org",
            "email_verified": True,
            "groups": ["platform", "everybody"],
        }
        claims |= self.claims
        claims = {name: it(now) if callable(it) else it for name, it in claims.items()}
        claims = {name: it for name, it in claims.items() if it is not None}
        header = {"alg": "RS256", "kid": self.keys[0].kid, "typ": "JWT"} | self.header
        header = {name: it for name, it in header.items() if it is not None}
        if self.sign is not None:
            return self.sign(header, claims)
        return jwt.encode(header, claims, self.keys[0], algorithms=[header["alg"]])

    def elsewhere(self, request: Request) -> Response:
        self.moved = False
        return self.discovery(request)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token of `alg` none."""
    import json

    parts = (json.dumps({**header, "alg": "none"}), json.dumps(claims))
    return (
        ".".join(base64.urlsafe_b64encode(it.encode()).rstrip(b"=").decode() for it in parts) + "."
    )


def by_public_key(public: RSAKey) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Signs with HS256 and the public key's text as the secret."""

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        secret = OctKey.import_key(base64.b64encode(public.as_pem(private=False)).decode())
        return jwt.encode({**header, "alg": "HS256"}, claims, secret, algorithms=["HS256"])

    return sign


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """A provider that listens."""
    made = Provider()
    routes = [
        Route("/realm/.well-known/openid-configuration", made.discovery),
        Route("/realm/keys", made.jwks),
        Route("/realm/authorize", made.authorize),
        Route("/realm/token", made.token, methods=["POST"]),
        Route("/realm/elsewhere", made.elsewhere),
    ]
    listener = await listen(Starlette(routes=routes), "127.0.0.1", 0)
    made.issuer = f"http://127.0.0.1:{listener.port}/realm"
    try:
        yield made
    finally:
        await listener.close()


def query_of(url: str) -> dict[str, str]:
    return {name: it[0] for name, it in parse_qs(urlsplit(url).query).items()}
