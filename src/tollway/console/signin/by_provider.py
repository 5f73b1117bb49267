"""Signing in through the provider of [console.oidc]: the way there, and the way back.

Rules
1. The way there begins with a link, never a form: `form-action` of our policy holds for redirects.
2. What comes back is taken once, in the browser that began it (login CSRF), and for that attempt.
3. A page says what to do next; what was wrong with a token is for the log.
"""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tollway.console.desk import Desk, desk_of
from tollway.console.oidc.attempts import LASTS, Attempt
from tollway.console.oidc.person import Person, person_of, voucher_of
from tollway.console.oidc.refusal import NotBelievedError, ProviderDownError
from tollway.console.signin.entering import form, let_in, own_path
from tollway.console.signin.vouching import cookie_name, drop_cookie, set_cookie
from tollway.console.wording import visible
from tollway.errors import FaultsFound

if TYPE_CHECKING:
    from tollway.console.oidc.provider import Provider

_THERE = "/sign-in/oidc"
_BACK = "/sign-in/oidc/back"
_SORT = "-oidc"
_MOST_SHOWN = 20

_AGAIN = "This sign-in is over or was begun in another browser. Begin it again."
_NOT_BELIEVED = "The provider's answer is not believed; the console's log says why."


async def go(request: Request) -> Response:
    """Send the browser to the provider."""
    desk = desk_of(request)
    to = own_path(request.query_params.get("to"))
    if desk.provider is None:
        return form(request, to, "There is no provider to sign in with.", 404)
    if request.headers["host"].lower() != desk.url.partition("://")[2].lower():
        # The provider sends browsers back to our address: the cookie must be of that host.
        return RedirectResponse(f"{desk.url}{_THERE}?{request.url.query}", 303)
    attempt, kept = desk.attempts.begin(to, voucher_of(desk.provider.settings))
    try:
        address = await desk.provider.address(attempt, desk.url + _BACK)
    except ProviderDownError as error:
        return _down(request, to, error)
    answer = RedirectResponse(address, 303)
    set_cookie(answer, desk, cookie_name(desk, _SORT), kept, LASTS)
    return answer


async def back(request: Request) -> Response:
    """Take what the provider sent the browser back with."""
    desk = desk_of(request)
    said = dict(request.query_params)
    provider = desk.provider
    if provider is None:
        return form(request, "/", "There is no provider to sign in with.", 404)
    cookie = cookie_name(desk, _SORT)
    voucher = voucher_of(provider.settings)
    attempt = desk.attempts.take(said.get("state"), request.cookies.get(cookie), voucher)
    if attempt is None:
        desk.audit.refused("a sign-in that this browser did not begin was refused", _BACK)
        return form(request, "/", _AGAIN, 403)
    answer = await _judged(request, provider, attempt, said)
    drop_cookie(answer, desk, cookie)
    return answer


async def _judged(
    request: Request, provider: "Provider", attempt: Attempt, said: dict[str, str]
) -> Response:
    desk = desk_of(request)
    if "error" in said:
        words = visible(said["error"])[:40]
        desk.audit.refused(f"the provider refused a sign-in: {words}", _BACK)
        return form(request, attempt.to, f"The provider did not sign you in ({words}).", 403)
    try:
        claims = await provider.claims(attempt, said, desk.url + _BACK)
    except (ProviderDownError, FaultsFound) as error:
        return _down(request, attempt.to, error)
    except NotBelievedError as error:
        desk.audit.refused(f"a sign-in was refused: {error}", _BACK)
        return form(request, attempt.to, _NOT_BELIEVED, 403)
    person = person_of(claims, provider.settings)
    if not person.roles:
        return _nobody(request, desk, attempt.to, person)
    roles = ", ".join(sorted(person.roles))
    desk.audit.did(person.account, f"signed in as {roles}", _BACK)
    voucher = voucher_of(provider.settings)
    who = (person.name, person.account, person.owner)
    return let_in(request, who, person.roles, voucher, attempt.to)


def _nobody(request: Request, desk: Desk, to: str, person: Person) -> Response:
    """Who is known, and may not look."""
    shown = ", ".join(map(visible, person.groups[:_MOST_SHOWN])) or "none"
    more = len(person.groups) - _MOST_SHOWN
    shown += f" and {more} more" if more > 0 else ""
    words = f"{person.account} was not let in: none of the groups has a role: {shown}"
    desk.audit.refused(words, _BACK)
    return form(
        request,
        to,
        f"You are {person.name}, and no group of yours may see this console. Ask who runs Tollway "
        "here: [console.oidc.roles] of the fleet file names the groups.",
        403,
    )


def _down(request: Request, to: str, error: Exception) -> Response:
    desk_of(request).audit.refused(f"the provider cannot be used: {error}", _THERE)
    words = "The provider does not answer, or not as it should; the console's log says more. "
    return form(request, to, words + "The admin key still opens the console.", 503)


ROUTES = [Route(_THERE, go, methods=["GET"]), Route(_BACK, back, methods=["GET"])]
