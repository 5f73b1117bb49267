"""The process that decides and books for all workers. Its only own client is the operator."""

from dataclasses import replace
from pathlib import Path

from tollway.errors import FaultsFound
from tollway.gateway.loading import Loaded, load_documents
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
    if documents is not None:
        loaded = _again(loaded, documents, log)
    hall = Hall(folder, memory, pulse)
    return Process(loaded, folder, log, hall, open_metrics=False).serve()


def _again(loaded: Loaded, documents: dict[str, str], log: Log) -> Loaded:
    """The fleet in force. Deciding needs no credential, so one that cannot be read now stops only
    what the operator asks."""
    try:
        return load_documents(loaded.path, loaded.folder, documents)
    except FaultsFound as found:
        for fault in found.faults:
            log.say(f"the accountant cannot reach its sources: {fault}")
        fleet = fleet_of(documents, loaded.path)
        return replace(loaded, fleet=fleet, documents=documents, origins={}, guard=None)
