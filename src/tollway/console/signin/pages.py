"""The sign-in page: the admin key, and the way out.

Rules
1. Where to go afterwards is a path of ours, whatever was asked for.
2. The cookie is for the browser's requests to us alone: HttpOnly, SameSite=Lax, and Secure where
   browsers reach us over TLS.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tollway.console.adminkey import is_admin_key, kept_digest
from tollway.console.desk import Desk, desk_of
from tollway.console.gate import carries_token, session_of
from tollway.console.rendering import render
from tollway.console.sessions import Session
from tollway.fleet.consoling import ROLES

_COOKIE = "tollway-console"
_KEY_VOUCHES = "key:"
_NAME = "admin"


def session_from(request: Request, desk: Desk) -> Session | None:
    """The session of a request's cookie, where it still holds."""

    def vouched(session: Session) -> bool:
        by_key = session.voucher.startswith(_KEY_VOUCHES)
        return not by_key or session.voucher == f"{_KEY_VOUCHES}{kept_digest(desk.folder)}"

    return desk.sessions.find(request.cookies.get(_cookie(desk)), vouched)


async def show(request: Request) -> Response:
    """The form."""
    return _form(request, _path(request.query_params.get("to")), None)


async def enter(request: Request) -> Response:
    """Take the admin key."""
    desk = desk_of(request)
    form = await request.form()
    to, key = _path(form.get("to")), form.get("key")
    said = key.strip() if isinstance(key, str) else ""
    if not await asyncio.to_thread(is_admin_key, said, desk.folder):
        desk.say("console: a sign-in with a wrong key was refused")
        return _form(request, to, "This is not the admin key.")
    digest = kept_digest(desk.folder)
    token, _ = desk.sessions.begin(_NAME, frozenset(ROLES), f"{_KEY_VOUCHES}{digest}")
    desk.say(f"console: {_NAME} signed in with the admin key")
    return let_in(desk, token, to)


def let_in(desk: Desk, token: str, to: str) -> Response:
    """The way to `to` with the session's cookie (rule 2)."""
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        _cookie(desk),
        token,
        max_age=int(desk.sessions.lasts),
        secure=desk.url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


async def leave(request: Request) -> Response:
    """Sign out."""
    desk = desk_of(request)
    if not await carries_token(request, session_of(request)):
        return Response("Refused: the form's token is missing or old.\n", 403)
    desk.sessions.end(request.cookies.get(_cookie(desk)))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(_cookie(desk))
    return answer


def _cookie(desk: Desk) -> str:
    """Its name; `__Host-` keeps other hosts of the domain from setting it."""
    return f"__Host-{_COOKIE}" if desk.url.startswith("https:") else _COOKIE


def _path(said: object) -> str:
    """Rule 1. `//host` and `/\\host` are addresses to a browser."""
    if not isinstance(said, str) or not said.startswith("/") or said[1:2] in ("/", "\\"):
        return "/"
    return said if said.isascii() and said.isprintable() and "\\" not in said else "/"


def _form(request: Request, to: str, wrong: str | None) -> Response:
    desk = desk_of(request)
    context = {"to": to, "wrong": wrong, "made": kept_digest(desk.folder) is not None}
    return render(request, "signin/page.html", context, status=200 if wrong is None else 401)


ROUTES = [
    Route("/sign-in", show, methods=["GET"]),
    Route("/sign-in", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
]
