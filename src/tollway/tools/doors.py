"""Doors to tools: one task's own way to them, and to no more of them than it was opened for."""

from collections.abc import Callable
from pathlib import Path

from tollway.errors import FaultsFound, unknown
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.tools.front import Front
from tollway.tools.listening import TaskDoor
from tollway.tools.service import Service


class Doorkeeper:
    """Opens the doors of one house."""

    def __init__(
        self, front: Front, service: Service, tasks: Tasks, utc: Callable[[], float]
    ) -> None:
        self._front = front
        self._service = service
        self._tasks = tasks
        self._utc = utc

    async def pem(self, task: Task) -> str:
        """None: no TLS is spoken here."""
        return ""

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> TaskDoor:
        """See `gateway.doors.Doorkeeper`. `tools` are `server/tool` names; None is all of them.

        Raises:
            FaultsFound: with every name that the fleet file does not declare.
            TollwayError: the socket cannot be made.
        """
        known = self._service.places()
        faults = [unknown(it, known, "--allow-tool") for it in tools or () if it not in known]
        if faults:
            raise FaultsFound(faults)
        app = self._front.app(
            lambda _: self._tasks.find(task.id, self._utc()),
            None if tools is None else frozenset(tools),
        )
        return TaskDoor(app, path)
