"""Debian packages for a guest: resolved by apt from nothing, fetched and verified, unpacked.

Rules
1. apt resolves as for a machine that has no package at all, so that what a guest holds does not
   depend on what the host holds; and apt verifies what it fetches, by the keys of this machine.
2. No maintainer script runs: packages are unpacked, not installed.
"""

import asyncio
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.vm.tools import needed, ran

BASE = (
    "bash", "coreutils", "dash", "diffutils", "findutils", "grep", "gzip", "procps", "python3",
    "sed", "tar", "usr-is-merged",
)  # fmt: skip
"""What every guest has."""
_NEVER = ("dpkg", "debconf", "cdebconf", "perl-base", "adduser", "passwd", "init-system-helpers")
"""Dependencies that only maintainer scripts need; left out where nobody names them."""
_LEFT_OUT = tuple(
    f"usr/share/{it}/" for it in ("doc", "man", "info", "locale", "lintian", "bug", "doc-base")
)
"""Where a package has what nobody reads in a guest."""
MERGED = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")
"""Folders of the root that are links into /usr."""
KERNEL = "linux-image-cloud-amd64"
_NOTHING = (
    "-qq", "-o", "Dir::State::status=/dev/null", "-o", "Dir::State::extended_states=/dev/null",
    "-o", "Debug::NoLocking=1",
)  # fmt: skip
_MEND = "`apt-get update` as root refreshes the lists of packages."
_INST = re.compile(r"^Inst (\S+) \((\S+) ")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A Debian package in the version that apt chose."""

    name: str
    version: str


async def resolved(names: Sequence[str]) -> tuple[Package, ...]:
    """These packages with all that they depend on, sorted.

    Raises:
        TollwayError: no apt, no such package, no lists.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise TollwayError(
                f'sandbox build: --package "{name[:60]}" is not the name of a Debian package.'
            )
    apt = needed("apt-get", "apt").as_posix()
    options = ("-s", "-y", "--no-install-recommends", "install")
    said = await ran((apt, *_NOTHING, *options, *names), _MEND)
    rows = [match.groups() for line in said.splitlines() if (match := _INST.match(line))]
    return tuple(sorted(Package(name, version) for name, version in rows if _wanted(name, names)))


def _wanted(name: str, asked: Sequence[str]) -> bool:
    return name in asked or name not in _NEVER


async def kernel() -> Package:
    """The kernel's package itself: the one that the cloud kernel's name stands for.

    Raises:
        TollwayError: no apt, or no such package (another architecture, say).
    """
    said = await ran((needed("apt-cache", "apt"), "depends", "--important", KERNEL), _MEND)
    names = re.findall(r"Depends: (linux-image-\S+)", said)
    if not names:
        raise TollwayError(f"sandbox build: apt knows no {KERNEL}. {_MEND}")
    shown = await ran((needed("apt-cache", "apt"), "show", "--no-all-versions", names[0]), _MEND)
    version = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
    if version is None:
        raise TollwayError(f"sandbox build: apt shows no version of {names[0]}. {_MEND}")
    return Package(names[0], version[1])


async def fetched(packages: Sequence[Package], cache: Path) -> dict[Package, Path]:
    """The packages' files, from the cache or fetched into it.

    Raises:
        TollwayError: one cannot be fetched.
    """
    await asyncio.to_thread(cache.mkdir, parents=True, exist_ok=True)
    missing = [it for it in packages if _file(it, cache) is None]
    if missing:
        apt = needed("apt-get", "apt").as_posix()
        asked = [f"{it.name}={it.version}" for it in missing]
        mend = f"Is the mirror within reach? {_MEND}"
        await ran((apt, "-qq", "download", *asked), mend, folder=cache)
    files = {it: _file(it, cache) for it in packages}
    lost = [it.name for it, file in files.items() if file is None]
    if lost:
        raise TollwayError(f"sandbox build: apt did not fetch {', '.join(lost)}. {_MEND}")
    return {it: file for it, file in files.items() if file is not None}


def _file(package: Package, cache: Path) -> Path | None:
    version = package.version.replace(":", "%3a")
    return next(iter(sorted(cache.glob(f"{package.name}_{version}_*.deb"))), None)


def unpack(deb: Path, root: Path) -> None:
    """Unpack a package into a root with one /usr: files, folders and links. Blocking.

    Raises:
        TollwayError: it is no package.
        OSError: the disk is full, say.
    """
    argv = (str(needed("dpkg-deb", "dpkg")), "--fsys-tarfile", str(deb))
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:  # noqa: S603  # no shell
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    _place(archive, member, root)
        except tarfile.TarError as error:
            raise TollwayError(f"{deb}: is no Debian package: {error}. Remove it.") from error


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    name = member.name.removeprefix("./").rstrip("/")
    if name.split("/", 1)[0] in MERGED:
        name = f"usr/{name}"
    plain = member.isreg() or member.issym() or member.islnk()
    if not name or not plain or name.startswith(_LEFT_OUT) or ".." in Path(name).parts:
        return
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        linked = member.linkname.removeprefix("./")
        merged = linked.split("/", 1)[0] in MERGED
        target.hardlink_to(root / (f"usr/{linked}" if merged else linked))
    else:
        with target.open("wb") as file:
            if source := archive.extractfile(member):
                shutil.copyfileobj(source, file)
        target.chmod(0o755 if member.mode & 0o111 else 0o644)
