"""The fleet file with everything that is slow to find out: secrets and certificates."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import Fleet
from tollway.gateway.upstream import Origin
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.inspect.secretfile import read_secret

_NOT_YET = "is declared, and this gateway does not inspect traffic yet"
_UNTIL_THEN = "Take [guard] out to serve; `tollway guard test --fleet` tries its rules on a text."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked fleet. `documents` are its texts by name, `main` the name of the first; `origins`
    has one entry for each source."""

    path: Path
    fleet: Fleet
    documents: Mapping[str, str]
    main: str
    origins: Mapping[str, Origin]


def load(path: Path) -> Loaded:
    """Read a fleet file, its secrets and its certificates. Slow: not for the event loop.

    Raises:
        FaultsFound: with every fault, also those of secrets and certificates.
    """
    return load_documents(path, read_documents(path))


def load_documents(path: Path, documents: dict[str, str]) -> Loaded:
    """The same for a fleet file whose text, and that of its includes, was read already."""
    fleet = fleet_of(documents, path)
    origins: dict[str, Origin] = {}
    faults: list[Fault] = []
    if fleet.guard is not None:
        # Nobody is to believe that traffic is inspected which is not.
        faults.append(Fault(f"{path.name}: guard", _NOT_YET, _UNTIL_THEN))
    for name, source in fleet.sources.items():
        place = f"{path.name}: sources.{name}"
        secret = None
        try:
            secret = None if source.credential is None else read_secret(source.credential)
        except TollwayError as error:
            faults.append(Fault(f"{place}.credential:", str(error)))
        try:
            origins[name] = Origin.of(source, secret)
        except (OSError, ssl.SSLError) as error:
            problem = f'is "{source.ca_file}", which cannot be used: {error.strerror or error}'
            faults.append(Fault(f"{place}.ca_file", problem, "Name a PEM file."))
    if faults:
        raise FaultsFound(faults)
    return Loaded(path, fleet, documents, path.name, origins)
