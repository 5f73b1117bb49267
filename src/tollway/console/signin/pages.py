"""The sign-in page: the admin key, and the way out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tollway.console.adminkey import digest_of_admin_key
from tollway.console.desk import desk_of
from tollway.console.gate import session_of
from tollway.console.signin import by_provider
from tollway.console.signin.entering import form, let_in, own_path
from tollway.console.signin.vouching import cookie_name, drop_cookie, key_voucher, token_of
from tollway.fleet.consoling import ROLES

_PERSON = ("admin", "admin key", "key")


async def show(request: Request) -> Response:
    """The form."""
    return form(request, own_path(request.query_params.get("to")), None)


async def enter(request: Request) -> Response:
    """Take the admin key."""
    desk = desk_of(request)
    async with request.form(max_files=0, max_fields=8) as filled:
        to, key = own_path(filled.get("to")), filled.get("key")
    said = key.strip() if isinstance(key, str) else ""
    digest = digest_of_admin_key(said, desk.folder)  # at once: it waits behind nobody's page
    if digest is None:
        if not desk.throttle.admits():
            answer = form(request, to, "Too many wrong keys. Wait a moment.", 429)
            answer.headers["retry-after"] = str(desk.throttle.wait)
            return answer
        desk.audit.refused("a sign-in with a wrong key was refused", "/sign-in")
        return form(request, to, "This is not the admin key.", 401)
    voucher = key_voucher(digest)
    desk.audit.did(_PERSON[1], "signed in", "/sign-in")
    return let_in(request, _PERSON, frozenset(ROLES), voucher, to)


async def leave(request: Request) -> Response:
    """Sign out."""
    desk = desk_of(request)
    desk.sessions.end(token_of(request, desk))
    desk.audit.did(session_of(request).account, "signed out", "/sign-out")
    answer = RedirectResponse("/sign-in", 303)
    drop_cookie(answer, desk, cookie_name(desk))
    return answer


ROUTES = [
    Route("/sign-in", show, methods=["GET"]),
    Route("/sign-in", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
    *by_provider.ROUTES,
]
