"""A folder of artifacts, by what they are and not by their names: locked files found in it, opened.

Rules
1. A file is an artifact of the lock where its digest is; a file of its name with another digest is
   an alarm.
2. What is not in the folder is not audited: no artifact speaks for another.
3. An sdist's build counts as an installation's where no wheel of the release is locked.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.archive import HostileArchive
from tollway.inspect.packages.artifact import Opened, opened, unlike_source
from tollway.pins.component import Package, called
from tollway.pins.finding import Finding, Unaudited

Looked = Finding | Unaudited
_OTHER = "Do not install it; find out who changed it, then run: tollway lock"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files of a folder, by digest and by name."""

    folder: Path
    by_digest: Mapping[str, Path]
    by_name: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class LookedInto:
    """A package with what its artifacts hold filled in, those artifacts, and what was wrong."""

    package: Package
    opened: Mapping[str, Opened]
    looked: tuple[Looked, ...]


def shelf_of(folder: Path) -> Shelf:
    """The files of a folder, those of its folders too.

    Raises:
        FaultsFound: it is no folder, or a file in it cannot be read.
    """
    if not folder.is_dir():
        raise FaultsFound([Fault(f"{folder}:", "is no folder", "Name the folder of artifacts.")])
    by_digest: dict[str, Path] = {}
    by_name: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            for kind in ("sha256", "sha512"):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, kind).hexdigest()
                by_digest.setdefault(f"{kind}:{digest}", path)
        except OSError as error:
            fault = Fault(f"{path}:", f"cannot be read: {error.strerror}", "Mend its rights.")
            raise FaultsFound([fault]) from None
        by_name[path.name] = path
    return Shelf(folder, by_digest, by_name)


def looked_into(package: Package, shelf: Shelf) -> LookedInto:
    """Open those artifacts of a package that are there."""
    name = called(package)
    looked: list[Looked] = []
    found: dict[str, Opened] = {}
    absent: list[str] = []
    for artifact in package.artifacts:
        path = shelf.by_digest.get(artifact.digest)
        if path is None:
            if artifact.name in shelf.by_name:
                problem = "the file of this name has another digest than the locked one"
                looked.append(Finding(name, "artifact.other-bytes", problem, _OTHER, artifact.name))
            absent.append(artifact.name)
            continue
        _open(name, path, found, looked)
    wheels = [it for it in found if it.endswith(".whl")]
    sdist = next((it for it in found.values() if it.kind == "sdist"), None)
    for wheel in wheels if sdist is not None else ():
        unlike = unlike_source(found[wheel], sdist) if sdist is not None else ()
        looked += [
            Finding(name, it.rule, it.problem, it.mend, f"{wheel}: {it.place}") for it in unlike
        ]
    if absent:
        what = f"{len(absent)} of {len(package.artifacts)} artifacts ({absent[0]}, ...)"
        what = absent[0] if len(absent) == 1 else what
        looked.append(Unaudited(name, what, "not in the folder of artifacts"))
    return LookedInto(_filled(package, found), found, tuple(looked))


def _open(name: str, path: Path, found: dict[str, Opened], looked: list[Looked]) -> None:
    try:
        content = opened(path)
    except HostileArchive as error:
        mend = "Do not install it."
        looked.append(Finding(name, "artifact.hostile-archive", str(error), mend, path.name))
        return
    except OSError as error:
        looked.append(Unaudited(name, path.name, f"it cannot be read: {error.strerror}"))
        return
    if content is None:
        looked.append(Unaudited(name, path.name, "it is of no kind that can be opened"))
        return
    found[path.name] = content
    looked.extend(
        Finding(name, it.rule, it.problem, it.mend, f"{path.name}: {it.place}".rstrip(": "))
        for it in content.oddities
    )


def _filled(package: Package, found: Mapping[str, Opened]) -> Package:
    """The package with what its artifacts run (rule 3). That they run nothing is known where all
    that count were opened."""
    has_wheel = any(it.name.endswith(".whl") for it in package.artifacts)
    counted: Sequence[Opened] = [it for it in found.values() if it.kind != "sdist" or not has_wheel]
    if not counted:
        return package
    count = sum(not has_wheel or it.name.endswith(".whl") for it in package.artifacts)
    startup = tuple(sorted({path for it in counted for path in it.startup}))
    scripts = tuple(sorted({script for it in counted for script in it.scripts}))
    whole = len(counted) == count
    return replace(
        package,
        startup=startup if whole or startup else package.startup,
        scripts=scripts if whole or scripts else package.scripts,
    )
