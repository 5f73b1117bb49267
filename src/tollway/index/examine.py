"""What is in a wheel or a tarball that runs by itself.

Rules
1. Nothing is unpacked: names are read, and of a tarball its package.json.
2. What cannot be read to its end, or reads differently from its start than from its directory, is
   not believed to be harmless: ValueError.
3. A wheel's `.data` folders land beside its packages, so what lies in them counts too.
4. A tarball is read as npm does, and where readers differ what any of them finds counts: folders
   are cut off by `/` alone, nothing ends at an empty block, and each package.json is one.
"""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tollway.index.registry import scripts_of
from tollway.index.strict import read_object
from tollway.inspect.packages.one_reading import check_one_reading

MOST_MEMBERS: Final = 200_000
_MOST_BYTES = 4 << 30
_LARGEST_MANIFEST = 4 << 20
_AT_START = frozenset(("sitecustomize", "usercustomize"))


def startup_of(wheel: Path) -> tuple[str, ...]:
    """The files of a wheel that Python runs at each of its starts: `.pth` files, and the modules
    `sitecustomize` and `usercustomize`, by their paths in it.

    Raises:
        ValueError: it is no wheel that can be read whole; the text says why.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, wheel.open("rb") as raw:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise ValueError(f"it has over {MOST_MEMBERS} members")
            check_one_reading(archive, raw)
            names = [it.orig_filename for it in members]
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise ValueError(f"it is no zip archive ({str(error)[:80]})") from None
    return tuple(sorted(set(_starting(names))))


def _starting(names: list[str]) -> Iterator[str]:
    for name in names:
        parts = name.split("/")
        if "\\" in name or "\0" in name or name.startswith("/") or ".." in parts:
            raise ValueError("a member of it would be put elsewhere")
        parts = [it for it in parts if it not in ("", ".")]
        if parts and parts[0].endswith(".data") and len(parts) > 2:  # rule 3
            if parts[1] in ("purelib", "platlib"):
                parts = parts[2:]
            elif parts[1] == "data" and "site-packages" in parts:
                parts = parts[parts.index("site-packages") + 1 :]
            else:
                continue
        alone = len(parts) == 1 and parts[0].lower().endswith(".pth")
        if parts and (alone or parts[0].partition(".")[0] in _AT_START):
            yield name


def scripts_in(tarball: Path, name: str, version: str) -> tuple[str, ...]:
    """What npm runs when it installs a tarball, whatever its registry says of it.

    Raises:
        ValueError: it is no package that can be read whole, or another one; the text says why.
    """
    try:
        manifests, builds = _read(tarball)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is no gzipped tar archive ({str(error)[:80]})") from None
    if not manifests:
        raise ValueError("it has no package.json")
    found: dict[str, None] = {}
    for manifest in manifests:
        facts = read_object(manifest)
        said = (facts.get("name"), str(facts.get("version", "")).lstrip("v="))
        if said != (name, version):
            raise ValueError(f"its package.json is of {str(said[0])[:60]}@{said[1][:40]}")
        found |= dict.fromkeys(scripts_of(facts))
    return tuple(found) or (("install",) if builds else ())


def _read(tarball: Path) -> tuple[list[bytes], bool]:
    """Each package.json at its top, and whether it has a binding.gyp there, which npm builds
    unasked. npm cuts off the first folder, whatever it is called."""
    manifests: list[bytes] = []
    builds, total = False, 0
    with (
        gzip.open(tarball) as plain,
        tarfile.open(fileobj=plain, mode="r|", ignore_zeros=True) as archive,
    ):
        for count, member in enumerate(archive):
            total += member.size
            if count >= MOST_MEMBERS or total > _MOST_BYTES:
                raise ValueError("it has more in it than any package")
            inner = [it for it in member.name.split("/")[1:] if it not in ("", ".")]
            if ".." in inner:
                raise ValueError("a member of it would be put elsewhere")
            top = inner[0].lower() if len(inner) == 1 else ""  # some disks know no capitals
            builds = builds or top == "binding.gyp"
            if top != "package.json":
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or member.size > _LARGEST_MANIFEST:
                raise ValueError("its package.json is no file of a usual size")
            manifests.append(file.read())
    return manifests, builds
