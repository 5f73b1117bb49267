"""What the tier `vm` needs on this machine, and what of it is there."""

import asyncio
import os
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.check import Check
from tollway.sandbox.vm import template
from tollway.sandbox.vm.machine import PROGRAM, kvm_opens
from tollway.sandbox.vm.template import Template
from tollway.sandbox.vm.tools import found, ran

_PROGRAMS = (
    (PROGRAM, "qemu-system-x86", "runs the machines"),
    ("bwrap", "bubblewrap", "confines QEMU"),
    ("apt-get", "apt", "fetches what a template is made of"),
    ("dpkg-deb", "dpkg", "unpacks it"),
    ("mke2fs", "e2fsprogs", "makes its root image"),
)


def checks(folder: Path, name: str = template.DEFAULT) -> list[Check]:
    """Every check, in the order in which to mend. Reads a template's every byte."""
    programs = [_program(*it) for it in _PROGRAMS]
    return [_processor(), *programs, *_confining(), *_of_template(folder, name)]


def _processor() -> Check:
    machine = os.uname().machine
    mend = "Only x86_64 can run it; the tier ns runs on others."
    return Check("processor", machine == "x86_64", machine, mend)


def _program(program: str, package: str, what_for: str) -> Check:
    where = found(program)
    words = f"{where}: {what_for}" if where else f"not installed: it {what_for}"
    return Check(program, where is not None, words, f"apt-get install {package}", package)


def _confining() -> list[Check]:
    bwrap = found("bwrap")
    if bwrap is None:
        return []
    argv = (bwrap, "--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "/bin/true")
    mend = "Allow unprivileged user namespaces on this machine: they are switched off."
    try:
        asyncio.run(ran(argv, ""))
    except TollwayError as error:
        return [Check("namespaces", False, str(error), mend)]
    return [Check("namespaces", True, "bubblewrap can make all of them", mend)]


def _of_template(folder: Path, name: str) -> list[Check]:
    try:
        made = template.find(folder, name)
    except TollwayError as error:
        missing = Check(f"template {name}", False, str(error), "tollway sandbox build")
        return [missing, _kvm(None)]
    changed = template.whole(made)
    mib = made.size() >> 20
    words = (
        changed
        or f"{made.manifest.digest[:12]}, whole, {mib} MiB, {made.memory >> 20} MiB of memory"
    )
    return [
        Check(f"template {name}", not changed, words, "tollway sandbox build --again"),
        _kvm(made),
    ]


def _kvm(made: Template | None) -> Check:
    mend = "Without it machines are emulated: ten times slower, and a weaker wall."
    if made is not None and made.accelerator() == "kvm":
        return Check("kvm", True, "booted a guest in this boot of the machine", needed=False)
    if not kvm_opens():
        return Check("kvm", False, "/dev/kvm cannot be opened", mend, needed=False)
    if made is None:
        words = "/dev/kvm opens, which proves nothing; a build tries it"
    elif made.manifest.probe.boot_id == template.boot_id():
        words = f"/dev/kvm opens, but no guest boots: {made.manifest.probe.words}"
    else:
        words = "not tried since this machine was booted"
        mend = "tollway sandbox build tries it"
    return Check("kvm", False, words, mend, needed=False)
