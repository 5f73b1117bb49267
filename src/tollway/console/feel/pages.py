"""The Feel page, and what its script asks for: streams, sources, predictions, sums.

Rules
1. The schedule of a stream is made here, by the code that `tollway feel` uses; the browser only
   keeps its time.
2. A source is felt as the running gateway observed it, else as the ledger has it.
3. A prediction is what `tollway predict` says, made by a child: see tollway.console.hands.
"""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tollway.catalog import chip_names, model_names
from tollway.console.desk import Desk, desk_of
from tollway.console.feel.asked import mode_of, number, numbers
from tollway.console.hand import Job, Load, SetUp
from tollway.console.hands import BusyError
from tollway.console.rendering import render
from tollway.errors import TollwayError, unknown
from tollway.feel.arithmetic import GIVEN, Feeling, feeling
from tollway.feel.observed import Observed, from_answers, from_metrics
from tollway.feel.pacing import FASTEST, PRESETS, SLOWEST, Gaps, jittered
from tollway.feel.texts import MODES, passages
from tollway.feel.tokens import tokens
from tollway.gateway.admin_client import ask_metrics
from tollway.ledger.felt import recent_answers, requests_a_day
from tollway.units import Seconds, TokensPerSecond

ROUNDS = 4
"""How often the passages come before jitter repeats itself."""
FIRSTS = 64
_TOKENS, _MOST_TOKENS = 1024, 1_000_000
"""In and out, unless the question says how many; and the most that it may say."""
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
        "daily": None if daily is None else round(daily),
        "given": GIVEN,
        "start": {
            "presets": PRESETS,
            "modes": MODES,
            "slowest": SLOWEST,
            "fastest": FASTEST,
            "daily": daily,
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
    words = f"observed over {seen.answers:,} answers; {seen.origin}"
    if seen.gaps is None:
        words += "; its gaps are not known, so that tokens come evenly"
    chance = Random(0).random  # noqa: S311 - waits that are looked at
    waits = seen.waits
    return JSONResponse(
        {
            "rate": seen.speed,
            "ttft": waits.seconds,
            "firsts": [waits.draw(chance) for _ in range(FIRSTS)],
            "origin": words,
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
    text = await asyncio.to_thread(ask_metrics, at.host, at.port)
    seen = None if text is None else from_metrics(text, name, None)
    if seen is not None:
        return seen
    found = await desk.books.read(lambda ledger: recent_answers(ledger, desk.utc()))
    some = [one for (at, _), answers in found.items() if at == name for one in answers]
    seen = from_answers(some, "the ledger of the last 7 days")
    if seen is None:
        raise TollwayError(f"no streamed answer of {name} is known. Send it traffic first.")
    return seen


async def prediction(request: Request) -> Response:
    """How a model on a chip is predicted to feel, with its interval."""
    said = request.query_params
    try:
        users = round(number(said, "users", 64, 1, 4096))
        tp = round(number(said, "tp", 1, 1, 64))
        given = round(number(said, "input", _TOKENS, 1, _MOST_TOKENS))
        made = round(number(said, "output", _TOKENS, 2, _MOST_TOKENS))
        of = said.get("model", ""), said.get("chip", "")
        set_up = SetUp(*of, tp=tp, precision=said.get("precision") or None)
        desk = desk_of(request)
        job = Job(set_up, given, made, (Load(users=users),), str(desk.books.path))
        (found,) = await desk.hands.ask(job)
    except BusyError as error:
        return _refused(error, 503)
    except TollwayError as error:
        return _refused(error)
    if found["ttft_s"] is None:
        return _refused(TollwayError(" ".join(found["refused"])))
    return JSONResponse(_predicted(found))


def _predicted(found: Mapping[str, Any]) -> dict[str, object]:
    """A stream's figures, of what `tollway predict --json` says."""
    speed, wait = found["user_tokens_s"], found["ttft_s"]
    users, given, made = (found[it] for it in ("concurrency", "input_tokens", "output_tokens"))
    return {
        "rate": speed["value"],
        "low": speed["low"],
        "high": speed["high"],
        "ttft": wait["value"],
        "ttft_low": wait["low"],
        "ttft_high": wait["high"],
        "firsts": [wait["value"]],
        "origin": f"predicted ({found['provenance']}) with {users} users of {given:,} tokens in "
        f"and {made:,} out; 80% interval {speed['low']:.1f} to {speed['high']:.1f} tokens/s, "
        f"TTFT {wait['low']:.2f} to {wait['high']:.2f} s",
    }


async def sums(request: Request) -> Response:
    """The arithmetic of up to four streams."""
    said = request.query_params
    try:
        mode = mode_of(said)
        rates = numbers(said, "rates", LEAST_RATE, 1e5)
        ttfts = numbers(said, "ttfts", 0.0, LONGEST)
        fast = _ends(said, ("highs", "ttft_lows"), (rates, ttfts))
        slow = _ends(said, ("lows", "ttft_highs"), (rates, ttfts))
        daily = number(said, "daily", 0.0, 0.0, 1e12)
    except TollwayError as error:
        return _refused(error)
    felt, fastest, slowest = (
        [
            feeling(mode, TokensPerSecond(rate), Seconds(ttft))
            for rate, ttft in zip(*ends, strict=False)
        ]
        for ends in ((rates, ttfts), fast, slow)
    )
    return JSONResponse(
        {
            "streams": [
                _figures(one, daily) | _interval(*ends)
                for one, *ends in zip(felt, fastest, slowest, strict=False)
            ]
        }
    )


Lists = tuple[list[float], list[float]]
"""Rates and waits for first tokens, of each stream."""


def _ends(said: QueryParams, names: tuple[str, str], usual: Lists) -> Lists:
    """One end of the intervals; the values themselves where none are said."""
    rates = numbers(said, names[0], LEAST_RATE, 1e5) if names[0] in said else usual[0]
    ttfts = numbers(said, names[1], 0.0, LONGEST) if names[1] in said else usual[1]
    return rates, ttfts


def _interval(fast: Feeling, slow: Feeling) -> dict[str, object]:
    return {"whole_ends": [fast.whole, slow.whole], "waiting_ends": [fast.waiting, slow.waiting]}


def _figures(one: Feeling, daily: float) -> dict[str, object]:
    return {
        "rate": one.rate,
        "ttft": one.ttft,
        "tokens": one.answer.tokens,
        "first_word": one.first_word,
        "grasp": one.grasp,
        "whole": one.whole,
        "waiting": one.waiting,
        "ahead": one.ahead,
        "behind": one.behind,
        "enough": one.enough,
        "tokens_per_word": one.tokens_per_word,
        "a_day": one.a_day(daily),
    }


def _refused(error: TollwayError, status: int = 422) -> Response:
    return JSONResponse({"error": str(error)}, status)


ROUTES = [
    Route("/feel", show, methods=["GET"]),
    Route("/feel/stream", stream, methods=["GET"]),
    Route("/feel/source", source, methods=["GET"]),
    Route("/feel/prediction", prediction, methods=["GET"]),
    Route("/feel/sums", sums, methods=["GET"]),
]
