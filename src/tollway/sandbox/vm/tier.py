"""The tier `vm`: a machine with a kernel of its own for each task, restored from a template."""

import secrets
import time
from pathlib import Path

from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.ns import seccomp
from tollway.sandbox.order import Order, Streams, TierName
from tollway.sandbox.vm import luggage, machine, template
from tollway.sandbox.vm.box import VmBox
from tollway.sandbox.vm.machine import Accelerator, Shape
from tollway.sandbox.vm.template import Template
from tollway.sandbox.vm.tools import needed

_SEED_BYTES = 64


def tier(folder: Path, defences: Defences = ALL, *, name: str = template.DEFAULT) -> "VmTier":
    """The tier of this machine, with a template of this name.

    Raises:
        TollwayError: QEMU, bubblewrap or the template is missing or changed.
    """
    needed(machine.PROGRAM, "qemu-system-x86")
    needed("bwrap", "bubblewrap")
    return VmTier(template.find(folder, name), defences)


class VmTier:
    """See `Tier`."""

    name: TierName = "vm"

    def __init__(self, made: Template, defences: Defences) -> None:
        self.template, self._defences = made, defences
        self._accelerator: Accelerator = made.accelerator()
        # Without libseccomp the machine's own kernel is the wall, as it is anyway.
        self._calls = seccomp.filters(defences) if seccomp.available() else ()

    def isolates(self) -> tuple[str, ...]:
        """See `Tier.isolates`."""
        mib = self.template.memory >> 20
        return (
            f"Kernel: one of its own ({self.template.manifest.kernel}), in a QEMU machine without "
            "network card, USB or display, restored for this task and gone after it.",
            "Network: none in the machine; one virtio serial port is the only channel, over which "
            "only the exits of the order lead out.",
            "Files: a root that nobody writes; mounts are copies; what is written is in the "
            "machine's memory.",
            f"Memory: the machine's {mib} MiB, or the order's bound where that is less; one core.",
            "Processes, files, output, time, connections: bounds of the order, of which output, "
            "time and connections are kept outside the machine.",
            "QEMU itself: in bubblewrap's namespaces without network, with nothing to write, and "
            "with QEMU's own seccomp filter.",
            "Randomness, clock and host name: set anew for each task.",
        )

    def leaves_open(self) -> tuple[str, ...]:
        """See `Tier.leaves_open`."""
        probe = self.template.manifest.probe
        if self._accelerator == "kvm":
            first = "The hypervisor: QEMU's devices and the host's KVM are what a guest can attack."
        else:
            words = probe.words if not probe.boots else "it was not tried in this boot"
            first = (
                "The machine is emulated (TCG), since KVM boots no guest here "
                f"({words.rstrip('.')}): slow, and QEMU's security policy does not count TCG as a "
                "boundary against a hostile guest; the namespaces and the seccomp filter around "
                "QEMU then stand behind it."
            )
        return (
            first,
            "Guests of one template share what was settled when it was made: the layout of kernel "
            "addresses (KASLR) and of the guest's first program.",
            "Side channels between programs on one processor are not closed.",
        )

    def digest(self) -> str:
        """See `Tier.digest`."""
        return self.template.manifest.digest

    async def box(self, order: Order, streams: Streams) -> VmBox:
        """See `Tier.box`."""
        luggage.checked(order)
        shape = Shape(self.template.memory, self._accelerator, not self._defences.network)
        # A state fits the machine that it was saved on: one with a card is booted.
        started = await machine.start(self.template.folder, shape, waiting=not shape.network)
        box: VmBox | None = None
        try:
            if shape.network:
                await started.booted()
            else:
                await started.resume(self.template.state(self._accelerator))
            box = VmBox(started, order, streams, self._defences)
            await box.prepare(self._hello(order), self._calls)
        except BaseException:
            await (box or started).close()
            raise
        return box

    def _hello(self, order: Order) -> dict[str, object]:
        seed = secrets.token_hex(_SEED_BYTES) if self._defences.fresh else ""
        defences = {it: getattr(self._defences, it) for it in Defences.__slots__}
        return {
            "seed": seed,
            "now": time.time(),
            "name": f"task-{secrets.token_hex(4)}",
            "limits": luggage.as_limits(order.limits),
            "defences": defences,
        }
