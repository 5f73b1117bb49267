"""What all connections of a proxy share."""

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from tollway.egress.authority import Authority
from tollway.egress.defences import Defences
from tollway.egress.inspection import Inspector
from tollway.egress.messages import Caps
from tollway.egress.record import Record
from tollway.egress.resolving import Resolver
from tollway.egress.upstream import Patience
from tollway.egress.verdict import RefusedError
from tollway.fleet.egressing import EgressSettings
from tollway.gateway.log import Log
from tollway.ledger.guarded.tasks import Task
from tollway.units import Seconds

T = TypeVar("T")
_MOST_AUTHORITIES = 1024
_FOREVER = Seconds(3600.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reload changes, whole."""

    settings: EgressSettings
    inspector: Inspector
    resolver: Resolver
    trust: ssl.SSLContext


@dataclass(slots=True)
class House:
    """The proxy's state. `work` are threads for decisions, one at a time for each of them."""

    terms: Terms
    defences: Defences
    record: Record
    log: Log
    utc: Callable[[], float]
    work: ThreadPoolExecutor
    authorities: dict[str, Authority] = field(default_factory=dict[str, Authority])
    open: dict[str, int] = field(default_factory=dict[str, int])
    """Connections by task."""
    asked: dict[str, int] = field(default_factory=dict[str, int])
    """Requests by task."""
    held: int = 0
    """Bytes of bodies that are held now."""

    @property
    def settings(self) -> EgressSettings:
        return self.terms.settings

    def within(self, seconds: Seconds) -> Seconds:
        """A deadline, where deadlines hold."""
        return seconds if self.defences.bounds else _FOREVER

    def caps(self) -> Caps:
        """The most of a head."""
        if not self.defences.bounds:
            return Caps(1 << 30, 1 << 20)
        return Caps(self.settings.max_header_bytes, self.settings.max_headers)

    def patience(self) -> Patience:
        """How long each step with a host may take."""
        it = self.settings
        return Patience(it.connect_timeout, it.answer_timeout, it.body_timeout)

    async def aside(self, call: Callable[..., T], *given: object) -> T:
        """Run something that blocks, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.work, call, *given)

    def hold(self, size: int) -> None:
        """Count bytes that are held.

        Raises:
            RefusedError: there are too many already.
        """
        if self.defences.bounds and self.held + size > self.settings.max_held:
            raise RefusedError(503, "Too many bodies are arriving at once; try again in a moment.")
        self.held += size

    def count(self, task: Task) -> None:
        """Count a request, each of which is written down.

        Raises:
            RefusedError: the task has made too many: it would fill the disk.
        """
        made = self.asked.get(task.id, 0)
        if self.defences.bounds and made >= self.settings.task_requests:
            raise RefusedError(429, "The task has made all the requests that a task may make.")
        self.asked[task.id] = made + 1

    async def authority(self, task: Task) -> Authority:
        """The task's own authority, made when it is first asked for."""
        known = self.authorities.get(task.id)
        if known is None:
            self._forget_ended()
            made = await self.aside(Authority, task.id, self.utc(), task.expires)
            known = self.authorities.setdefault(task.id, made)
        return known

    def _forget_ended(self) -> None:
        if len(self.authorities) >= _MOST_AUTHORITIES:
            idle = [task for task in self.authorities if not self.open.get(task)]
            for task in idle[: len(self.authorities) - _MOST_AUTHORITIES + 1]:
                del self.authorities[task]
                self.asked.pop(task, None)
                self.terms.inspector.forget(task)
