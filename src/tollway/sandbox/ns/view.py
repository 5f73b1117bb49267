"""What a sandbox sees: bubblewrap's arguments, and the files that are made up for it.

Rules
1. The root is made up: of the host only /usr and what programs need of /etc is there, read-only.
2. Of /proc only what is known to be harmless is shown as it is. /proc/sys is read-only: who runs
   Tollway as root would else have a sandbox that sets the kernel's settings.
3. All that can be written lies in one tmpfs: `WORK`, /tmp, /dev/shm and the home.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tollway.errors import TollwayError
from tollway.sandbox.defences import Defences
from tollway.sandbox.order import GIVEN, WORK, Mount, Order
from tollway.sandbox.sources import source_of

TOP = "/sys"
"""Where bubblewrap finds what is made up, in its own mount namespace: a folder that every Linux has
and that a sandbox does not see. `/mnt` where it is to see the host's /sys."""
HOME = "/home/agent"

SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SHOWN_OF_PROC = frozenset((
    "cgroups", "cpuinfo", "filesystems", "loadavg", "meminfo", "mounts", "net", "self", "stat",
    "swaps", "sys", "sysvipc", "thread-self", "uptime", "version", "vmstat",
))  # fmt: skip
OF_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "gai.conf",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "mime.types",
    "pki/tls/certs", "pki/ca-trust/extracted", "protocols", "services", "ssl/certs", "ssl/cert.pem",
    "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""What is shown of the host's /etc. Never /etc/ssl as a whole: it has private keys."""
RESERVED = ("/", "/proc", "/sys", "/dev", GIVEN)
"""A mount may not be at or below these (`/` itself only at)."""
WHOLE = ("/run", "/etc", "/usr", "/home", "/tmp", HOME, *(f"/{each}" for each in SYSTEM))  # noqa: S108
"""A mount may not be at these: what is there has to stay."""


@dataclass(slots=True)
class View:
    """What `opening` is to make up below its folder, and bubblewrap's arguments."""

    top: str = TOP
    given: dict[str, bytes] = field(default_factory=dict[str, bytes])
    given_folders: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    folders: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    arguments: list[str] = field(default_factory=list[str])

    def say(self, *arguments: str) -> None:
        self.arguments += arguments


def view(order: Order, defences: Defences) -> View:
    """All of it.

    Raises:
        TollwayError: a mount is not possible.
    """
    seen = View(top=TOP if defences.proc else "/mnt")
    mounts = [checked(mount, order) for mount in order.mounts]
    _namespaces(seen, defences)
    _root(seen, defences)
    _etc(seen, order, [each.target for each in mounts], defences)
    _processes(seen, defences)
    _devices(seen, defences)
    _writable(seen)
    _given(seen, order)
    for mount in mounts:
        kind = "--bind" if mount.writable else "--ro-bind"
        seen.say(kind, str(mount.source), mount.target)
    if defences.root:
        seen.say("--remount-ro", "/")
    environment = dict(order.environment)
    if not defences.environment:
        environment = {**os.environ, **environment}
    for name, value in environment.items():
        seen.say("--setenv", name, value)
    seen.say("--chdir", WORK)
    return seen


def checked(mount: Mount, order: Order) -> Mount:
    """The mount with its target plain.

    Raises:
        TollwayError: the source is not there, or the target is not for mounts.
    """
    target = PurePosixPath(mount.target)
    place = f"--mount {mount.source}:{mount.target}"
    if not target.is_absolute() or ".." in target.parts or "\0" in mount.target:
        raise TollwayError(f"{place}: the target is to be an absolute path without '..'")
    plain = "/" + str(target).lstrip("/")
    below = any(target.is_relative_to(each) for each in RESERVED[1:])
    made = plain in (f"/etc/{name}" for name in _own_etc(order))
    if plain in RESERVED or plain in WHOLE or below or made:
        raise TollwayError(f"{place}: {plain} is the sandbox's own. Mount it below {WORK} or /mnt")
    source = source_of(mount)
    if any(source.is_relative_to(each) for each in RESERVED[1:4]):
        raise TollwayError(f"{place}: {source} is the kernel's. Copy what you need of it")
    at = Path(plain)
    if at.is_relative_to("/usr") and not at.exists():
        raise TollwayError(f"{place}: /usr is read-only and has no {plain}. Mount it elsewhere")
    return Mount(source, plain, mount.writable)


def _namespaces(seen: View, defences: Defences) -> None:
    seen.say("--unshare-user", "--uid", "1000", "--gid", "1000")
    if defences.ipc:
        seen.say("--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--hostname", "sandbox")
    if defences.processes:
        seen.say("--unshare-pid")
    if defences.users:
        seen.say("--disable-userns", "--cap-drop", "ALL")
    if defences.teardown:
        seen.say("--die-with-parent")
    if defences.terminal:
        seen.say("--new-session")


def _root(seen: View, defences: Defences) -> None:
    if not defences.root:
        seen.say("--bind", "/", "/")
        return
    seen.say("--ro-bind", "/usr", "/usr")
    for name in SYSTEM:
        at = Path("/", name)
        if at.is_symlink():
            seen.say("--symlink", str(at.readlink()), str(at))
        elif at.is_dir():
            seen.say("--ro-bind", str(at), str(at))
    seen.say("--dir", "/var", "--symlink", "../tmp", "/var/tmp", "--dir", "/mnt", "--dir", "/opt")  # noqa: S108


def _etc(seen: View, order: Order, targets: Iterable[str], defences: Defences) -> None:
    if not defences.root:
        return
    made = _own_etc(order)
    shown = [name for name in OF_ETC if Path("/etc", name).exists() and name not in made]
    for name in shown:
        _stub(seen, f"etc/{name}", Path("/etc", name).is_dir())
    for target in targets:
        if target.startswith("/etc/"):
            _stub(seen, target[1:], directory=False)
    seen.given |= {f"etc/{name}": text.encode() for name, text in made.items()}
    seen.say("--ro-bind", f"{seen.top}/etc", "/etc")
    for name in shown:
        seen.say("--ro-bind", f"/etc/{name}", f"/etc/{name}")


def _stub(seen: View, name: str, directory: bool) -> None:
    """Something to mount over, since what is around it can not be written."""
    if directory:
        seen.given_folders.append((name, 0o755))
    else:
        seen.given[name] = b""


def _own_etc(order: Order) -> dict[str, str]:
    return {
        "passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:1000:1000:agent:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
        "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "hostname": "sandbox\n",
        "resolv.conf": "",
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        "host.conf": "multi on\n",
        "os-release": _os_release(),
    }


def _os_release() -> str:
    at = Path("/etc/os-release")
    return at.read_text(errors="replace") if at.exists() else ""


def _processes(seen: View, defences: Defences) -> None:
    if not defences.processes:
        seen.say("--bind", "/proc", "/proc")
    else:
        seen.say("--proc", "/proc")
    if not defences.proc:
        seen.say("--bind", "/sys", "/sys")
        return
    if defences.root:
        seen.say("--dir", "/sys")
    seen.given["empty/file"] = b""
    seen.given_folders.append(("empty/folder", 0o555))
    for entry, is_folder in _of_proc():
        empty = f"{seen.top}/empty/{'folder' if is_folder else 'file'}"
        seen.say("--ro-bind", empty, f"/proc/{entry}")
    seen.say("--ro-bind", "/proc/sys", "/proc/sys")


def _of_proc() -> Iterator[tuple[str, bool]]:
    """What is masked of /proc: an entry, and whether it is a folder."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit() and entry.name not in SHOWN_OF_PROC:
                yield entry.name, entry.is_dir(follow_symlinks=False)


def _devices(seen: View, defences: Defences) -> None:
    if not defences.devices:
        seen.say("--dev-bind", "/dev", "/dev")
        return
    seen.say("--dev", "/dev", "--bind", f"{seen.top}/writable/shm", "/dev/shm")  # noqa: S108
    seen.say("--remount-ro", "/dev")


def _writable(seen: View) -> None:
    # 0755 for the home: a program that checks its keys' folder refuses more.
    seen.folders += [("workspace", 0o755), ("tmp", 0o1777), ("shm", 0o1777), ("home/agent", 0o755)]
    for name in ("workspace", "tmp", "home"):
        seen.say("--bind", f"{seen.top}/writable/{name}", f"/{name}")


def _given(seen: View, order: Order) -> None:
    name = GIVEN.rpartition("/")[2]
    seen.given_folders.append((f"run/{name}", 0o755))
    for file, content in order.files.items():
        if "/" in file or file in ("", ".", ".."):
            raise TollwayError(f"{file}: a given file is to have a plain name")
        seen.given[f"run/{name}/{file}"] = content
    seen.say("--ro-bind", f"{seen.top}/run", "/run")
