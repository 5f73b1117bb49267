"""Make a template: from Debian's packages to a machine that waits, saved.

Rules
1. All or nothing: it grows in a temporary folder and is renamed at the end; whatever goes wrong,
   nothing of it is left but fetched packages.
2. The digest is of everything that goes in, so the same inputs are one template.
"""

import asyncio
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from tollway.errors import TollwayError
from tollway.sandbox.vm import debian, image, template, wheels
from tollway.sandbox.vm.machine import PROGRAM, Shape, kvm_opens, start
from tollway.sandbox.vm.template import Manifest, Probe, Template
from tollway.sandbox.vm.tools import found, needed, ran
from tollway.units import Bytes, Seconds

_BOOT_SECONDS: Seconds = Seconds(120.0)
_KVM_SECONDS: Seconds = Seconds(15.0)
"""A guest that boots under KVM does so in about two."""
_SMALLEST = Bytes(128 << 20)

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a template is to hold."""

    packages: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    memory: Bytes = Bytes(512 << 20)


async def build(
    wanted: Wanted, folder: Path, name: str, told: Told, *, again: bool = False
) -> tuple[Template, bool]:
    """Make a template, or find that it is there; whether it was made.

    Raises:
        TollwayError: it cannot be made; nothing is left of it.
    """
    _possible(wanted)
    try:
        with template.alone(folder):
            aside = Path(tempfile.mkdtemp(prefix=".build-", dir=folder / "templates"))
            try:
                made, new = await _Build(wanted, folder, aside, told).make(again=again)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            template.named(folder, name, made.folder)
            template.pruned(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return made, new


def _possible(wanted: Wanted) -> None:
    if wanted.memory < _SMALLEST:
        raise TollwayError("sandbox build: --memory is too small. A guest needs 128MiB or more.")
    if found("apt-get") is None or found("dpkg-deb") is None:
        raise TollwayError(
            "sandbox build: there is no apt-get and dpkg-deb here. Templates are made of Debian's "
            "packages: make them on Debian or Ubuntu."
        )
    for program, package in (
        ("mke2fs", "e2fsprogs"),
        ("bwrap", "bubblewrap"),
        (PROGRAM, "qemu-system-x86"),
    ):
        needed(program, package)
    if os.uname().machine != "x86_64":
        raise TollwayError(
            f"sandbox build: this machine is {os.uname().machine}; only x86_64 guests can be "
            "made. The tier ns runs here."
        )


class _Build:
    def __init__(self, wanted: Wanted, folder: Path, aside: Path, told: Told) -> None:
        self._wanted, self._folder, self._aside, self._told = wanted, folder, aside, told
        self._began = time.monotonic()
        self._packages: dict[str, str] = {}
        self._python: dict[str, str] = {}
        self._kernel = self._qemu = ""

    async def make(self, *, again: bool) -> tuple[Template, bool]:
        root, tree = self._aside / "root", self._aside / "tree"
        root.mkdir()
        tree.mkdir()
        await self._fill(root, tree)
        digest = self._digest()
        place = self._folder / "templates" / digest
        if place.is_dir():
            there = template.read(place)
            if not again and not template.whole(there):
                return await self._probed_again(there), False
            shutil.rmtree(place)
        whole = self._aside / "whole"
        whole.mkdir()
        await self._images(root, tree, whole)
        probe = await self._snapshots(whole)
        files = {it.name: template.described(it) for it in sorted(whole.iterdir())}
        manifest = Manifest(
            format=template.FORMAT,
            digest=digest,
            memory=self._wanted.memory,
            kernel=self._kernel,
            packages=self._packages,
            python=self._python,
            qemu=self._qemu,
            files=files,
            probe=probe,
            seconds=round(time.monotonic() - self._began, 1),
        )
        (whole / template.MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        whole.rename(place)
        return Template(folder=place, manifest=manifest), True

    async def _fill(self, root: Path, tree: Path) -> None:
        """Resolve, fetch and unpack."""
        self._told("Resolving packages")
        asked = tuple(dict.fromkeys((*debian.BASE, *self._wanted.packages)))
        packages = await debian.resolved(asked)
        tools = await debian.resolved(("busybox-static",))
        kernel = await debian.kernel()
        said = await ran((needed(PROGRAM, "qemu-system-x86"), "--version"), "")
        self._qemu = said.splitlines()[0]
        self._packages = {it.name: it.version for it in packages}
        self._kernel = f"{kernel.name} {kernel.version}"
        self._told(f"Fetching what is missing of {len(packages) + 2} packages")
        cache = self._folder / "packages"
        files = await debian.fetched((*packages, *tools, kernel), cache)
        self._told("Unpacking")
        image.prepare(root)
        await asyncio.to_thread(_unpack, [files[it] for it in packages], root)
        await asyncio.to_thread(_unpack, [files[it] for it in (*tools, kernel)], tree)
        if self._wanted.python:
            self._told("Fetching Python packages")
        version = next((root / "usr/lib").glob("python3.*")).name.removeprefix("python")
        self._python = await wheels.installed(self._wanted.python, root, version)

    def _digest(self) -> str:
        """Of every input, in a form that no two inputs share."""
        inputs = (
            template.FORMAT, self._wanted.memory, self._qemu, self._kernel, self._packages,
            self._python, image.recipe(),
        )  # fmt: skip
        return sha256(msgspec.json.encode(inputs, order="deterministic")).hexdigest()

    async def _images(self, root: Path, tree: Path, whole: Path) -> None:
        self._told("Compiling Python")
        image.finish(root, tree)
        await image.compile_python(root)
        self._told("Writing the root image")
        await image.root_image(root, whole / template.ROOT)
        image.copied_kernel(tree, whole / template.KERNEL)
        (whole / template.INITRAMFS).write_bytes(image.initramfs(tree / "usr/bin/busybox", tree))

    async def _snapshots(self, whole: Path) -> Probe:
        """Boot and save; under KVM too where that boots."""
        self._told("Booting the guest without KVM")
        await snapshot(whole, Shape(self._wanted.memory, "tcg"), _BOOT_SECONDS)
        return await self._probed(whole)

    async def _probed(self, whole: Path) -> Probe:
        boots, words = False, "/dev/kvm cannot be opened"
        if kvm_opens():
            self._told("Trying whether KVM boots a guest here")
            try:
                await snapshot(whole, Shape(self._wanted.memory, "kvm"), _KVM_SECONDS)
                boots, words = True, "it booted the guest"
            except TollwayError as error:
                words = str(error).removeprefix("sandbox build: ").split(". ")[0]
        now = template.boot_id()
        return Probe(boots=boots, words=words, boot_id=now, qemu=self._qemu)

    async def _probed_again(self, there: Template) -> Template:
        """The same template, probed in this boot of the machine if it was not."""
        if there.manifest.probe.boot_id == template.boot_id():
            return there
        probe = await self._probed(there.folder)
        files = {
            it.name: template.described(it)
            for it in sorted(there.folder.iterdir())
            if it.name != template.MANIFEST
        }
        manifest = msgspec.structs.replace(there.manifest, probe=probe, files=files)
        aside = self._aside / template.MANIFEST
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        aside.replace(there.folder / template.MANIFEST)
        return Template(folder=there.folder, manifest=manifest)


async def snapshot(folder: Path, shape: Shape, within: Seconds) -> None:
    """Boot the images of a folder to where the guest waits, and save that as a state there.

    Raises:
        TollwayError: it does not boot in time, or cannot be saved; then there is no state.
    """
    state = folder / f"state.{shape.accelerator}"
    machine = await start(folder, shape, waiting=False)
    try:
        async with asyncio.timeout(within):
            await machine.booted()
        await machine.save(state)
        state.chmod(0o444)
    except TimeoutError:
        state.unlink(missing_ok=True)
        raise TollwayError(
            f"sandbox build: the guest did not boot within {within:.0f} s under "
            f"{shape.accelerator}. Is the machine very busy?"
        ) from None
    except BaseException:
        state.unlink(missing_ok=True)
        raise
    finally:
        await machine.close()


def _unpack(debs: Sequence[Path], root: Path) -> None:
    for deb in debs:
        debian.unpack(deb, root)


def _unwritable(folder: Path, error: OSError) -> TollwayError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "Free some space" if full else "Make it writable"
    return TollwayError(
        f"sandbox build: {error.filename or folder}: {error.strerror}. {mend}, or name another "
        "folder by TOLLWAY_SANDBOX."
    )
