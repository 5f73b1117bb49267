"""The proxy's own socket, for its owner: doors for one task each, and a task's certificate."""

import socket
from pathlib import Path

import msgspec

from tollway.egress.server import EgressProxy, TaskDoor
from tollway.errors import TollwayError
from tollway.gateway.doors import EGRESS_SOCKET, Doors, DoorWish, Told, checked, nobody_answers
from tollway.gateway.log import Log
from tollway.ledger.guarded.tasks import Task, Tasks

_LONGEST = 64 * 1024
_PATIENCE = 10.0


class Doorkeeper:
    """Opens the doors of a proxy."""

    def __init__(self, proxy: EgressProxy) -> None:
        self._proxy = proxy

    async def pem(self, task: Task) -> str:
        """The certificate that a task is to trust."""
        return (await self._proxy.house.authority(task)).pem

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> TaskDoor:
        """See `gateway.doors.Doorkeeper`."""
        if tools is not None:
            raise TollwayError("A door to the proxy has no tools. Ask for it without.")
        return self._proxy.listen_for(task.id, path)


def doors(proxy: EgressProxy, tasks: Tasks, folder: Path, log: Log) -> Doors:
    """The doors of a proxy whose state is in `folder`."""
    keeper = Doorkeeper(proxy)
    return Doors(folder / EGRESS_SOCKET, keeper, tasks.find, proxy.house.utc, log)


def task_ca(folder: Path, task: str) -> str:
    """The certificate, in PEM, that a task is to trust, from the running proxy of a state folder.

    Raises:
        TollwayError: no proxy runs there, or the task does not live.
    """
    return _ask(folder / EGRESS_SOCKET, DoorWish("ca", task)).pem


def _ask(path: Path, wish: DoorWish) -> Told:
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(str(path))
            asking.sendall(msgspec.json.encode(wish) + b"\n")
            with asking.makefile("rb") as answer:
                line = answer.readline(_LONGEST)
    except OSError:
        raise nobody_answers(path) from None
    return checked(path, line)
