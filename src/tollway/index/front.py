"""What clients connect to: HTTP for pip, uv and npm.

Rules
1. Who asks is told by the channel: a task's own socket is the task's; the port is anybody's on this
   machine. Nothing that a client says changes that, and no header of it goes further.
2. A browser's page of elsewhere is refused: a `Host` that is not this machine.
3. Every refusal has its reason as a body that its client prints, where it prints any.
4. Nothing can be published here, and nothing asked but what installing needs.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tollway.errors import TollwayError
from tollway.fleet.quantities import is_loopback
from tollway.index.looked import bound
from tollway.index.pages import packument, simple_html, simple_json
from tollway.index.refusal import RefusedError, nowhere
from tollway.index.shelf import Proved
from tollway.index.simple import HTML_TYPE, JSON_TYPE
from tollway.index.stock import Stock, name_of
from tollway.ledger.guarded.tasks import Task
from tollway.pins.component import Ecosystem

_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?\Z")
_SHORT = "application/vnd.npm.install-v1+json"
_PAGE = {"cache-control": "no-cache", "vary": "accept", "x-content-type-options": "nosniff"}
_FILE = {"cache-control": "private, max-age=300", "x-content-type-options": "nosniff"}
_SMALL = 4 << 20
_MOST_PAGES = 8
"""Of one name: a client may call this machine by many names."""
_JSON_LAST = "application/vnd.pypi.simple.latest+json"

Answer = Callable[[Request], Awaitable[Response]]


class Front:
    """The applications of one index."""

    def __init__(self, stock: Stock, fault: Callable[[Exception], None]) -> None:
        """`fault` is told of what should not have happened."""
        self._stock = stock
        self._fault = fault

    def app(self, caller: Task | None) -> Starlette:
        """An ASGI application whose requests are those of a task, or of nobody's."""
        asked = _Asked(self._stock, caller)
        file = "{name}/{digest}/{file}"
        table: tuple[tuple[str, Ecosystem, Answer], ...] = (
            ("/pypi/simple/{name}/", "pypi", asked.project),
            ("/pypi/simple/{name}", "pypi", asked.project),
            (f"/pypi/files/{file}", "pypi", asked.file),
            (f"/pypi/held/{{why}}/{file}", "pypi", asked.file),
            ("/npm/{name:path}/-/{file}", "npm", asked.tarball),
            ("/npm/{name:path}", "npm", asked.package),
        )
        routes = [
            Route(path, _told(kind, it, self._fault), methods=["GET"]) for path, kind, it in table
        ]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        return app


class _Asked:
    """Answers one caller."""

    def __init__(self, stock: Stock, caller: Task | None) -> None:
        self._stock = stock
        self._caller = caller

    async def project(self, request: Request) -> Response:
        """A name's page, in the form that is asked for (PEP 691)."""
        said = request.path_params["name"]
        name = name_of("pypi", said)
        if said != name or not request.url.path.endswith("/"):
            up = ".." if request.url.path.endswith("/") else "."
            return Response(status_code=301, headers={"location": f"{up}/{name}/", **_PAGE})
        shown = await self._stock.shown("pypi", name, self._caller)
        kind = _wanted(request.headers.get("accept", "*/*"))
        body = shown.pages.get((kind,))
        if body is None:
            render = simple_json if kind == JSON_TYPE else simple_html
            body = shown.pages[kind,] = await asyncio.to_thread(render, shown)
        return Response(body, media_type=kind, headers=_PAGE)

    async def file(self, request: Request) -> Response:
        """A file that was listed, or its metadata."""
        said = request.path_params
        name, file = name_of("pypi", said["name"]), said["file"]
        digest = said["digest"].replace("-", ":", 1)
        if file.endswith(".metadata"):
            wheel = file.removesuffix(".metadata")
            body = await self._stock.metadata(name, wheel, digest, self._caller)
            return Response(body, media_type="application/octet-stream", headers=_FILE)
        proved = await self._stock.file("pypi", name, file, digest, self._caller)
        return await _bytes(proved)

    async def package(self, request: Request) -> Response:
        """A packument."""
        name = name_of("npm", request.path_params["name"])
        shown = await self._stock.shown("npm", name, self._caller)
        short = _SHORT in request.headers.get("accept", "")
        base, kind = f"{_base(request)}/npm", _SHORT if short else "application/json"
        body = shown.pages.get((kind, base))
        if body is None:
            body = await asyncio.to_thread(packument, shown, base, short=short)
            shown.pages[kind, base] = body
            bound(shown.pages, _MOST_PAGES)
        return Response(body, media_type=kind, headers=_PAGE)

    async def tarball(self, request: Request) -> Response:
        """A tarball."""
        said = request.path_params
        name = name_of("npm", said["name"])
        proved = await self._stock.file("npm", name, said["file"], None, self._caller)
        return await _bytes(proved)


async def _bytes(proved: Proved) -> Response:
    """A file; at once where it is small, since each piece of a larger one costs a thread's turn."""
    kind = "application/octet-stream"
    if proved.size > _SMALL:
        return FileResponse(proved.path, media_type=kind, headers=_FILE)
    body = await asyncio.to_thread(proved.path.read_bytes)
    return Response(body, media_type=kind, headers=_FILE)


def _told(kind: Ecosystem, answer: Answer, fault: Callable[[Exception], None]) -> Answer:
    """An answer, or why there is none, in words (rule 3)."""

    async def tell(request: Request) -> Response:
        try:
            _base(request)
            return await answer(request)
        except RefusedError as refused:
            return _refusal(kind, refused.status, str(refused), refused.rule)
        except TollwayError as error:  # the book: rule 1 of `pins.finding`, nothing fails open
            return _refusal(kind, 403, f"Nothing is served now: {error}", "index.broken")
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            fault(error)
            return _refusal(kind, 500, "Nothing is served: a fault of the index.", "index.fault")

    return tell


def _refusal(kind: Ecosystem, status: int, words: str, rule: str) -> Response:
    headers = {"cache-control": "no-store", "x-tollway-rule": rule}
    if kind == "npm":
        return JSONResponse({"error": words}, status, headers)
    return PlainTextResponse(words + "\n", status, headers)


def _base(request: Request) -> str:
    """Where this is, as the client calls it.

    Raises:
        RefusedError: it calls it by a name that is not this machine's (rule 2).
    """
    host = request.headers.get("host", "")
    found = _HOST.match(host)
    if found is None or not is_loopback(found[1].strip("[]")):
        raise nowhere("index", "it is reached as 127.0.0.1 or localhost alone")
    return f"http://{host}"


def _wanted(accept: str) -> str:
    """The form of a page that is liked best; HTML where all are liked the same."""
    liked: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (it.strip().lower() for it in part.split(";"))
        quality = next((it[2:] for it in parameters if it.startswith("q=")), "1")
        try:
            liked[kind] = float(quality)
        except ValueError:
            liked[kind] = 0.0
    json = max(liked.get(JSON_TYPE, 0.0), liked.get(_JSON_LAST, 0.0))
    other = max(liked.get(it, 0.0) for it in (HTML_TYPE, "text/html", "*/*"))
    return JSON_TYPE if json > other else HTML_TYPE if HTML_TYPE in liked else "text/html"
