"""The fleet file with everything that is slow to find out: secrets, certificates, the guard."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tollway.broker.vault import Vault
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import Fleet
from tollway.gateway.upstream import Origin
from tollway.guard.inspection import Guard
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.inspect.guardfiles import guard_of
from tollway.inspect.lockfile import goes_by_lock, locked, with_lock
from tollway.inspect.secretfile import read_secret
from tollway.pins.serving import RoutePins, pins_of


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked fleet. `documents` are its texts by name, `main` the name of the first; `origins`
    has one entry for each source; `folder` is where its state is; `guard` is None where nothing is
    to be inspected; `pins` has an entry for each route that goes by the lock, whose models are one
    of the documents."""

    path: Path
    fleet: Fleet
    documents: Mapping[str, str]
    main: str
    origins: Mapping[str, Origin]
    folder: Path
    guard: Guard | None = None
    pins: Mapping[str, RoutePins] = field(default_factory=dict[str, RoutePins])


def load(path: Path, folder: Path) -> Loaded:
    """Read a fleet file whose state is in `folder`, its secrets, its certificates, and what its
    guard needs. Slow: not for the event loop.

    Raises:
        FaultsFound: with every fault, also those of secrets and certificates.
    """
    return load_documents(path, folder, with_lock(read_documents(path), path))


def load_documents(path: Path, folder: Path, documents: dict[str, str]) -> Loaded:
    """The same for a fleet file whose text, and that of its includes, was read already."""
    fleet = fleet_of(documents, path)
    origins: dict[str, Origin] = {}
    faults: list[Fault] = []
    secrets: dict[str, str | bytes] = {}
    for name, source in fleet.sources.items():
        place = f"{path.name}: sources.{name}"
        secret = None
        try:
            secret = None if source.credential is None else read_secret(source.credential)
        except TollwayError as error:
            faults.append(Fault(f"{place}.credential:", str(error)))
        if secret is not None:
            secrets[name] = secret
        try:
            origins[name] = Origin.of(source, secret)
        except (OSError, ssl.SSLError) as error:
            problem = f'is "{source.ca_file}", which cannot be used: {error.strerror or error}'
            faults.append(Fault(f"{place}.ca_file", problem, "Name a PEM file."))
    pins: Mapping[str, RoutePins] = {}
    if goes_by_lock(fleet):
        try:
            pins = pins_of(fleet, locked(fleet, documents, path.name))
        except FaultsFound as found:
            faults += found.faults
    guard: Guard | None = None
    if fleet.guard is not None:
        try:
            if fleet.secrets:  # what the broker keeps is not for models either
                secrets |= Vault(folder, os.environ).open()
            guard = guard_of(fleet.guard, path, folder, secrets)
        except FaultsFound as found:
            faults += found.faults
        except TollwayError as error:
            faults.append(Fault(f"{path.name}: secrets:", str(error)))
    if faults:
        raise FaultsFound(faults)
    return Loaded(path, fleet, documents, path.name, origins, folder, guard, pins)
