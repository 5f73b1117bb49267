"""The Feel page, and what its script asks for: streams, sources, predictions, sums.

Rules
1. The schedule of a stream is made here, by the code that `tollway feel` uses; the browser only
   keeps its time.
2. A source is felt as the running gateway counted it of late, else as the ledger has it; which
   window that is, and of how many answers, is said.
3. A prediction is what `tollway predict` says, made by a child: see tollway.console.hands.
"""

import asyncio
from random import Random

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tollway.catalog import chip_names, model_names
from tollway.console.desk import Desk, desk_of
from tollway.console.feel.asked import mode_of, number, numbers
from tollway.console.feel.prediction import felt, job_of
from tollway.console.rendering import render
from tollway.console.scrapes import WINDOWS
from tollway.console.turns import BusyError
from tollway.console.twin.query import PRECISIONS
from tollway.errors import TollwayError, unknown
from tollway.feel.arithmetic import GIVEN
from tollway.feel.observed import Observed, from_answers, from_scrapes
from tollway.feel.pacing import FASTEST, PRESETS, SLOWEST, Gaps, jittered
from tollway.feel.texts import MODES, passages
from tollway.feel.tokens import tokens
from tollway.feel.told import Ends, notes, rows, told
from tollway.feel.windows import lately
from tollway.ledger.felt import recent_answers, requests_a_day

ROUNDS = 4
"""How often the passages come before jitter repeats itself."""
FIRSTS = 64
LEAST_RATE, LONGEST = 0.01, 3600.0


async def show(request: Request) -> Response:
    """The page."""
    desk = desk_of(request)
    daily = await _daily(desk)
    context = {
        "modes": MODES,
        "presets": PRESETS,
        "sources": tuple(desk.fleet.sources),
        "models": model_names(),
        "chips": chip_names(),
        "precisions": PRECISIONS,
        "daily": None if daily is None else round(daily),
        "given": GIVEN,
        "start": {
            "presets": PRESETS,
            "modes": MODES,
            "slowest": SLOWEST,
            "fastest": FASTEST,
            "sources": len(desk.fleet.sources),
        },
    }
    return render(request, "feel/page.html", context)


async def _daily(desk: Desk) -> float | None:
    try:
        return await desk.books.read(lambda ledger: requests_a_day(ledger, desk.utc()))
    except TollwayError:  # no ledger yet: the page says that the figure is missing
        return None


async def stream(request: Request) -> Response:
    """A mode's tokens with their waits in token times; with `source`, as jittered as it is."""
    try:
        mode = mode_of(request.query_params)
        source = request.query_params.get("source")
        seen = None if source is None else await _observed(desk_of(request), source)
    except TollwayError as error:
        return _refused(error)
    gaps = None if seen is None else seen.gaps
    return JSONResponse({"tokens": await asyncio.to_thread(_scheduled, mode, gaps)})


def _scheduled(mode: str, gaps: Gaps | None) -> list[list[object]]:
    every = [one for known in MODES if known == mode for it in passages(known) for one in it]
    chance = Random(0).random  # noqa: S311 - jitter that is looked at
    rounds = 1 if gaps is None else ROUNDS
    return [
        [one.text, one.kind, round(one.wait, 5), one.pause, int(one.opens), int(one.generated)]
        for one in jittered(tokens(every * rounds), gaps, chance)
    ]


async def source(request: Request) -> Response:
    """How a source feels: its rate and its waits."""
    try:
        seen = await _observed(desk_of(request), request.query_params.get("name", ""))
    except TollwayError as error:
        return _refused(error)
    chance = Random(0).random  # noqa: S311 - waits that are looked at
    waits = seen.waits
    return JSONResponse(
        {
            "rate": seen.speed,
            "ttft": waits.seconds,
            "firsts": [waits.draw(chance) for _ in range(FIRSTS)],
            "origin": seen.words,
            "answers": seen.answers,
            "window": seen.window,
            "window_s": seen.over,
        }
    )


async def _observed(desk: Desk, name: str) -> Observed:
    """Rule 2.

    Raises:
        TollwayError: there is no such source, or nothing is known of it.
    """
    if name not in desk.fleet.sources:
        raise TollwayError(str(unknown(name, desk.fleet.sources, "source")))
    at = desk.fleet.gateway
    seen = from_scrapes(await desk.scrapes.lately(at.host, at.port), name, None, WINDOWS)
    if seen is not None:
        return seen
    found = await desk.books.read(lambda ledger: recent_answers(ledger, desk.utc()))
    some = [one for (at, _), answers in found.items() if at == name for one in answers]
    seen = from_answers(some, "in the last 7 days")
    if seen is None:
        raise TollwayError(f"no streamed answer of {name} is known. Send it traffic first.")
    return seen


async def now(request: Request) -> Response:
    """How many answers of each source "now" would be made of. The page asks while it is looked at,
    which is what keeps the windows open."""
    desk = desk_of(request)
    at = desk.fleet.gateway
    scrapes = await desk.scrapes.lately(at.host, at.port)
    found = {name: lately(scrapes, name, None, WINDOWS) for name in desk.fleet.sources}
    said = {
        name: None if one is None else {"answers": one.answers, "window": one.words}
        for name, one in found.items()
    }
    return JSONResponse({"running": bool(scrapes), "sources": said})


async def prediction(request: Request) -> Response:
    """How a model on a chip is predicted to feel, with its interval."""
    desk = desk_of(request)
    try:
        job = job_of(request.query_params, str(desk.books.path))
        (found,) = await desk.hands.ask(job)
        return JSONResponse(felt(job, found))
    except BusyError as error:
        return _refused(error, 503)
    except TollwayError as error:
        return _refused(error)


async def sums(request: Request) -> Response:
    """The arithmetic of up to four streams, in the words that `tollway feel` has for it."""
    said = request.query_params
    try:
        mode = mode_of(said)
        rates = numbers(said, "rates", LEAST_RATE, 1e5)
        ttfts = numbers(said, "ttfts", 0.0, LONGEST)
        ends = _ends(said, rates, ttfts)
        daily = number(said, "daily", 0.0, 0.0, 1e12) if said.get("daily") else None
    except TollwayError as error:
        return _refused(error)
    every = [told(mode, *one) for one in zip(rates, ttfts, ends, strict=False)]
    return JSONResponse({"rows": rows(every, daily), "notes": notes(mode)})


def _ends(said: QueryParams, rates: list[float], ttfts: list[float]) -> list[Ends]:
    """The intervals of each stream; the values themselves where none are said."""
    names = ("lows", "highs", "ttft_lows", "ttft_highs")
    bounds = ((LEAST_RATE, 1e5), (LEAST_RATE, 1e5), (0.0, LONGEST), (0.0, LONGEST))
    usual = (rates, rates, ttfts, ttfts)
    low, high, soon, late = (
        numbers(said, name, *least) if name in said else values
        for name, least, values in zip(names, bounds, usual, strict=True)
    )
    return [
        Ends(speeds, waits)
        for speeds, waits in zip(
            zip(low, high, strict=False), zip(soon, late, strict=False), strict=False
        )
    ]


def _refused(error: TollwayError, status: int = 422) -> Response:
    return JSONResponse({"error": str(error)}, status)


ROUTES = [
    Route("/feel", show, methods=["GET"]),
    Route("/feel/stream", stream, methods=["GET"]),
    Route("/feel/now", now, methods=["GET"]),
    Route("/feel/source", source, methods=["GET"]),
    Route("/feel/prediction", prediction, methods=["GET"]),
    Route("/feel/sums", sums, methods=["GET"]),
]
