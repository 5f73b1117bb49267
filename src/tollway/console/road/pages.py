"""The Road page, and what an operator does on it.

Rules
1. Every figure is the gateway's own, out of its news; what is made of two of them is a difference.
2. What changes something is asked for by name, confirmed in the page, and said in the log.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tollway.console.caller import GatewayDownError, GatewayRefusedError
from tollway.console.desk import desk_of
from tollway.console.gate import did, needs, session_of
from tollway.console.rendering import render
from tollway.console.road.losing import lost
from tollway.errors import TollwayError, unknown
from tollway.fleet.objects import Fleet

_LONGEST_NAME = 500
"""Characters of a name that the gateway keeps with a drain."""


async def show(request: Request) -> Response:
    """The page, with the news of this moment; a gateway that is dead is news too."""
    desk = desk_of(request)
    context = {
        "news": await desk.feed.once(),
        "fleet": _drawn(desk.fleet),
        "state": str(desk.folder),
        "file": str(desk.path),
        "operator": "operator" in session_of(request).roles,
    }
    return render(request, "road/page.html", context)


@needs("operator")
async def drain(request: Request) -> Response:
    """Let nothing new go to a source."""
    form = await request.form()
    meant = form.get("all") == "yes"
    order = {"source": _word(form.get("source")), "why": _word(form.get("why")), "all": meant}
    return await _ordered(request, "/drain", order)


@needs("operator")
async def undrain(request: Request) -> Response:
    """Put a source back."""
    form = await request.form()
    return await _ordered(request, "/undrain", {"source": _word(form.get("source"))})


@needs("operator")
async def rehearse(request: Request) -> Response:
    """Lose a source in the twin, and say what becomes of each route."""
    desk = desk_of(request)
    form = await request.form()
    source = _word(form.get("source"))
    if source not in desk.fleet.sources:
        return PlainTextResponse(str(unknown(source, desk.fleet.sources, "source")), 404)
    if desk.twin.locked():
        words = "A rehearsal is under way; one at a time, so that none delays what is real."
        return PlainTextResponse(words, 409)
    async with desk.twin:
        try:
            news = await desk.feed.once()
            out = [name for name, one in news.get("sources", {}).items() if one["drained"]]
            drained = [name for name in out if name != source]
            found = await lost(desk.path, desk.folder, source, drained)
        except TollwayError as error:
            return PlainTextResponse(str(error), 422)
    found["drains_known"] = "dead" not in news
    found["source_drained"] = source in out
    return JSONResponse(found)


async def _ordered(request: Request, what: str, order: Mapping[str, object]) -> Response:
    desk = desk_of(request)
    name = session_of(request).account[:_LONGEST_NAME]
    try:
        answer = await desk.gateway.post(what, {**order, "by": name})
    except GatewayRefusedError as refused:
        return PlainTextResponse(str(refused), refused.status)
    except GatewayDownError as down:
        return PlainTextResponse(str(down), 503)
    why = f": {order['why']}" if order.get("why") else ""
    did(request, f"did {what.strip('/')} {order['source']}{why}")
    return JSONResponse(answer)


def _word(said: object) -> str:
    return " ".join(said.split()) if isinstance(said, str) else ""


def _drawn(fleet: Fleet) -> Mapping[str, object]:
    """What the ribbon draws: routes, sources, and who may serve whom."""
    return {
        "routes": {
            name: list(dict.fromkeys(it.source for it in (*route.candidates, *route.fallbacks)))
            for name, route in sorted(fleet.routes.items())
        },
        "sources": {
            name: {"vendor": source.vendor, "region": source.region}
            for name, source in fleet.sources.items()
        },
    }


ROUTES = [
    Route("/", show, methods=["GET"]),
    Route("/road/drain", drain, methods=["POST"]),
    Route("/road/undrain", undrain, methods=["POST"]),
    Route("/road/rehearse", rehearse, methods=["POST"]),
]
