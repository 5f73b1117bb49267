"""Reads advisories in the OSV format: a folder of JSON files, a zip of them, or one file.

Rules
1. What cannot be read is named and never passed over.
"""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.pins.advisories import Advisories, canonical
from tollway.pins.component import Package, released

_LARGEST = 64 << 20
_MEND = "Name a folder, a zip or a JSON file of OSV records."


def read_advisories(path: Path, packages: Iterable[Package]) -> Advisories:
    """The advisories about packages.

    Raises:
        FaultsFound: nothing is there.
    """
    wanted = frozenset((it.kind, canonical(it.kind, released(it))) for it in packages)
    found = Advisories()
    if not path.exists():
        raise FaultsFound([Fault(f"{path}:", "is not there", _MEND)])
    try:
        for place, data in _texts(path, found):
            found.add(place, data, wanted)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        found.unread.append((str(path), f"it cannot be read: {error}"))
    return found


def _texts(path: Path, found: Advisories) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        files = sorted(path.rglob("*.json")) + sorted(path.rglob("*.zip"))
        for file in files:
            if file.suffix == ".zip":
                yield from _zipped(file, found)
            else:
                yield from _file(file, found)
    elif path.suffix == ".zip":
        yield from _zipped(path, found)
    else:
        yield from _file(path, found)


def _file(path: Path, found: Advisories) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        found.unread.append((path.name, f"it cannot be read: {error.strerror}"))
        return
    if len(data) > _LARGEST:
        found.unread.append((path.name, "it is larger than 64 MiB"))
        return
    yield path.name, data


def _zipped(path: Path, found: Advisories) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".json"):
                continue
            with archive.open(info) as file:
                data = file.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                found.unread.append((info.filename, "it is larger than 64 MiB"))
                continue
            yield info.filename, data
