"""What the proxy needs, from a fleet file and a state folder: all of it, or why not."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tollway.broker.broker import Broker
from tollway.egress.inspection import Means
from tollway.errors import Fault, FaultsFound
from tollway.fleet.egressing import EgressSettings
from tollway.fleet.objects import Fleet
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.inspect.fleetfile import read_fleet
from tollway.inspect.guardfiles import guard_of
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.tasks import Tasks


def load(path: Path, folder: Path, book: GuardBook, tell: Callable[[SecurityEvent], None]) -> Means:
    """Read the fleet file, the secrets' store and the registered documents. Slow: not for the
    event loop.

    Raises:
        TollwayError: something is missing or faulty; the text says what to do.
    """
    fleet = read_fleet(path)
    settings = _settings(path, fleet)
    broker = Broker(folder, fleet.secrets, book)
    guard = _guard(path, folder, fleet, broker)
    return Means(settings, broker, guard, Tasks(book), Approvals(book), tell, time.time)


def events_file(path: Path, folder: Path) -> Path | None:
    """Where security events go as OCSF; None where the file names nothing.

    Raises:
        FaultsFound: with every fault of the fleet file.
    """
    guard = read_fleet(path).guard
    return None if guard is None or guard.events is None else folder / guard.events


def _settings(path: Path, fleet: Fleet) -> EgressSettings:
    settings = fleet.egress
    if settings is None:
        problem = "declares no [egress]"
        raise FaultsFound([Fault(path.name, problem, "Write [egress] with [[egress.allow]].")])
    if settings.ca_file is None:
        return settings
    anchored = path.absolute().parent / Path(settings.ca_file).expanduser()
    return replace(settings, ca_file=str(anchored))


def _guard(path: Path, folder: Path, fleet: Fleet, broker: Broker) -> Guard | None:
    """The guard of the fleet file, which knows the broker's secrets too: one that goes out by any
    other way than its sentinel is a leak."""
    if fleet.guard is None:
        return None
    return guard_of(fleet.guard, path, folder, broker.values() if broker.uses else {})


def from_environment(state: str | None, path: Path) -> Path:
    """The state folder: the one named, else the fleet file's own folder."""
    from tollway.ledger.state import make_state_folder, state_folder

    if state is None:
        return path.absolute().parent
    return make_state_folder(state_folder(state, os.environ))
