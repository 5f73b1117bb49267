"""The Guard page: what waits for a person, runs and their receipts, what was stopped.

Rules
1. What is shown never moves by itself: a question that comes in meanwhile is announced, so that
   nobody answers another one than the one they read.
2. An answer goes through the gateway with the name of who gave it.
"""

from typing import Any, cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tollway.console.caller import GatewayDownError, GatewayRefusedError
from tollway.console.desk import Desk, desk_of
from tollway.console.gate import did, needs, session_of
from tollway.console.guard.questions import Question, question_of
from tollway.console.guard.reading import read_book
from tollway.console.guard.stopped import MOST, SHOWN, stopped
from tollway.console.rendering import render
from tollway.guard.event import Concern
from tollway.ledger.guarded.approvals import Approval, Approvals
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Runs
from tollway.sandbox.receipt import receipt, standing

_ANSWERED = 30
_RUNS = 100
_LONGEST_NOTE = 1000
_CONCERNS = Concern.__args__


async def waiting(request: Request) -> Response:
    """What waits for a person, and what was answered lately."""
    done = request.query_params.get("done", "")
    return await _waiting(request, done[:80], None, 200)


async def _waiting(request: Request, done: str, wrong: str | None, status: int) -> Response:
    found, down = await _questions(desk_of(request))
    pending = [it for it in found if it.state == "pending"]
    answered = [it for it in found if it.state != "pending"]
    context = {
        "tab": "waiting",
        "pending": sorted(pending, key=lambda it: (it.until, it.id)),
        "answered": answered[:_ANSWERED],
        "done": next((it for it in answered if it.id == done), None),
        "wrong": wrong,
        "down": down,
        "may": "approver" in session_of(request).roles,
        "guarded": desk_of(request).fleet.guard is not None,
        "now": desk_of(request).utc(),
    }
    return render(request, "guard/page.html", context, status=status)


async def pending(request: Request) -> Response:
    """The ids of what waits, for a page that is open."""
    found, _ = await _questions(desk_of(request))
    return JSONResponse({"pending": sorted(it.id for it in found if it.state == "pending")})


@needs("approver")
async def answer(request: Request) -> Response:
    """Take a person's yes or no."""
    desk, session = desk_of(request), session_of(request)
    async with request.form(max_files=0, max_fields=8) as form:
        asked, said, note = (str(form.get(it, "")) for it in ("approval", "answer", "note"))
    if said not in ("yes", "no"):
        return await _waiting(request, "", "Say yes or no.", 400)
    order = {
        "approval": asked,
        "granted": said == "yes",
        "who": session.account,
        "note": note.strip()[:_LONGEST_NOTE] or None,
    }
    try:
        decided = await desk.gateway.post("/approvals", order)
    except GatewayRefusedError as error:
        return await _waiting(request, "", str(error), error.status)
    except GatewayDownError as error:
        words = f"{error} On its machine, `tollway approvals` answers without it."
        return await _waiting(request, "", words, 503)
    done = decided["id"]
    did(request, f"said {said} to {done}: {decided['words']}")
    return RedirectResponse(f"/guard?done={done}", 303)


async def runs(request: Request) -> Response:
    """What ran in sandboxes."""
    desk = desk_of(request)
    found = await read_book(desk.folder, lambda it: Runs(it).last(_RUNS), [])
    context = {"tab": "runs", "runs": [(it, standing(it)) for it in found], "most": _RUNS}
    return render(request, "guard/runs.html", context)


async def run(request: Request) -> Response:
    """The receipt of one run."""
    desk, task = desk_of(request), request.path_params["task"]

    def ask(book: GuardBook) -> dict[str, Any] | None:
        found = Runs(book).find(task)
        return None if found is None else receipt(found, book, desk.folder)

    facts = await read_book(desk.folder, ask, None)
    if facts is None:
        raise HTTPException(404, "There is no such run.")
    if request.url.path.endswith(".json"):
        return Response(msgspec.json.encode(facts), media_type="application/json")
    return render(request, "guard/run.html", {"tab": "runs", "run": facts})


async def events(request: Request) -> Response:
    """What was found and stopped."""
    desk = desk_of(request)
    concern = request.query_params.get("concern", "")
    concern = concern if concern in _CONCERNS else ""
    found = await read_book(desk.folder, lambda it: Events(it).last(MOST), [])
    context = {
        "tab": "events",
        "stopped": stopped([event for _, event in found], concern),
        "guarded": desk.fleet.guard is not None,
        "concern": concern,
        "concerns": _CONCERNS,
        "shown": SHOWN,
    }
    return render(request, "guard/events.html", context)


async def _questions(desk: Desk) -> tuple[list[Question], str | None]:
    """Every question, the latest first, and why the gateway does not tell of them."""
    try:
        told = (await desk.gateway.get("/approvals"))["approvals"]
        return [question_of(it) for it in told], None
    except (GatewayDownError, GatewayRefusedError) as error:
        kept = await read_book(desk.folder, lambda it: Approvals(it).all(), ())
        return [question_of(_plain(it, desk.utc())) for it in kept], str(error)


def _plain(approval: Approval, utc: float) -> dict[str, Any]:
    told = cast("dict[str, Any]", msgspec.to_builtins(approval))
    return {**told, "state": approval.state(utc)}


ROUTES = [
    Route("/guard", waiting, methods=["GET"]),
    Route("/guard/pending.json", pending, methods=["GET"]),
    Route("/guard/answer", answer, methods=["POST"]),
    Route("/guard/runs", runs, methods=["GET"]),
    Route("/guard/runs/{task}.json", run, methods=["GET"]),
    Route("/guard/runs/{task}", run, methods=["GET"]),
    Route("/guard/stopped", events, methods=["GET"]),
]
