"""The process that decides and books for all workers: a gateway without clients of its own."""

from dataclasses import replace
from pathlib import Path

from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log
from tollway.gateway.process import Process
from tollway.gateway.workers.hall import Hall
from tollway.gateway.workers.memory import Memory
from tollway.gateway.workers.pulse import Pulse
from tollway.inspect.fleetfile import fleet_of


def account(loaded: Loaded, folder: Path, log: Log, memory: Memory, pulse: Pulse) -> int:
    """Run the accountant until it is told to end. `loaded` is the fleet that the gateway was
    started with. Returns the exit code.

    Raises:
        TollwayError: it cannot start; the text says why.
    """
    documents = memory.documents()
    # It reaches no source, so it keeps no credential.
    loaded = replace(loaded, origins={})
    if documents is not None:
        fleet = fleet_of(documents, loaded.path)
        loaded = replace(loaded, fleet=fleet, documents=documents)
    hall = Hall(folder, memory, pulse)
    return Process(loaded, folder, log, hall, open_metrics=False).serve()
