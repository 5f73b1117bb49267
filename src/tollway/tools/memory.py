"""What the gateway knows of tasks beside the book: what was vouched for, and where values were met.

Rules
1. It is kept in memory alone. What is lost with the process is asked of a person again; marks are
   in the book, and are not lost.
2. It is bounded: what is forgotten is vouched for no more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tollway.guard.memory import Memory as Sent
from tollway.guard.tools.entity import Entity, links_in
from tollway.guard.tools.request import Request
from tollway.ledger.guarded.tasks import Task

_MOST_TASKS = 2000
_MOST_ENTITIES = 20_000
_MOST_TEXT = 200_000


@dataclass(slots=True)
class Known:
    """What is known of one task. `lock` is held from a call's judgement to its marks; `calls` are
    those that are in hand or wait."""

    request: Request | None
    calls: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sent: Sent = field(default_factory=Sent)
    vouched: set[Entity] = field(default_factory=set[Entity])
    origins: dict[Entity, str] = field(default_factory=dict[Entity, str])

    def vouch(self, found: Iterable[Entity]) -> None:
        """Believe these values from here on."""
        for one in found:
            if len(self.vouched) < _MOST_ENTITIES:
                self.vouched.add(one)

    def meet(self, texts: Iterable[str], place: str) -> None:
        """Note in which tool's answer addresses, links and accounts were met first."""
        left = _MOST_TEXT
        for text in texts:
            for _, one in links_in(text[:left]):
                if one is not None and len(self.origins) < _MOST_ENTITIES:
                    self.origins.setdefault(one, place)
            left -= len(text)
            if left <= 0:
                return


class Memory:
    """The tasks that were met since the start, the latest last."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Known] = OrderedDict()

    def of(self, task: Task) -> Known:
        """What is known of a task."""
        known = self._tasks.get(task.id)
        if known is None:
            opened = datetime.fromtimestamp(task.opened, UTC).date()
            request = None if task.request is None else Request(task.request, opened)
            known = self._tasks[task.id] = Known(request)
        self._tasks.move_to_end(task.id)
        while len(self._tasks) > _MOST_TASKS:
            oldest = next((it for it, one in self._tasks.items() if not one.lock.locked()), None)
            if oldest is None or oldest == task.id:
                break
            del self._tasks[oldest]
        return known
