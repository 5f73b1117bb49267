"""The Choose page: a use is asked for, and the frontier is shown with its reasons.

Rules
1. Verdicts, figures and reasons are those of `tollway choose`: the same code makes them.
2. What cannot be compared is told with its mend; a ledger that is missing takes only the observed
   speeds away.
3. Predictions are made by children, which have limits: see tollway.console.hands.
"""

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tollway.console.choose.plot import picture
from tollway.console.choose.predicted import predicted
from tollway.console.desk import Desk, desk_of
from tollway.console.feel.asked import number
from tollway.console.rendering import render
from tollway.console.turns import BusyError
from tollway.errors import TollwayError
from tollway.feel.candidates import Choice, Seen, asks
from tollway.feel.candidates import choose as choose_from
from tollway.feel.reasons import reason, shown
from tollway.feel.uses import LIMITS, USES, Use, sized
from tollway.ledger.felt import Answers, recent_answers
from tollway.units import UtcSeconds


async def show(request: Request) -> Response:
    """The page."""
    desk = desk_of(request)
    said = request.query_params
    choice, trouble, status = None, "", 200
    use = USES.get(said.get("use", "code"), USES["code"])
    users, hour = 1, 0.0
    try:
        use = _use(said)
        users = round(number(said, "users", 1, 1, 100_000))
        hour = number(said, "hour", 0.0, 0.0, 1e6)
    except TollwayError as error:
        trouble, status = str(error), 422
    if not trouble:
        try:
            choice = await _chosen(desk, use, users, hour)
        except BusyError as error:
            trouble, status = str(error), 503
        except TollwayError as error:
            trouble = str(error)
    context = {
        "uses": tuple(USES),
        "use": use,
        "users": users,
        "hour": f"{hour:g}" if hour else "",
        "trouble": trouble,
        "unscored": status == 200,
        "choice": choice,
        "rows": [] if choice is None else _rows(choice),
        "picture": None if choice is None else picture(choice.placed, use.axes),
    }
    return render(request, "choose/page.html", context, status=status)


async def _chosen(desk: Desk, use: Use, users: int, hour: float) -> Choice:
    fleet = desk.fleet
    seen = Seen(UtcSeconds(desk.utc()), await _answers(desk), {"": hour} if hour else {})
    found = await predicted(desk.hands, asks(fleet, use, seen, users), str(desk.books.path))
    return await asyncio.to_thread(choose_from, fleet, use, replace(seen, predicted=found), users)


async def _answers(desk: Desk) -> Answers:
    try:
        return await desk.books.read(lambda ledger: recent_answers(ledger, desk.utc()))
    except TollwayError:  # rule 2
        return {}


def _use(said: QueryParams) -> Use:
    name = said.get("use", "code")
    if said.get("of") != name:  # sizes of another use do not stay when the use is changed
        return sized(name, {})
    sizes = {
        key: number(said, key, 0.0, least, most)
        for key, (_, least, most) in LIMITS.items()
        if said.get(key)
    }
    return sized(name, sizes)


def _rows(choice: Choice) -> list[dict[str, object]]:
    """A row for each candidate, in words."""
    return [
        {
            "name": it.candidate.name,
            "verdict": it.verdict,
            "figures": [shown(axis, it.candidate.figure(axis)) for axis in choice.use.axes],
            "speed": it.candidate.wait.origin,
            "price": it.candidate.cost.origin,
            "reason": reason(it, choice.placed, choice.use.axes),
            "feel": _feel(choice, it.candidate.name),
        }
        for it in choice.placed
    ]


def _feel(choice: Choice, name: str) -> str:
    """The page that lets its speed be felt."""
    speed, mode = choice.details[name].speed, choice.use.mode
    said = {"of": name, "speed": f"{1 / speed.tpot.value:.4g}", "ttft": f"{speed.ttft.value:.3g}"}
    return "/feel?" + urlencode(said if mode is None else {**said, "mode": mode})


ROUTES = [Route("/choose", show, methods=["GET"])]
