"""What an operator may ask of a running gateway, over a Unix socket that only its owner can open.

Rules
1. Never over TCP: the socket's mode, 0600, is the whole authentication. Who asks a model here
   shows a key all the same: limits, budgets and the ledger hold.
2. A fleet file with faults changes nothing, and the answer lists the faults.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from tollway.gateway.client import App, ClientConnection
from tollway.gateway.http import JSON_HEADER, Refusal, Request
from tollway.gateway.surfaces import surface_of

_METHODS = {
    b"/reload": b"POST",
    b"/status": b"GET",
    b"/sandbox": b"GET",
    b"/shutdown": b"POST",
    b"/drill": b"POST",
    b"/drill/end": b"POST",
    b"/drain": b"POST",
    b"/undrain": b"POST",
    b"/live": b"GET",
    b"/drift": b"POST",
    b"/approvals": b"GET, POST",
}

_REQUESTS = b"/requests/"

Done = Callable[[Mapping[str, object] | Refusal], None]
"""Takes an answer that comes later."""


class Governed(Protocol):
    """What can be asked of the process. `reload` calls back with the faults, none when it held, and
    with notes on what it does not put into force."""

    def reload(self, done: Callable[[list[str], list[str]], None]) -> None: ...
    def status(self) -> Mapping[str, object]: ...
    def offer(self) -> object: ...
    def shutdown(self) -> None: ...

    def drill(self, order: bytes) -> Mapping[str, object]:
        """Begin a drill; raises `Refusal`."""
        ...

    def end_drill(self) -> Mapping[str, object]: ...

    def drain(self, order: bytes, done: "Done") -> None:
        """Let no new requests go to a source."""
        ...

    def undrain(self, order: bytes, done: "Done") -> None:
        """Put a source back."""
        ...

    def live(self, query: bytes) -> Mapping[str, object]:
        """What goes on; raises `Refusal`."""
        ...

    def request(self, request_id: str) -> Mapping[str, object]:
        """One request's life; raises `Refusal`."""
        ...

    def drift(self, report: bytes) -> Mapping[str, object]:
        """Take how a watched model stands; raises `Refusal`."""
        ...

    def approvals(self, order: bytes | None, done: "Done") -> None:
        """List the questions to a person, or answer one."""
        ...


class Admin:
    """The admin paths."""

    def __init__(self, governed: Governed, asking: App) -> None:
        self._governed = governed
        self._asking = asking
        self._now: dict[bytes, Callable[[bytes], object]] = {
            b"/status": lambda _body: governed.status(),
            b"/sandbox": lambda _body: governed.offer(),
            b"/drill": governed.drill,
            b"/drill/end": lambda _body: governed.end_drill(),
            b"/drift": governed.drift,
        }

    def admit(self, request: Request) -> None:
        """Judge a head: path and method."""
        if surface_of(request.path) is not None:
            self._asking.admit(request)
            return
        method = _METHODS.get(request.path)
        if request.path.startswith(_REQUESTS):
            method = b"GET"
        if method is None:
            known = ", ".join(f"{how.decode()} {path.decode()}" for path, how in _METHODS.items())
            raise Refusal(404, "not_found", f"There are {known}.")
        if request.method not in method.split(b", "):
            allow = b"allow: " + method + b"\r\n"
            raise Refusal(405, "method_not_allowed", f"Use {method.decode()}.", allow)

    def readmit(self, request: Request, first: Request) -> None:
        """Whose key it was may have changed since; the admin paths don't change."""
        if surface_of(request.path) is not None:
            self._asking.readmit(request, first)

    def start(self, connection: ClientConnection, request: Request) -> None:
        """Answer a whole request."""
        if surface_of(request.path) is not None:
            self._asking.start(connection, request)
            return
        governed, path = self._governed, request.path
        body = request.take_body()
        now = self._now.get(path)
        if now is not None:
            _answer(connection, 200, now(body))
        elif path == b"/live":
            _answer(connection, 200, governed.live(request.query))
        elif path.startswith(_REQUESTS):
            name = path[len(_REQUESTS) :].decode("ascii", "replace")
            _answer(connection, 200, governed.request(name))
        elif path == b"/shutdown":
            _answer(connection, 202, {"ok": True})
            governed.shutdown()
        else:
            self._begin(connection, request, body)

    def _begin(self, connection: ClientConnection, request: Request, body: bytes) -> None:
        """What is answered once it is done."""
        governed, path = self._governed, request.path
        if path == b"/reload":
            governed.reload(
                lambda faults, notes: _answer(
                    connection,
                    409 if faults else 200,
                    {"ok": not faults, "faults": faults, "notes": notes},
                )
            )
        elif path == b"/drain":
            governed.drain(body, lambda said: _tell(connection, said))
        elif path == b"/undrain":
            governed.undrain(body, lambda said: _tell(connection, said))
        else:
            order = body if request.method == b"POST" else None
            governed.approvals(order, lambda said: _tell(connection, said))

    def error_body(self, refusal: Refusal, request: Request | None) -> bytes:
        error = {"message": refusal.message, "code": refusal.code}
        return msgspec.json.encode({"error": error})


def _tell(connection: ClientConnection, said: Mapping[str, object] | Refusal) -> None:
    if isinstance(said, Refusal):
        connection.refuse(said)
    else:
        _answer(connection, 200, said)


def _answer(connection: ClientConnection, status: int, value: object) -> None:
    connection.respond(status, JSON_HEADER, msgspec.json.encode(value))
