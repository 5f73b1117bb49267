"""The application: every page's routes, behind the gate."""

from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tollway.console.choose import pages as choose
from tollway.console.desk import Desk, desk_of
from tollway.console.feel import pages as feel
from tollway.console.gate import Gate
from tollway.console.guard import pages as guard
from tollway.console.money import pages as money
from tollway.console.pins import pages as pins
from tollway.console.rendering import render
from tollway.console.requests import pages as requests
from tollway.console.road import pages as road
from tollway.console.signin import pages as signin
from tollway.console.signin.vouching import session_from
from tollway.console.streaming import stream
from tollway.console.twin import pages as twin
from tollway.errors import TollwayError

PAGES: tuple[list[Route], ...] = (
    signin.ROUTES,
    road.ROUTES,
    requests.ROUTES,
    money.ROUTES,
    guard.ROUTES,
    pins.ROUTES,
    twin.ROUTES,
    feel.ROUTES,
    choose.ROUTES,
)
"""The routes of each page."""


def application(desk: Desk) -> Starlette:
    """The console that goes by `desk`."""
    routes: list[BaseRoute] = [Route("/live", _live), *(it for page in PAGES for it in page)]
    routes.append(Mount("/static", StaticFiles(packages=[("tollway.console", "static")])))
    gate = Middleware(
        Gate,
        hosts=lambda: desk.hosts,
        find=lambda it: session_from(it, desk),
        touch=desk.sessions.touch,
    )
    handlers = {HTTPException: _refused, TollwayError: _failed, Exception: _broken}
    # Within the gate as well: what is told of a fault has its headers like every other answer.
    faults = Middleware(ServerErrorMiddleware, handler=_broken)
    app = Starlette(routes=routes, middleware=[gate, faults], exception_handlers=handlers)
    # Its redirect names the scheme that we listen with: behind a proxy with TLS, that is none.
    app.router.redirect_slashes = False
    app.state.desk = desk
    return app


async def _live(request: Request) -> Response:
    return stream(request, desk_of(request).feed)


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    words = "There is no such page." if refusal.status_code == 404 else refusal.detail
    return _told(request, refusal.status_code, words)


async def _failed(request: Request, error: Exception) -> Response:
    """What cannot be shown, with the mend in its words."""
    return _told(request, 503, str(error))


async def _broken(request: Request, error: Exception) -> Response:
    if not request.scope.setdefault("tollway.faults", []):  # the gate's own come here once
        desk_of(request).fault(error)
    request.scope["tollway.faults"].append(error)
    return _told(request, 500, "A fault of the console; its log says more.")


def _told(request: Request, status: int, words: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "trouble.html", {"words": words, "status": status}, status=status)
    return PlainTextResponse(words + "\n", status)
