"""Reads a fleet file with its includes from disk.

Rules
1. An include is a path or a glob within the fleet file's folder; what leads out of it, also by a
   symbolic link, is refused, so that a shared file cannot pull in what only its reader may read.
2. A path that names no file is a fault; a glob that matches nothing is worth a warning.
3. A file is regular, UTF-8, and at most a mebibyte.
4. Names that start with a dot are matched only by patterns that write the dot.
"""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, cast

from tollway.errors import Fault, FaultsFound
from tollway.fleet.credential import Credential
from tollway.fleet.objects import Fleet, Source
from tollway.fleet.parse import parse
from tollway.fleet.pinning import LOCK
from tollway.guard.check import check_detectors
from tollway.inspect.emulable import check_emulated

LARGEST_FILE = 2**20
MOST_FILES = 500


def read_documents(path: Path | str) -> dict[str, str]:
    """Name -> text of the fleet file, first and by its file name, and of the files it includes, by
    their paths within its folder, in order.

    Raises:
        FaultsFound: a file cannot be read, or an include leads nowhere or too far.
    """
    path = Path(path)
    documents = {path.name: _read(path, str(path))}
    faults: list[Fault] = []
    folder = path.absolute().parent
    for index, pattern in enumerate(_includes(documents[path.name])):
        place = f"{path.name}: include[{index}]"
        try:
            for name, file in _matches(folder, pattern, place):
                if name not in documents and len(documents) <= MOST_FILES:
                    documents[name] = _read(file, name)
        except FaultsFound as found:
            faults.extend(found.faults)
    if len(documents) > MOST_FILES:
        mend = "Name them more narrowly."
        faults.append(Fault(f"{path.name}: include", f"matches over {MOST_FILES} files", mend))
    if faults:
        raise FaultsFound([*faults, *_other_faults(documents, path.name)])
    return documents


def read_fleet(path: Path | str) -> Fleet:
    """The fleet of a file on disk.

    Raises:
        FaultsFound: with every fault of the file and its includes.
    """
    return fleet_of(read_documents(path), path)


def fleet_of(documents: dict[str, str], path: Path | str) -> Fleet:
    """The fleet of documents as they were read from `path`, of which every emulated source can be
    emulated. Relative paths of `file:` credentials and of CA files are made absolute, from the
    file's folder.

    Raises:
        FaultsFound: with every fault of the documents.
    """
    path = Path(path)
    fleet = parse(documents, path.name, check_emulated, check_detectors)
    folder = path.absolute().parent
    sources = {name: _anchored(source, folder) for name, source in fleet.sources.items()}
    return replace(fleet, sources=MappingProxyType(sources))


def idle_includes(path: Path | str) -> list[Fault]:
    """The globs of a fleet file's `include` that match nothing; none where it cannot be read."""
    path = Path(path)
    folder = path.absolute().parent
    found: list[Fault] = []
    with suppress(FaultsFound):  # `read_documents` says what is wrong
        for index, pattern in enumerate(_includes(_read(path, str(path)))):
            place = f"{path.name}: include[{index}]"
            with suppress(FaultsFound):
                if not any(_matches(folder, pattern, place)):
                    mend = "Look for a typo, or take it out."
                    found.append(Fault(place, f'is "{pattern}", which matches no file', mend))
    return found


def _anchored(source: Source, folder: Path) -> Source:
    credential, ca_file = source.credential, source.ca_file
    if credential is not None and credential.scheme == "file":
        credential = Credential("file", str(folder / Path(credential.name).expanduser()))
    if ca_file is not None:
        ca_file = str(folder / Path(ca_file).expanduser())
    return replace(source, credential=credential, ca_file=ca_file)


def _other_faults(documents: dict[str, str], main: str) -> tuple[Fault, ...]:
    """What is wrong besides the includes; references are left out, as they may lead into a file
    that could not be read."""
    try:
        parse({**documents, "unread": "="}, main, check_emulated, check_detectors)
    except FaultsFound as found:
        return tuple(fault for fault in found.faults if fault.place != "unread")
    return ()


def _includes(text: str) -> list[str]:
    """The patterns of `include`, as far as they can be read: `parse` reports what is wrong."""
    try:
        include = tomllib.loads(text).get("include")
    except (ValueError, RecursionError):
        return []
    if not isinstance(include, list):
        return []
    patterns = cast("list[Any]", include)
    return [pattern for pattern in patterns if isinstance(pattern, str) and pattern]


def _matches(folder: Path, pattern: str, place: str) -> Iterator[tuple[str, Path]]:
    shown = f'is "{pattern}"'
    parts = PurePosixPath(pattern).parts
    if pattern.startswith("/") or ".." in parts or "\0" in pattern or not parts:
        mend = "Name files within the fleet file's folder."
        raise FaultsFound([Fault(place, f"{shown}, which leads out of the folder", mend)])
    wild = any(letter in pattern for letter in "*?[")
    try:
        found = sorted(folder.glob(pattern)) if wild else [folder / pattern]
    except (ValueError, OSError, RuntimeError) as error:
        mend = "Write a path, or a glob such as contracts/*.toml."
        raise FaultsFound([Fault(place, f"{shown}: {_reason(error)}", mend)]) from None
    inside = _resolved(folder, place)
    for file in found:
        name = file.relative_to(folder).as_posix()
        if name.endswith(LOCK):
            if wild:
                continue
            mend = "Name it as `lock` of [pins]."
            raise FaultsFound([Fault(place, f"{shown}, a lock and no fleet file", mend)])
        if wild and ((_hidden(name) and not _hidden(pattern)) or file.is_dir()):
            continue
        if not _resolved(file, place).is_relative_to(inside):
            mend = "Copy the file into the folder."
            raise FaultsFound([Fault(place, f"leads out of the folder by the link {name}", mend)])
        yield name, file


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _resolved(path: Path, place: str) -> Path:
    try:
        return path.resolve(strict=True)
    except FileNotFoundError:
        raise FaultsFound(
            [Fault(place, f'is "{path.name}", which is not there', "Write the file, or its path.")]
        ) from None
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 call a loop a RuntimeError
        fault = Fault(place, f'is "{path.name}": {_reason(error)}', "Name a file that can be read.")
        raise FaultsFound([fault]) from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)[:1].lower() + str(error)[1:].rstrip(".")


def _read(path: Path, place: str) -> str:
    """The text of a file; its place is what the user called it."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            fault = Fault(place, "is not a regular file", "Name a TOML file.")
            raise FaultsFound([fault])
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, RuntimeError, ValueError) as error:
        mend = "Name a file that can be read; `tollway init` writes a first one."
        raise FaultsFound([Fault(place, f"cannot be read: {_reason(error)}", mend)]) from None
    if len(data) > LARGEST_FILE:
        fault = Fault(place, "is larger than 1 MiB", "Split it: include files, each for one thing.")
        raise FaultsFound([fault])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = Fault(place, f"is not UTF-8 at line {line}", "Save the file as UTF-8.")
        raise FaultsFound([fault]) from None
