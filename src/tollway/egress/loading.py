"""What the proxy needs, from a fleet file and a state folder: all of it, or why not."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tollway.broker.broker import Broker
from tollway.egress.inspection import Means
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.egressing import EgressSettings
from tollway.fleet.objects import Fleet
from tollway.guard.event import SecurityEvent
from tollway.guard.fingerprint import Document, read
from tollway.guard.inspection import Guard
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.tasks import Tasks

_SALT = "guard.salt"


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
    documents: tuple[Document, ...] = ()
    salt = b""
    if fleet.guard.fingerprints is not None:
        named = path.absolute().parent / fleet.guard.fingerprints
        try:
            documents = read(named.read_bytes())
            salt = (folder / _SALT).read_bytes()
        except OSError as error:
            why = (error.strerror or "no reason given").lower()
            raise TollwayError(
                f"{error.filename}: cannot be read: {why}. Register documents with "
                "`tollway guard fingerprint`, or take guard.fingerprints out."
            ) from None
    known = broker.values() if broker.uses else {}
    return Guard(fleet.guard, known, documents, salt)


def from_environment(state: str | None, path: Path) -> Path:
    """The state folder: the one named, else the fleet file's own folder."""
    from tollway.ledger.state import make_state_folder, state_folder

    if state is None:
        return path.absolute().parent
    return make_state_folder(state_folder(state, os.environ))
