"""One QEMU: what it is made of, confined as far as it can be, and gone with whoever started it.

Rules
1. It has no network card, no display, no USB, one disk that nobody writes and one serial port.
2. QEMU itself runs in namespaces of its own, without network, with nothing to write and nothing to
   read but programs of the host and its template; it may start no process.
3. It ends when this process does, however this process ends.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tollway.errors import TollwayError
from tollway.sandbox.vm.qmp import Qmp
from tollway.sandbox.vm.tools import needed
from tollway.units import Bytes, Seconds

Accelerator = Literal["tcg", "kvm"]
PROGRAM = "qemu-system-x86_64"
CODE_CACHE_MIB = 64
"""Of translated code, under TCG: QEMU's own default is up to 1 GiB a machine."""
_APPEND = "panic=-1 quiet loglevel=3 mitigations=off lsm=yama audit=0"
"""Mitigations guard a kernel's secrets from its programs; this kernel has none to guard, and the
guest's own walls are not what a host relies on."""
_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
_SETTLING: Seconds = Seconds(0.2)
"""For what the kernel still does after the guest's last step."""
_ENDING: Seconds = Seconds(10.0)
"""For the kernel to take a killed QEMU's memory back; milliseconds are enough."""
_SAVED = ("completed", "failed", "cancelled")
_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Shape:
    """What must be the same when a template is made and when it is restored."""

    memory: Bytes
    accelerator: Accelerator
    network: bool = False
    """A card with user networking: only in tests, which show what its absence is worth."""


class Machine:
    """A QEMU that runs. `port` is the near end of the guest's only port."""

    def __init__(self, process: asyncio.subprocess.Process, qmp: Qmp, port: socket.socket) -> None:
        self._process, self.qmp, self.port = process, qmp, port
        self._words = asyncio.create_task(_last_words(process.stderr))

    async def booted(self) -> None:
        """Wait for the guest's first words. The port stays open: it is part of the state.

        Raises:
            TollwayError: QEMU has ended.
        """
        heard = b""
        while b'"waiting"}' not in heard:
            data = await asyncio.get_running_loop().sock_recv(self.port, 4096)
            if not data:
                raise TollwayError(await self.ended_early())
            heard += data
        await asyncio.sleep(_SETTLING)

    async def resume(self, state: Path) -> None:
        """Load a state that was saved and let it go on.

        Raises:
            TollwayError: QEMU does not take it.
        """
        try:
            with state.open("rb") as file:
                await self.qmp.tell("getfd", descriptor=file.fileno(), fdname="state")
                await self.qmp.tell("migrate-incoming", uri="fd:state")
            while (await self.qmp.tell("query-status"))["status"] == "inmigrate":  # noqa: ASYNC110  # QEMU's
                await asyncio.sleep(0.002)  # the loading is QEMU's
            await self.qmp.tell("cont")
        except EOFError:
            mend = "`tollway sandbox build --again` makes the template anew for this QEMU."
            raise TollwayError(f"{await self.ended_early()} {mend}") from None

    async def save(self, state: Path) -> None:
        """Stop and write the whole state to a file.

        Raises:
            TollwayError: it cannot be written.
        """
        try:
            await self.qmp.tell("stop")
            await self.qmp.tell("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
            with state.open("wb") as file:
                await self.qmp.tell("getfd", descriptor=file.fileno(), fdname="state")
                await self.qmp.tell("migrate", uri="fd:state")
                while (found := await self.qmp.tell("query-migrate"))["status"] not in _SAVED:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)  # the saving is QEMU's
        except EOFError:
            raise TollwayError(await self.ended_early()) from None
        if found["status"] != "completed":
            raise TollwayError(
                f"sandbox build: the snapshot was not written: {found.get('error-desc', found)}. "
                "Is the disk full?"
            )

    async def ended_early(self) -> str:
        """Words for a QEMU that ended by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.shield(self._words)
        words = self._words.result() if self._words.done() else ""
        return f"sandbox: QEMU ended by itself: {words or 'without a word'}."

    async def close(self) -> None:
        """End it; afterwards it is gone, memory and all. Idempotent."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                await self.qmp.gone()
        self._words.cancel()
        self.port.close()
        self.qmp.close()


async def start(folder: Path, shape: Shape, *, waiting: bool) -> Machine:
    """Start QEMU on the files of a template; `waiting` for a state, else booting.

    Raises:
        TollwayError: QEMU or bubblewrap is not there, or does not run.
    """
    program = needed(PROGRAM, "qemu-system-x86")
    with ExitStack() as theirs:
        control, its_control = socket.socketpair()
        port, its_port = socket.socketpair()
        descriptors = [theirs.enter_context(it).fileno() for it in (its_control, its_port)]
        argv = [*_confined(folder, shape), str(program), *_machine(folder, shape, *descriptors)]
        process = await asyncio.create_subprocess_exec(
            *argv,
            *(("-incoming", "defer") if waiting else ()),
            pass_fds=descriptors,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    port.setblocking(False)
    machine = Machine(process, Qmp(control), port)
    try:
        await machine.qmp.begin()
    except EOFError:
        words = await machine.ended_early()
        await machine.close()
        raise TollwayError(words) from None
    except BaseException:
        await machine.close()
        raise
    return machine


def _confined(folder: Path, shape: Shape) -> Iterator[str]:
    yield from (str(needed("bwrap", "bubblewrap")), "--unshare-all", "--die-with-parent")
    yield from ("--new-session", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr")
    for name in ("bin", "sbin", "lib", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for device in ("/dev/null", "/dev/urandom"):
        yield from ("--dev-bind", device, device)
    yield from ("--proc", "/proc")
    if shape.accelerator == "kvm":
        yield from ("--dev-bind", "/dev/kvm", "/dev/kvm")
    if shape.network:
        yield "--share-net"
    yield from ("--ro-bind", str(folder), "/template", "--remount-ro", "/", "--")


def _machine(folder: Path, shape: Shape, control: int, port: int) -> Iterator[str]:
    yield from ("-M", "pc,usb=off,vmport=off,graphics=off", "-nodefaults", "-no-user-config")
    if shape.accelerator == "kvm":
        yield from ("-accel", "kvm", "-cpu", "host")
    else:
        yield from ("-accel", f"tcg,tb-size={CODE_CACHE_MIB}", "-cpu", "max")
    yield from ("-m", f"{shape.memory >> 20}M", "-smp", "1", "-display", "none", "-no-reboot")
    yield from ("-kernel", "/template/kernel", "-initrd", "/template/initramfs", "-append", _APPEND)
    disk = "file=/template/root.img,if=none,id=root,format=raw,readonly=on"
    yield from ("-drive", disk, "-device", "virtio-blk-pci,drive=root")
    yield from ("-device", "virtio-serial-pci,max_ports=2")
    yield from ("-chardev", f"socket,id=port,fd={port}", "-device", "virtserialport,chardev=port")
    yield from (
        "-chardev",
        f"socket,id=control,fd={control}",
        "-mon",
        "chardev=control,mode=control",
    )
    if shape.network:
        yield from ("-nic", "user,model=virtio-net-pci")
    else:
        yield from ("-nic", "none")
    yield from ("-sandbox", _SANDBOX)


async def _last_words(source: asyncio.StreamReader | None) -> str:
    """The first of what QEMU complains about, printable; all of it is read, so it never waits."""
    said = b""
    while source is not None and (data := await source.read(4096)):
        said = (said + data)[:_WORDS]
    text = " ".join(said.decode(errors="replace").split())
    return "".join(it if it.isprintable() else "?" for it in text)


def kvm_opens() -> bool:
    """Whether /dev/kvm can be opened. That proves nothing yet."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True
