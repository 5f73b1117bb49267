"""The Twin page: predict and compare chips, drag the load, and see how wrong the twin was."""

import asyncio
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tollway.catalog import engine_names, known_as, model_names
from tollway.console.desk import desk_of
from tollway.console.hands import Answers
from tollway.console.rendering import render
from tollway.console.twin.grids import grid_of
from tollway.console.twin.lately import DAYS, MOST_DAYS, Lately, lately, missing_extra, today_of
from tollway.console.twin.query import COUNTS, MOST_SET_UPS, PRECISIONS
from tollway.console.twin.shown import OVER, Card, card, feel
from tollway.console.twin.state import State, state_of
from tollway.console.twin.usual import every_chip
from tollway.errors import TollwayError
from tollway.simulator.scores import ENOUGH, FIGURES
from tollway.simulator.scores_told import day_words


async def show(request: Request) -> Response:
    """The page. It is shown whatever was typed, and whatever is missing."""
    desk = desk_of(request)
    typed = dict(request.query_params)
    state, scores = await asyncio.gather(state_of(desk, typed), _lately(request))
    fleet = [name for name in desk.fleet.models if known_as("models", name) is not None]
    context = {
        "state": state,
        "cards": await _cards(request, state),
        "models": [*fleet, *(name for name in model_names() if name not in fleet)],
        "chips": every_chip(),
        "engines": engine_names(),
        "precisions": [("", "as published"), *((one, one) for one in PRECISIONS)],
        "open": _open(state),
        "counts": COUNTS,
        "may_add": len(state.numbers) < MOST_SET_UPS,
        "over": OVER,
        "lately": scores,
        "enough": ENOUGH,
        "figures": FIGURES,
        "day_words": day_words,
        "extra": missing_extra(),
        "asked": _asked(state),
    }
    return render(request, "twin/page.html", context, status=400 if state.faults else 200)


async def answers(request: Request) -> Response:
    """What `tollway predict --json` says to the same questions."""
    state = await state_of(desk_of(request), dict(request.query_params))
    if state.faults:
        return _faulty(state)
    found = await _answers(request, state)
    said = [{"refused": [str(one)]} if isinstance(one, TollwayError) else one[0] for one in found]
    return _json({"format": 1, "answers": said})


async def grid(request: Request) -> Response:
    """Every set-up at a grid of loads; `grid` is users or rate."""
    desk = desk_of(request)
    state = await state_of(desk, dict(request.query_params))
    if state.faults:
        return _faulty(state)
    by = request.query_params.get("grid", state.by)
    return _json(await grid_of(desk.hands, state, "rate" if by == "rate" else "users"))


async def scores(request: Request) -> Response:
    """What `tollway twin --json` says of the days that it has scored."""
    found = await _lately(request)
    if found.trouble is not None:
        raise TollwayError(found.trouble)
    return _json(found.for_programs())


async def _answers(request: Request, state: State) -> list[Answers | TollwayError]:
    jobs = [state.job(one, (state.load(),)) for one in state.set_ups.values()]
    return await desk_of(request).hands.each(jobs)


async def _cards(request: Request, state: State) -> list[Card]:
    found = await _answers(request, state)
    return [
        card(state, at, str(one) if isinstance(one, TollwayError) else one[0])
        for at, one in zip(state.set_ups, found, strict=True)
    ]


async def _lately(request: Request) -> Lately:
    desk = desk_of(request)
    said = request.query_params.get("days", "")
    days = int(said) if said.isascii() and said.isdigit() and len(said) < 4 else DAYS
    today = today_of(desk.utc())
    return await lately(desk.fleet, desk.books.path, today, min(max(days, 1), MOST_DAYS))


def _asked(state: State) -> Mapping[str, object]:
    """What the page's script goes by."""
    return {
        "by": state.by,
        "at": state.at,
        "over": OVER,
        "set_ups": [
            {"at": at, "chip": one.chip, "feel": feel(state, one)}
            for at, one in state.set_ups.items()
        ],
    }


def _open(state: State) -> set[int]:
    """Set-ups of which more was said than the fields that are always seen."""
    usual = {**dict.fromkeys(COUNTS, "1"), "engine": "vllm", "assume": ""}
    del usual["tp"]
    return {
        at
        for at in state.numbers
        for name, value in usual.items()
        if state.fields.get(f"{name}{at}", value) != value
    }


def _faulty(state: State) -> Response:
    return _json({"faults": dict(state.faults)}, 400)


def _json(what: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(what), status, media_type="application/json")


ROUTES = [
    Route("/twin", show, methods=["GET"]),
    Route("/twin/answers.json", answers, methods=["GET"]),
    Route("/twin/grid.json", grid, methods=["GET"]),
    Route("/twin/scores.json", scores, methods=["GET"]),
]
