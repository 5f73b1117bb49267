"""What every request passes before a page: the host it names, the session, the role, the token.

Rules
1. A host that is not ours is refused: another site's name may point here (DNS rebinding).
2. Without a session there is the sign-in and what it needs, and nothing else.
3. Whatever changes something is no GET, comes from our origin and carries the session's token; the
   gate looks, so that no page can forget to.
4. What another site makes a browser fetch is refused, except for a link that somebody follows.
5. A body is held whole, and ends at `LARGEST` bytes.
6. Every answer carries the headers of `HEADERS`.
7. What somebody does here keeps the session alive: once it is not refused, comes from us, and is
   nothing that a page asks by itself (`is_polled`).
8. A session waits for at most `AT_ONCE` answers, and all of an account for `OF_ACCOUNT`: fewer
   than there are connections (`tollway.tools.connection`).
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from hmac import compare_digest
from typing import Any, cast
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tollway.console.desk import desk_of
from tollway.console.leaving import answer_while_awaited
from tollway.console.sessions import Session
from tollway.console.turns import ASKER
from tollway.fleet.consoling import Role

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer, forms have the origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
LARGEST = 256 * 1024
AT_ONCE = 96
OF_ACCOUNT = 192
_POLLED = ("/live", "/guard/pending.json", "/pins/verify.json")
"""What the pages' scripts ask again and again while nobody does anything."""

_READS = ("GET", "HEAD")

Answer = Callable[[Request], Awaitable[Response]]


class Gate:
    """The ASGI application with the gate before it. `hosts` gives the names, with ports, that
    browsers may use now; `find` the session of a request; `touch` keeps one alive."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Callable[[], frozenset[str]],
        find: Callable[[Request], Session | None],
        touch: Callable[[Session], None],
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._find = find
        self._touch = touch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Gate`."""
        if scope["type"] != "http":
            return
        request = Request(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not path_of(request).startswith("/static/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._judge(request)
        if refusal is None and request.method not in _READS:
            body = await _body(request, receive)
            if body is None:
                return
            refusal = await _judge_body(request, body)
            if isinstance(body, bytes):
                receive = _given(body, receive)
        if refusal is not None:
            await refusal(scope, receive, answer)
        else:
            await self._answer(request, receive, answer)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        """What passed the gate (rules 7 and 8)."""
        session = cast("Session | None", request.scope["tollway.session"])
        reads = request.method in _READS
        run = answer_while_awaited if reads else _answer_whole
        if session is None:
            await run(self._app, request.scope, receive, send)
            return
        if session.asked >= AT_ONCE or session.of.asked >= OF_ACCOUNT:
            words = f"Refused: you wait for {session.of.asked} answers already.\n"
            await PlainTextResponse(words, 429)(request.scope, receive, send)
            return
        if _is_done_here(request):
            self._touch(session)
        ASKER.set(session)
        session.asked += 1
        session.of.asked += 1
        try:
            await run(self._app, request.scope, receive, send)
        finally:
            session.asked -= 1
            session.of.asked -= 1

    def _judge(self, request: Request) -> Response | None:
        headers = request.headers
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self._hosts():
            return _refused(
                request, "it names another host", 421, "This is no name of this console."
            )
        session = request.scope["tollway.session"] = self._find(request)
        if not (_is_from_here(headers) or _is_followed_link(request)):
            words = "Refused: the request comes from another site."
            return _refused(request, "it comes from another site", 403, words)
        path = path_of(request)
        if session is None and not is_open(path):
            if request.method != "GET" or "text/html" not in headers.get("accept", ""):
                return PlainTextResponse("Sign in first.\n", 401)
            back = request.scope["raw_path"] + b"?" + request.scope["query_string"]
            return RedirectResponse(f"/sign-in?{urlencode({'to': back.rstrip(b'?')})}", 303)
        return None


_FORM = "application/x-www-form-urlencoded"


def path_of(request: Request) -> str:
    """The path that routes go by: `request.url` leaves out line feeds, and all after `%3F`."""
    return request.scope["path"]


def is_open(path: str) -> bool:
    """Whether a path needs no session."""
    return path == "/sign-in" or path.startswith(("/sign-in/", "/static/"))


def is_polled(path: str) -> bool:
    """Whether pages ask for it by themselves."""
    return path in _POLLED or path.startswith("/static/")


def _is_done_here(request: Request) -> bool:
    """Rule 7: a browser that prefetches acts for nobody yet."""
    ahead = "prefetch" in request.headers.get("sec-purpose", "")
    return _is_from_here(request.headers) and not ahead and not is_polled(path_of(request))


async def _answer_whole(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _is_from_here(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers["host"].lower()


def _is_followed_link(request: Request) -> bool:
    """Rule 4: a page of ours, opened from elsewhere in a window of its own."""
    headers = request.headers
    return (
        request.method in _READS
        and headers.get("sec-fetch-mode", "navigate") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
    )


async def _body(request: Request, receive: Receive) -> bytes | Response | None:
    """The whole body; the refusal of one that is too long, None where the browser has left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST:
            words = f"Refused: a form here has at most {LARGEST >> 10} KiB."
            headers = {"connection": "close"}
            return PlainTextResponse(f"{words}\n", 413, headers)
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """What an application receives whose body was read already."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return parts.pop() if parts else await receive()

    return given


async def _judge_body(request: Request, body: bytes | Response) -> Response | None:
    """Rules 3 and 5."""
    if isinstance(body, Response):
        return body
    kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if kind != _FORM:  # parts of other kinds are decoded as their sender likes, and slowly
        return PlainTextResponse(f"Refused: forms here are {_FORM}.\n", 415)
    session = cast("Session | None", request.scope["tollway.session"])
    if is_open(path_of(request)) or session is None:
        return None
    said: Any = request.headers.get("x-csrf")
    if said is None:
        form = Request(request.scope, _given(body, request.receive))
        try:
            said = (await form.form()).get("csrf")
        except (HTTPException, ValueError):
            said = None
    if isinstance(said, str) and _is_same(said, session.csrf):
        return None
    words = "Refused: the form's token is missing or old. Load the page again."
    return _refused(request, f"{session.account} sent no token of this session", 403, words)


def _is_same(said: str, token: str) -> bool:
    return compare_digest(said.encode("utf-8", "surrogatepass"), token.encode())


def _refused(request: Request, why: str, status: int, words: str) -> Response:
    """A refusal that is written down."""
    desk_of(request).audit.refused(f"a request was refused: {why}", path_of(request))
    return PlainTextResponse(f"{words}\n", status)


def session_of(request: Request) -> Session:
    """Who asks; only behind the gate, on a path that needs a session."""
    return cast("Session", request.scope["tollway.session"])


def needs(role: Role) -> Callable[[Answer], Answer]:
    """A decorator of endpoints that change something: who asks must have the role, and is told 403
    with the reason otherwise. What they did is written down, in the words of `did`."""

    def decorate(answer: Answer) -> Answer:
        @wraps(answer)
        async def judged(request: Request) -> Response:
            session = session_of(request)
            if role not in session.roles:
                held = ", ".join(sorted(session.roles)) or "none"
                who = f"{session.account} has not the role {role}"
                words = f'This needs the role "{role}"; {session.name} has: {held}.'
                return _refused(request, who, 403, words)
            made = await answer(request)
            if request.method not in _READS and made.status_code < 400:
                words = request.scope.get("tollway.did", f"did {request.method}")
                desk_of(request).audit.did(session.account, words, path_of(request))
            return made

        return judged

    return decorate


def did(request: Request, words: str) -> None:
    """Say what an endpoint with `needs` did, as a clause after who did it."""
    request.scope["tollway.did"] = words
