"""The fleets that a worker has: the one in force, and one that is being made ready.

Rules
1. Secrets and certificates are read beside the event loop, one fleet after the other.
2. A fleet that is ready is taken at once, so that what is decided after it finds its sources.
3. What an accountant had made ready outlives it: it may have put the fleet in force and gone before
   it could say so, and then its successor's is this one, whose secrets need not be read again.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tollway.errors import FaultsFound
from tollway.gateway.loading import Loaded, load_documents
from tollway.gateway.workers.frames import Adopt, Prepare, Prepared, Welcome, Wire

Step = Welcome | Prepare | Adopt


class Fleets:
    """What one accountant has said of fleets, done in its order.

    `take` makes a fleet the one in force; `welcomed` is called when the first one is. `loaded` is
    what the worker has already, if it may still be used as it is.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        loaded: Loaded | None,
        take: Callable[[Loaded], None],
        welcomed: Callable[[Wire, Welcome], None],
    ) -> None:
        self._path = path
        self._folder = folder
        self._loaded = loaded
        self._take = take
        self._welcomed = welcomed
        self._ready: dict[int, Loaded] = {}
        self._steps: list[tuple[Wire, Step]] = []
        self._task: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self, wire: Wire, step: Step) -> None:
        """Do what the accountant says."""
        if isinstance(step, Adopt) and self._task is None and step.number in self._ready:
            self._adopt(step)
            return
        self._steps.append((wire, step))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def forget(self) -> None:
        """The accountant is gone: nothing of what it said is to be done any more (rule 3)."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._steps.clear()

    async def _run(self) -> None:
        try:
            while self._steps:
                wire, step = self._steps.pop(0)
                if isinstance(step, Welcome):
                    await self._welcome(wire, step)
                elif isinstance(step, Prepare):
                    await self._prepare(wire, step)
                else:
                    self._adopt(step)
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the worker's end
            if not self.failed.done():
                self.failed.set_exception(error)
        self._task = None

    async def _read(self, documents: dict[str, str]) -> Loaded:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, load_documents, self._path, self._folder, documents)

    async def _welcome(self, wire: Wire, step: Welcome) -> None:
        known = [one for one in (*self._ready.values(), self._loaded) if one is not None]
        same = [one for one in known if one.documents == step.documents]
        loaded = same[0] if same else await self._read(step.documents)
        self._ready.clear()
        self._loaded = loaded
        self._take(loaded)
        self._welcomed(wire, step)

    async def _prepare(self, wire: Wire, step: Prepare) -> None:
        self._ready.clear()
        faults: tuple[str, ...] = ()
        try:
            self._ready[step.number] = await self._read(step.documents)
        except FaultsFound as found:
            faults = tuple(str(fault) for fault in found.faults)
        wire.say(Prepared(step.number, faults))

    def _adopt(self, step: Adopt) -> None:
        # Without it, this worker came while all others made it ready, and could not itself.
        self._loaded = self._ready.pop(step.number)
        self._take(self._loaded)
