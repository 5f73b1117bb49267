"""The pages of requests: what is live and what is settled, and one request's life and cost.

Rules
1. Values are the ledger's and the gateway's own. Where one of them is not there, the page says so
   and shows what the other knows.
"""

from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tollway.console.caller import GatewayDownError, GatewayRefusedError
from tollway.console.desk import Desk, desk_of
from tollway.console.rendering import render
from tollway.console.requests.arithmetic import difference, parts, price_words
from tollway.console.requests.asked import FLAGS, LIVE, Asked, asked_of
from tollway.console.requests.drawn import drawn
from tollway.console.requests.life import Life, from_gateway, from_ledger, seconds
from tollway.errors import TollwayError
from tollway.ledger.search import Held, Page, Whole
from tollway.ledger.sqlite_search import LOOK_BACK, one, search
from tollway.units import exact_usd

SHOWN = 50
"""Requests a page."""
_LIVE_SHOWN = 25
_OUTCOMES = ("completed", "failed", "cancelled", "refused", "abandoned")
_TONES = {"completed": "good", "cancelled": "", "refused": "warn"}

_WORDS: dict[str, Any] = {
    "exact": exact_usd,
    "lasted": lambda value: "" if value is None else seconds(value),
    "tone": lambda outcome: _TONES.get(outcome, "bad"),
    "path": lambda name: f"/requests/{quote(name, safe='')}",
}


async def listed(request: Request) -> Response:
    """What is live, and a page of what was settled."""
    desk = desk_of(request)
    asked = asked_of(request.query_params, desk.utc())
    page, trouble = Page(()), None
    if not asked.faults:
        try:
            page = await desk.books.read(
                lambda ledger: ledger.ask(lambda db: search(db, asked.search, asked.before, SHOWN))
            )
        except TollwayError as error:
            trouble = str(error)
    live = await _live(desk, asked) if asked.shows_live else None
    context = {
        **_WORDS,
        "asked": asked,
        "page": page,
        "trouble": trouble,
        "live": live,
        "live_terms": {name: asked.texts[name] for name in LIVE},
        "live_shown": _LIVE_SHOWN,
        "look_back": LOOK_BACK,
        "flags": FLAGS,
        "outcomes": _OUTCOMES,
        "known": _known(desk),
        "filtered": bool(asked.flags or any(asked.texts.values())),
    }
    return render(request, "requests/page.html", context)


def _known(desk: Desk) -> dict[str, list[str]]:
    """Names to choose from; the ledger may know others."""
    fleet = desk.fleet
    return {
        "tenant": sorted(fleet.tenants),
        "route": sorted(fleet.routes),
        "source": sorted(fleet.sources),
        "model": sorted(fleet.models),
    }


async def _live(desk: Desk, asked: Asked) -> dict[str, Any]:
    """What the gateway has in hand: `requests`, or `why` there is nothing to show."""
    news = await desk.feed.once()
    if "dead" in news:
        return {"requests": [], "why": news["dead"]}
    found: list[dict[str, Any]] = news.get("requests") or []
    terms = [("id" if name == "request" else name, asked.texts[name]) for name in LIVE]
    fitting = [it for it in found if all(not text or it.get(name) == text for name, text in terms)]
    running = max(int(news.get("live", 0)), len(found))
    shown = fitting[:_LIVE_SHOWN]
    said = _counted(len(shown), len(fitting), len(found), running)
    return {"requests": shown, "count": said, "why": None}


def _counted(shown: int, fitting: int, listed: int, running: int) -> str:
    """How many there are, and what of them is not shown: the same words as in the page's script."""
    if listed < running and fitting < listed:
        return f"{fitting} of the newest {listed} of {running:,}"
    count = running if fitting == listed else fitting
    return f"{count:,}" if shown == count else f"the newest {shown} of {count:,}"


async def single(request: Request) -> Response:
    """One request: its life, its cost line by line, its failed attempts."""
    desk, name = desk_of(request), str(request.path_params["request"])
    found, trouble = None, None
    try:
        found = await desk.books.read(lambda ledger: ledger.ask(lambda db: one(db, name)))
    except TollwayError as error:
        trouble = str(error)
    told, untold = await _told(desk, name)
    life = _life(found, told, desk.utc())
    context = {
        **_WORDS,
        "name": name,
        "line": found.line if isinstance(found, Whole) else None,
        "failed": found.failed if isinstance(found, Whole) else (),
        "held": found if isinstance(found, Held) else None,
        "parts": parts(desk.fleet, found) if isinstance(found, Whole) else (),
        "difference": difference(found.line) if isinstance(found, Whole) else None,
        "price_words": price_words,
        "told": told,
        "untold": untold,
        "life": life,
        "picture": None if life is None else Markup(drawn(life)),  # noqa: S704 - escaped by element
        "trouble": trouble,
    }
    there = found is not None or told is not None or trouble is not None
    return render(request, "requests/one.html", context, status=200 if there else 404)


async def _told(desk: Desk, name: str) -> tuple[dict[str, Any] | None, str]:
    """What the gateway still has of a request, or why it has nothing."""
    try:
        return await desk.gateway.get(f"/requests/{quote(name, safe='')}"), ""
    except GatewayRefusedError:
        return (
            None,
            "The gateway keeps its finer moments (queueing, gaps) for a while only: not any more.",
        )
    except GatewayDownError as error:
        return None, str(error)


def _life(found: Whole | Held | None, told: dict[str, Any] | None, now: float) -> Life | None:
    if told is not None:
        return from_gateway(told, now)
    return from_ledger(found) if isinstance(found, Whole) else None


ROUTES = [
    Route("/requests", listed, methods=["GET"]),
    Route("/requests/{request}", single, methods=["GET"]),
]
