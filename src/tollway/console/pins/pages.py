"""The Pins page: lock and what differs from it, components, threats, models and what ends.

Rules
1. What the commands say is what is shown: the same functions judge (`tollway verify`,
   `threatmodel`, `drift status`, `fallbacks`).
2. Files are read in threads, and hashed as `console.verification` says.
"""

import asyncio
from dataclasses import asdict
from datetime import UTC, date, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tollway.console.desk import Desk, desk_of
from tollway.console.pins.facts import (
    MOST,
    SOON,
    acceptances,
    components,
    more_of,
    shutdowns,
    threats_of,
)
from tollway.console.rendering import render
from tollway.console.verification import UnderWay
from tollway.errors import TollwayError
from tollway.gateway.watching.checking import Row, stand
from tollway.gateway.watching.state import WatchState
from tollway.ledger.fallbacks import Standing, standings
from tollway.pins.finding import Findings
from tollway.pins.lock import Lock

_DAYS = 30
"""Days without traffic or a drill after which a fallback is untested, as for the command."""


async def lock(request: Request) -> Response:
    """The lock, and what differs from it."""
    desk = desk_of(request)
    found, fault = await _lock(desk)
    state = None if found is None else await desk.verification.state(desk.fleet)
    context = {
        "tab": "lock",
        "lock": found,
        "fault": fault,
        "state": state,
        "busy": isinstance(state, UnderWay),
        "name": _name(desk),
        "mode": "off" if desk.fleet.pins is None else desk.fleet.pins.mode,
    }
    return render(request, "pins/page.html", context)


async def verified(request: Request) -> Response:
    """How far the look is, or what it found."""
    desk = desk_of(request)
    found, fault = await _lock(desk)
    if found is None:
        return JSONResponse({"state": "no lock", "fault": fault})
    state = await desk.verification.state(desk.fleet)
    if isinstance(state, UnderWay):
        return JSONResponse({"state": "looking", **asdict(state)})
    if state.findings is None:
        return JSONResponse({"state": "failed", "fault": state.fault})
    findings = state.findings
    return JSONResponse(
        {
            "state": "done",
            "components": findings.looked,
            "findings": [asdict(it) for it in findings.found],
            "not_audited": [asdict(it) for it in findings.unaudited],
        }
    )


async def parts(request: Request) -> Response:
    """The components of the lock."""
    desk = desk_of(request)
    found, fault = await _lock(desk)
    kind, words = (request.query_params.get(it, "")[:100] for it in ("kind", "q"))
    context = {
        "tab": "components",
        "lock": found,
        "fault": fault,
        "listed": None if found is None else components(found, kind, words),
        "kind": kind,
        "words": words,
        "name": _name(desk),
        "most": MOST,
    }
    return render(request, "pins/components.html", context)


async def part(request: Request) -> Response:
    """All that the lock says of one component."""
    desk = desk_of(request)
    found, fault = await _lock(desk)
    one = None if found is None else found.find(request.query_params.get("name", ""))
    if one is None:
        raise HTTPException(404, fault or "The lock has no such component.")
    context = {"tab": "components", "one": one, "more": more_of(one)}
    return render(request, "pins/component.html", context)


async def threats(request: Request) -> Response:
    """The threat model."""
    from tollway.catalog.threats import threats as known

    desk = desk_of(request)
    found, fault = await _lock(desk)
    told = await asyncio.to_thread(threats_of, desk.fleet, found, _today(desk))
    context = {
        "tab": "threats",
        "fault": fault,
        "lock": found,
        "told": told,
        "titles": {name: it.title for name, it in known().items()},
        "fleet": desk.path.name,
    }
    return render(request, "pins/threats.html", context)


async def models(request: Request) -> Response:
    """Drift, ends, fallbacks and acceptances."""
    desk = desk_of(request)
    today = _today(desk)
    found, fault = await _lock(desk)
    watch, trouble = await _watched(desk, today)
    tried, unread = await _fallbacks(desk)
    context = {
        "tab": "models",
        "fault": fault,
        "watch": watch,
        "trouble": trouble,
        "shutdowns": shutdowns(found, today),
        "fallbacks": tried,
        "unread": unread,
        "days": _DAYS,
        "acceptances": acceptances(desk.fleet, today),
        "soon": SOON,
        "drift": desk.fleet.drift is not None,
    }
    return render(request, "pins/models.html", context)


async def _lock(desk: Desk) -> tuple[Lock | None, str | None]:
    """The lock, and why it cannot be read."""
    try:
        return await desk.verification.lock(desk.fleet), None
    except TollwayError as error:
        return None, str(error)


async def _watched(
    desk: Desk, today: date
) -> tuple[tuple[Findings, tuple[Row, ...]] | None, str | None]:
    def ask() -> tuple[Findings, tuple[Row, ...]]:
        return stand(desk.path, desk.fleet, WatchState(desk.folder).read(), today)

    try:
        return await asyncio.to_thread(ask), None
    except TollwayError as error:
        return None, str(error)


async def _fallbacks(desk: Desk) -> tuple[list[Standing], str | None]:
    try:
        uses = await desk.books.read(lambda it: it.last_uses())
    except TollwayError as error:
        return standings(desk.fleet, [], _DAYS, desk.utc()), str(error)
    return standings(desk.fleet, uses, _DAYS, desk.utc()), None


def _today(desk: Desk) -> date:
    return datetime.fromtimestamp(desk.utc(), UTC).date()


def _name(desk: Desk) -> str:
    return "ai.lock" if desk.fleet.pins is None else desk.fleet.pins.lock


ROUTES = [
    Route("/pins", lock, methods=["GET"]),
    Route("/pins/verify.json", verified, methods=["GET"]),
    Route("/pins/components", parts, methods=["GET"]),
    Route("/pins/component", part, methods=["GET"]),
    Route("/pins/threats", threats, methods=["GET"]),
    Route("/pins/models", models, methods=["GET"]),
]
