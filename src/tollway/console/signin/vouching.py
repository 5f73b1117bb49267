"""Which session a request has, and whether what let it in still does.

Rules
1. The cookie is for the browser's requests to us alone: HttpOnly, SameSite=Lax, and Secure with the
   prefix `__Host-`, which keeps other hosts of the domain from setting it, where browsers reach us
   over TLS. Its name has our port: cookies are of a host, whatever its ports.
"""

from starlette.requests import Request
from starlette.responses import Response

from tollway.console.adminkey import kept_digest
from tollway.console.desk import Desk, desk_of
from tollway.console.oidc.person import voucher_of
from tollway.console.sessions import Session

_KEY_VOUCHES = "key:"


def key_voucher(digest: str | None) -> str:
    """The voucher of who came with the admin key."""
    return f"{_KEY_VOUCHES}{digest}"


def session_from(request: Request, desk: Desk) -> Session | None:
    """The session of a request's cookie, where it still holds."""
    return desk.sessions.find(token_of(request, desk), lambda it: _is_vouched(it, desk))


def still_holds(request: Request) -> bool:
    """Whether the session of a request that is being answered still does."""
    return session_from(request, desk_of(request)) is not None


def _is_vouched(session: Session, desk: Desk) -> bool:
    if session.voucher.startswith(_KEY_VOUCHES):
        return session.voucher == key_voucher(kept_digest(desk.folder))
    oidc = desk.settings.oidc
    return oidc is not None and session.voucher == voucher_of(oidc)


def token_of(request: Request, desk: Desk) -> str | None:
    """The session's token that a browser brings."""
    return request.cookies.get(cookie_name(desk))


def cookie_name(desk: Desk, sort: str = "") -> str:
    """What a cookie of ours is called (rule 1)."""
    if _is_over_tls(desk):
        return f"__Host-tollway-console{sort}"
    return f"tollway-console{sort}-{desk.url.rpartition(':')[2]}"


def set_cookie(answer: Response, desk: Desk, name: str, value: str, lasts: float) -> None:
    """Have a browser keep a value (rule 1)."""
    answer.set_cookie(
        name,
        value,
        max_age=int(lasts),
        secure=_is_over_tls(desk),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(answer: Response, desk: Desk, name: str) -> None:
    """Have a browser forget it: a `__Host-` cookie only by an order that keeps to its rules."""
    answer.delete_cookie(name, secure=_is_over_tls(desk), httponly=True, samesite="lax")


def _is_over_tls(desk: Desk) -> bool:
    return desk.url.startswith("https:")
