"""How agents are run, as declared: frozen objects."""

from dataclasses import dataclass
from typing import Literal

from tollway.units import Bytes, Seconds

SandboxTier = Literal["ns", "vm"]
"""Namespaces of this machine's kernel, or a virtual machine with a kernel of its own."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The tier that a run takes where it names none, the least that it may take (None: any), and
    the bounds of one sandbox, as `sandbox.order.Limits` explains them. `template` is what a `vm`
    starts from."""

    tier: SandboxTier = "ns"
    require: SandboxTier | None = None
    template: str = "default"
    memory: Bytes = Bytes(2 << 30)
    processes: int = 512
    open_files: int = 4096
    disk: Bytes = Bytes(1 << 30)
    inodes: int = 100_000
    output: Bytes = Bytes(64 << 20)
    time: Seconds = Seconds(3600.0)
    grace: Seconds = Seconds(5.0)
    cpus: float = 1.0
    kept: Bytes = Bytes(256 << 20)
    kept_files: int = 10_000
    connections: int = 64
