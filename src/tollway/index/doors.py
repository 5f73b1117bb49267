"""Doors to the index: one task's own way to it, and whoever asks there is the task."""

from pathlib import Path

from tollway.errors import TollwayError
from tollway.index.front import Front
from tollway.ledger.guarded.tasks import Task
from tollway.tools.listening import TaskDoor


class Doorkeeper:
    """Opens the doors of one index."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def pem(self, task: Task) -> str:
        """None: no TLS is spoken here."""
        return ""

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> TaskDoor:
        """See `gateway.doors.Doorkeeper`."""
        if tools is not None:
            raise TollwayError("A door to the index has no tools. Ask for it without.")
        return TaskDoor(self._front.app(task), path)
