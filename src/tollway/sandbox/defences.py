"""Which defences hold. All of them, but in tests that show what an attack does without one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defences:
    """Each is one defence of a sandbox. No option and no key of a file turns any off.

    Off means for the `ns` tier, and where nothing else is said for `vm` too:
    """

    network: bool = True
    """A network namespace of its own (off: the host's network; `vm`: a NIC, user networking)."""
    processes: bool = True
    """A PID namespace and a /proc of its own (off: the host's processes are seen)."""
    ipc: bool = True
    """Namespaces of its own for System V and POSIX IPC, host name and cgroups (off: the host's)."""
    users: bool = True
    """No further user namespace, no capability (off: nested user namespaces with capabilities)."""
    syscalls: bool = True
    """The allowlist of system calls (off: every one)."""
    root: bool = True
    """A small root that cannot be written (off: the host's whole root, writable)."""
    proc: bool = True
    """Masked /proc and no /sys (off: as the kernel shows them, and the host's /sys)."""
    devices: bool = True
    """A few harmless devices (off: the host's /dev)."""
    descriptors: bool = True
    """Nothing open is inherited but the three standard streams (off: what the caller had open)."""
    terminal: bool = True
    """A session of its own, without the caller's terminal (off: the caller's)."""
    environment: bool = True
    """Only what the order says stands in the environment (off: the caller's too)."""
    memory: bool = True
    """A bound on memory."""
    counts: bool = True
    """Bounds on processes and open files."""
    disk: bool = True
    """Bounds on what is written: bytes and inodes."""
    output: bool = True
    """A bound on what is printed."""
    time: bool = True
    """An end, whatever the command does with signals."""
    channel: bool = True
    """Bounds on connections to the exits."""
    outputs: bool = True
    """Only plain files within bounds are kept, under safe names (off: links and all)."""
    teardown: bool = True
    """All that is left is killed at the end (off: only the command itself is waited for)."""
    fresh: bool = True
    """Randomness, clock and host name are a sandbox's own (`vm`; off: as in the template)."""


ALL = Defences()
