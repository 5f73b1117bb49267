"""pylock.toml (PEP 751), checked by `packaging`."""

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.pylock import Package as Locked
from packaging.pylock import PackageSdist, PackageWheel, Pylock, PylockValidationError

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.entries import Entries, index_of, pypi, shown, strongest
from tollway.pins.component import Artifact, Package
from tollway.pins.finding import Unaudited
from tollway.pins.packages import moment, publishers_of, size_of


def read_pylock(
    place: str, told: Mapping[str, Any]
) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """The packages of a file's table.

    Raises:
        FaultsFound: it is not what PEP 751 says.
    """
    try:
        lock = Pylock.from_dict(told)
    except PylockValidationError as error:
        at = f"{place}: {error.context}" if error.context else f"{place}:"
        mend = "Have its tool write it anew."
        raise FaultsFound([Fault(at, f"is not understood: {shown(error.message)}", mend)]) from None
    except Exception as error:  # noqa: BLE001 - a value that packaging did not foresee
        mend = "Have its tool write it anew."
        problem = f"is not understood: {shown(str(error))}"
        raise FaultsFound([Fault(f"{place}:", problem, mend)]) from None
    found = Entries()
    for locked in lock.packages:
        _take(found, locked)
    return found.result


def _take(found: Entries, locked: Locked) -> None:
    files = [*([locked.sdist] if locked.sdist else []), *(locked.wheels or [])]
    component = f"pypi:{locked.name}"
    if not files:
        kind = (
            "an archive's URL" if locked.archive else "a repository" if locked.vcs else "a folder"
        )
        found.skip(component, str(locked.version or ""), f"it comes from {kind}, not from an index")
        return
    if locked.version is None:
        found.skip(component, "version", "it names no exact version")
        return
    artifacts: list[Artifact] = []
    for file in files:
        artifact = _artifact(file)
        if artifact is None:
            found.skip(component, file.filename, "no sha256 or sha512 digest is given")
        else:
            artifacts.append(artifact)
    if not artifacts:
        return
    here = locked.marker is None or _applies(locked)
    index = index_of(locked.index) if locked.index else ""
    package = pypi(
        locked.name,
        str(locked.version),
        artifacts,
        index=index,
        publishers=publishers_of(locked.attestation_identities),
        dependencies=_dependencies(locked.dependencies),
    )
    found.add(package, here=here)


def _applies(locked: Locked) -> bool:
    try:
        return locked.marker is None or locked.marker.evaluate(
            {"extras": frozenset(), "dependency_groups": frozenset()}, context="lock_file"
        )
    except Exception:  # noqa: BLE001 - a marker that cannot be evaluated decides nothing
        return True


def _artifact(file: PackageSdist | PackageWheel) -> Artifact | None:
    digest = strongest(file.hashes)
    if digest is None:
        return None
    return Artifact(
        name=file.filename,
        digest=digest,
        size=size_of(file.size),
        uploaded=moment(file.upload_time),
    )


def _dependencies(told: Sequence[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(sorted({it["name"] for it in told or () if isinstance(it.get("name"), str)}))
