"""What is in a wheel or a tarball that runs by itself.

Rules
1. Nothing is unpacked: names are read, and of a tarball its package.json.
2. What cannot be read to its end is not believed to be harmless: ValueError.
3. A wheel's `.data` folders land beside its packages, so what lies in them counts too.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from tollway.index.registry import scripts_of
from tollway.index.strict import read_object

MOST_MEMBERS: Final = 200_000
_MOST_BYTES = 4 << 30
_LARGEST_MANIFEST = 4 << 20
_AT_START = frozenset(("sitecustomize", "usercustomize"))


def startup_of(wheel: Path) -> tuple[str, ...]:
    """The files of a wheel that Python runs at each of its starts: `.pth` files, and the modules
    `sitecustomize` and `usercustomize`, by their names.

    Raises:
        ValueError: it is no wheel that can be read whole; the text says why.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise ValueError(f"it is no zip archive ({str(error)[:80]})") from None
    if len(names) > MOST_MEMBERS:
        raise ValueError(f"it has over {MOST_MEMBERS} members")
    return tuple(sorted(set(_starting(names))))


def _starting(names: list[str]) -> Iterator[str]:
    for name in names:
        if "\\" in name or name.startswith("/") or ".." in name.split("/"):
            raise ValueError("a member of it would be put elsewhere")
        parts = PurePosixPath(name).parts
        if not parts:
            continue
        if parts[0].endswith(".data") and len(parts) > 2:  # rule 3
            if parts[1] in ("purelib", "platlib"):
                parts = parts[2:]
            elif parts[1] == "data" and "site-packages" in parts:
                parts = parts[parts.index("site-packages") + 1 :]
            else:
                continue
        alone = len(parts) == 1 and parts[0].lower().endswith(".pth")
        if parts and (alone or parts[0].partition(".")[0] in _AT_START):
            yield parts[0]


def scripts_in(tarball: Path, name: str, version: str) -> tuple[str, ...]:
    """What npm runs when it installs a tarball, whatever its registry says of it.

    Raises:
        ValueError: it is no package that can be read whole, or another one; the text says why.
    """
    try:
        manifest, builds = _read(tarball)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is no gzipped tar archive ({str(error)[:80]})") from None
    if manifest is None:
        raise ValueError("it has no package.json")
    facts = read_object(manifest)
    said = (facts.get("name"), str(facts.get("version", "")).lstrip("v="))
    if said != (name, version):
        raise ValueError(f"its package.json is of {str(said[0])[:60]}@{said[1][:40]}")
    found = scripts_of(facts)
    return found or (("install",) if builds else ())


def _read(tarball: Path) -> tuple[bytes | None, bool]:
    """Its package.json, and whether it has a binding.gyp, which npm builds unasked. npm strips the
    first folder, whatever it is called; of two members of one name the last one stays."""
    manifest: bytes | None = None
    builds, total = False, 0
    with tarfile.open(tarball, "r:gz") as archive:
        for count, member in enumerate(archive):
            total += member.size
            if count >= MOST_MEMBERS or total > _MOST_BYTES:
                raise ValueError("it has more in it than any package")
            inner = PurePosixPath(member.name).parts[1:]
            if inner == ("binding.gyp",):
                builds = True
            if inner != ("package.json",):
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or member.size > _LARGEST_MANIFEST:
                raise ValueError("its package.json is no file of a usual size")
            manifest = file.read()
    return manifest, builds
