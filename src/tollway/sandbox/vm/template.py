"""Templates: a folder each, named by the digest of what went into it, with a manifest of its files.

Rules
1. A template is there whole or not at all: it is made aside and renamed.
2. A template whose files are not those of its manifest is refused: sizes and times are looked at
   before every use, every byte when a doctor looks.
3. KVM is used only where this very boot of the machine has been seen to boot a guest with it.
"""

import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from tollway.errors import TollwayError, did_you_mean
from tollway.sandbox.vm.machine import Accelerator
from tollway.units import Bytes

FORMAT = 1
"""Of a template; another Tollway may need another."""
MANIFEST = "manifest.json"
KERNEL, INITRAMFS, ROOT = "kernel", "initramfs", "root.img"
DEFAULT = "default"
_BUILD = "`tollway sandbox build` makes it."


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Whether KVM booted a guest, in which boot of this machine and by which QEMU."""

    boots: bool
    words: str
    boot_id: str
    qemu: str


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a template as it was made. `changed` is its mtime in nanoseconds."""

    size: int
    changed: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a template is: `digest` of the inputs, Debian's `packages` and `python`'s by name."""

    format: int
    digest: str
    memory: int
    kernel: str
    packages: dict[str, str]
    python: dict[str, str]
    qemu: str
    files: dict[str, File]
    probe: Probe
    seconds: float


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template that is there."""

    folder: Path
    manifest: Manifest

    @property
    def memory(self) -> Bytes:
        """The memory of its machine."""
        return Bytes(self.manifest.memory)

    def accelerator(self) -> Accelerator:
        """What is used here and now."""
        probe = self.manifest.probe
        here = probe.boot_id == boot_id() and probe.qemu == self.manifest.qemu
        return "kvm" if probe.boots and here else "tcg"

    def state(self, accelerator: Accelerator) -> Path:
        """The snapshot's file."""
        return self.folder / f"state.{accelerator}"

    def size(self) -> Bytes:
        """Of all its files."""
        return Bytes(sum(it.size for it in self.manifest.files.values()))


def folder_of_templates() -> Path:
    """$TOLLWAY_SANDBOX, else below the user's cache."""
    named = os.environ.get("TOLLWAY_SANDBOX")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tollway" / "sandbox"


def find(folder: Path, name: str = DEFAULT) -> Template:
    """The template of a name, its files looked at by size and time.

    Raises:
        TollwayError: there is none, or it was changed.
    """
    link = folder / "names" / name
    if not link.is_symlink():
        known = sorted(it.name for it in (folder / "names").glob("*"))
        hint = did_you_mean(name, known)
        words = f'sandbox: no template "{name}" in {folder}.'
        raise TollwayError(f"{words} {hint or _BUILD}")
    template = read(link.resolve())
    for file, made in template.manifest.files.items():
        try:
            found = (template.folder / file).stat()
        except OSError:
            raise TollwayError(_changed(template, file)) from None
        if (found.st_size, found.st_mtime_ns) != (made.size, made.changed):
            raise TollwayError(_changed(template, file))
    return template


def read(folder: Path) -> Template:
    """The template in a folder, by its manifest.

    Raises:
        TollwayError: it has none that can be read.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise TollwayError(f"sandbox: {folder} holds no template: {error}. {_BUILD}") from None
    if manifest.format != FORMAT:
        raise TollwayError(f"sandbox: {folder} was made by another Tollway. {_BUILD}")
    return Template(folder=folder, manifest=manifest)


def whole(template: Template) -> str:
    """What is not as it was made, by every byte; empty where nothing is."""
    for name, made in template.manifest.files.items():
        try:
            if digest_of(template.folder / name) != made.sha256:
                return _changed(template, name)
        except OSError:
            return _changed(template, name)
    return ""


def _changed(template: Template, file: str) -> str:
    return (
        f"sandbox: {template.folder / file} is not as it was made. "
        "`tollway sandbox build --again` makes the template anew."
    )


def listed(folder: Path) -> list[tuple[Template, list[str]]]:
    """Every template, with its names; what cannot be read is left out."""
    names: dict[Path, list[str]] = {}
    for link in sorted((folder / "names").glob("*")):
        names.setdefault(link.resolve(), []).append(link.name)
    found: list[tuple[Template, list[str]]] = []
    for manifest in sorted((folder / "templates").glob(f"*/{MANIFEST}")):
        try:
            template = read(manifest.parent)
        except TollwayError:
            continue
        found.append((template, names.get(manifest.parent.resolve(), [])))
    return found


def named(folder: Path, name: str, template: Path) -> None:
    """Let a name stand for a template, from one moment to the next."""
    names = folder / "names"
    names.mkdir(parents=True, exist_ok=True)
    aside = names / f".{name}.{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(os.path.relpath(template, names))
    aside.replace(names / name)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one that makes or removes templates; waits for the others. What builds that were
    killed have left behind is removed."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in (folder / "templates").glob(".build-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def pruned(folder: Path) -> None:
    """Remove templates that no name stands for. A machine that runs on one goes on."""
    for template, names in listed(folder):
        if not names:
            shutil.rmtree(template.folder, ignore_errors=True)


def removed(folder: Path, name: str) -> Bytes:
    """Remove a name and, where it was the last one, its template; how much that frees.

    Raises:
        TollwayError: there is no such name.
    """
    link = folder / "names" / name
    if not link.is_symlink():
        find(folder, name)
    target = link.resolve()
    link.unlink()
    if any(it.resolve() == target for it in (folder / "names").glob("*")):
        return Bytes(0)
    size = sum(it.stat().st_size for it in target.glob("*")) if target.is_dir() else 0
    shutil.rmtree(target, ignore_errors=True)
    return Bytes(size)


def digest_of(file: Path) -> str:
    """SHA-256 of a file, hex."""
    found = sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def described(file: Path) -> File:
    """A file as it is now."""
    found = file.stat()
    return File(size=found.st_size, changed=found.st_mtime_ns, sha256=digest_of(file))


def boot_id() -> str:
    """Which boot of this machine it is."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip() if path.exists() else platform.node()
