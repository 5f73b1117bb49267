"""The end of every sign-in, whichever it was: a session of its own and the way on.

Rules
1. Where to go afterwards is a path of ours, whatever was asked for.
2. A sign-in begins a session with a token that nobody has seen, and ends the one that the browser
   had: nobody is let into a session that was there before (session fixation).
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tollway.console.adminkey import kept_digest
from tollway.console.desk import desk_of
from tollway.console.rendering import render
from tollway.console.signin.vouching import cookie_name, set_cookie, token_of
from tollway.console.wording import visible
from tollway.fleet.consoling import Role


def let_in(
    request: Request, person: tuple[str, str, str], roles: frozenset[Role], voucher: str, to: str
) -> Response:
    """The way to `to` with the cookie of a new session; `person` is a name, that in records, and
    whose sessions are counted together."""
    desk = desk_of(request)
    desk.sessions.end(token_of(request, desk))  # rule 2
    token, _ = desk.sessions.begin(person[0], roles, voucher, *person[1:])
    answer = RedirectResponse(own_path(to), 303)
    set_cookie(answer, desk, cookie_name(desk), token, desk.sessions.lasts)
    return answer


def own_path(said: object) -> str:
    """Rule 1. `//host` and `/\\host` are addresses to a browser, and so is a path that becomes one
    once tabs and line feeds are left out."""
    if not isinstance(said, str) or not said.startswith("/") or said[1:2] in ("/", "\\"):
        return "/"
    return said if said.isascii() and said.isprintable() and "\\" not in said else "/"


def form(request: Request, to: str, wrong: str | None, status: int = 200) -> Response:
    """The page to sign in on; `wrong` says what came of the last try."""
    desk = desk_of(request)
    oidc = desk.settings.oidc
    context = {
        "to": to,
        "wrong": wrong,
        "made": kept_digest(desk.folder) is not None,
        "provider": None if oidc is None else visible(urlsplit(oidc.issuer).netloc),
    }
    return render(request, "signin/page.html", context, status=status)
