"""What every request passes before a page: the host it names, the session, the role, the token.

Rules
1. A host that is not ours is refused: another site's name may point here (DNS rebinding).
2. Without a session there is the sign-in and what it needs, and nothing else.
3. Whatever changes something is a POST that carries the session's token and comes from our origin.
4. Every answer carries the headers of `HEADERS`.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tollway.console.sessions import Session
from tollway.fleet.consoling import Role

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer, forms have the origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_OPEN = ("/static/", "/sign-in")
"""Paths that need no session."""

Answer = Callable[[Request], Awaitable[Response]]


class Gate:
    """The ASGI application with the gate before it. `hosts` gives the names, with ports, that
    browsers may use now; `find` the session of a request."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Callable[[], frozenset[str]],
        find: Callable[[Request], Session | None],
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Gate`."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        refusal = self._judge(request)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not request.url.path.startswith("/static/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await (refusal or self._app)(scope, receive, answer)

    def _judge(self, request: Request) -> Response | None:
        if request.headers.get("host", "").lower() not in self._hosts():
            return PlainTextResponse("This is not a name of this console.\n", 421)
        session = request.scope["tollway.session"] = self._find(request)
        if request.method not in ("GET", "HEAD") and not _is_from_here(request.headers):
            return PlainTextResponse("Refused: the request comes from another site.\n", 403)
        path = request.url.path
        if session is None and not path.startswith(_OPEN):
            if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
                return PlainTextResponse("Sign in first.\n", 401)
            back = path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?{urlencode({'to': back})}", 303)
        return None


def _is_from_here(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers["host"].lower()


def session_of(request: Request) -> Session:
    """Who asks; only behind the gate, on a path that needs a session."""
    return cast("Session", request.scope["tollway.session"])


def needs(role: Role) -> Callable[[Answer], Answer]:
    """A decorator of endpoints that change something: the role and, of a POST, the token. The
    answer to who lacks them is 403 with the reason."""

    def decorate(answer: Answer) -> Answer:
        @wraps(answer)
        async def judged(request: Request) -> Response:
            session = session_of(request)
            if role not in session.roles:
                held = ", ".join(sorted(session.roles)) or "none"
                words = f'This needs the role "{role}"; {session.name} has: {held}.\n'
                return PlainTextResponse(words, 403)
            if request.method != "GET" and not await carries_token(request, session):
                words = "Refused: the form's token is missing or old. Load the page again.\n"
                return PlainTextResponse(words, 403)
            return await answer(request)

        return judged

    return decorate


async def carries_token(request: Request, session: Session) -> bool:
    """Whether a POST carries its session's token, in the header `x-csrf` or the field `csrf`."""
    from hmac import compare_digest

    said: Any = request.headers.get("x-csrf")
    if said is None:
        said = (await request.form()).get("csrf")
    return isinstance(said, str) and compare_digest(said.encode(), session.csrf.encode())
