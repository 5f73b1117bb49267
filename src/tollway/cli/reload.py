"""`tollway reload`: have a running gateway read its fleet file again."""

import http.client
import os
import sys
from pathlib import Path

import msgspec

from tollway.cli.invocation import this_command
from tollway.errors import TollwayError
from tollway.gateway.admin_client import OverSocket
from tollway.ledger.state import ADMIN_SOCKET, state_folder

_PATIENCE = 30.0


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def reload(*, state: str | None = None, socket: Path | None = None, json: bool = False) -> int:
    """Have the running gateway take its changed fleet file; streams in flight go on.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    json
        Print one JSON object.
    """
    folder = state_folder(state, os.environ)
    answer = _ask(socket or folder / ADMIN_SOCKET, this_command("up", folder))
    if json:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    for fault in () if json else answer.faults:
        sys.stderr.write(f"{fault}\n")
    if not answer.ok:
        sys.stderr.write("Nothing has changed: the gateway goes on with the fleet that it has.\n")
        return 2
    if not json:
        sys.stderr.write("The gateway has taken the new fleet.\n")
        for note in answer.notes:
            sys.stderr.write(f"{note}\n")
    return 0


def _ask(path: Path, start: str) -> _Answer:
    connection = OverSocket(path)
    connection.timeout = _PATIENCE
    try:
        connection.request("POST", "/reload", headers={"content-length": "0"})
        return msgspec.json.decode(connection.getresponse().read(), type=_Answer)
    except (FileNotFoundError, ConnectionRefusedError):  # the second, after a kill -9
        mend = f"Start one (`{start}`), or say where it runs with --state."
        raise TollwayError(f"{path}: no gateway runs here. {mend}") from None
    except PermissionError as error:
        mend = "Ask as the user who started it."
        raise TollwayError(f"{path}: may not be used by this user. {mend}") from error
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise TollwayError(f"{path}: the gateway does not answer: {error}.") from error
    finally:
        connection.close()
