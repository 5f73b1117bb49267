"""What the running gateway is asked over its admin socket, by this machine's other processes."""

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tollway.errors import TollwayError

if TYPE_CHECKING:
    from tollway.gateway.offer import Offer

_PATIENCE = 5.0


class RefusedError(TollwayError):
    """The gateway does not do it; the text says why, `code` in a word."""

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


class Said(msgspec.Struct, frozen=True):
    """The part of GET /status that the commands use. `why` is why it is not ready, or None."""

    ready: bool
    why: str | None
    fleet: str
    digest: str
    live: int


def order(path: Path, what: str, body: object, patience: float = 30.0) -> dict[str, Any]:
    """POST `body` as JSON to `what`; gives the answer.

    Raises:
        TollwayError: nobody answers, or the gateway refuses; the text says why.
    """
    return _said(path, "POST", what, msgspec.json.encode(body), patience)


def ask(path: Path, what: str, patience: float = _PATIENCE) -> dict[str, Any]:
    """GET `what`; gives the answer. Raises as `order`."""
    return _said(path, "GET", what, None, patience)


def _said(path: Path, method: str, what: str, body: bytes | None, patience: float) -> Any:
    connection = OverSocket(path)
    connection.timeout = patience
    try:
        headers = {} if body is None else {"content-type": "application/json"}
        connection.request(method, what, body, headers)
        answer = connection.getresponse()
        said = msgspec.json.decode(answer.read(), type=dict[str, Any])
    except (FileNotFoundError, ConnectionRefusedError):  # the second, after a kill -9
        raise _nobody(path) from None
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise TollwayError(f"{path}: the gateway does not answer: {error}.") from error
    finally:
        connection.close()
    if answer.status >= 400:
        error = said.get("error", {})
        raise RefusedError(str(error.get("message", said)), str(error.get("code", "")))
    return said


def ask_source(
    path: Path, pair: str, headers: Mapping[str, str], body: object, patience: float = 600.0
) -> tuple[int, dict[str, Any]]:
    """Ask one "source:model" of a route for a chat answer; gives status and body.

    Raises:
        TollwayError: no gateway answers.
    """
    connection = OverSocket(path)
    connection.timeout = patience
    try:
        said = {**headers, "content-type": "application/json", "x-tollway-only": pair}
        connection.request("POST", "/v1/chat/completions", msgspec.json.encode(body), said)
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read(), type=dict[str, Any])
    except (FileNotFoundError, ConnectionRefusedError):  # the second, after a kill -9
        raise _nobody(path) from None
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise TollwayError(f"{path}: the gateway does not answer: {error}.") from error
    finally:
        connection.close()


def _nobody(path: Path) -> TollwayError:
    mend = "Start one (`tollway up`), or say where it runs with --state."
    return TollwayError(f"{path}: no gateway runs here. {mend}")


class OverSocket(http.client.HTTPConnection):
    """HTTP over the admin socket at `path`. `timeout` (seconds) may be set before it connects."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_offer(path: Path) -> "Offer":
    """What the running gateway says to who wants to run an agent.

    Raises:
        TollwayError: no gateway answers.
    """
    from tollway.gateway.offer import Offer

    connection = OverSocket(path)
    try:
        connection.request("GET", "/sandbox")
        return msgspec.json.decode(connection.getresponse().read(), type=Offer)
    except (FileNotFoundError, ConnectionRefusedError):
        raise _nobody(path) from None
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise TollwayError(f"{path}: the gateway does not answer: {error}.") from error
    finally:
        connection.close()


_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Where one that listens everywhere is asked."""


def ask_metrics(host: str, port: int) -> str | None:
    """The metrics of the gateway that listens there, in Prometheus' text format, over loopback: it
    tells them to this machine. None where nobody answers."""
    connection = http.client.HTTPConnection(_EVERYWHERE.get(host, host), port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return None
    finally:
        connection.close()


def ask_status(path: Path) -> Said | None:
    """The gateway's status; None where nobody answers."""
    connection = OverSocket(path)
    try:
        connection.request("GET", "/status")
        return msgspec.json.decode(connection.getresponse().read(), type=Said)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return None
    finally:
        connection.close()
