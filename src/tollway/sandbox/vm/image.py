"""What a guest boots from: a kernel, an initramfs and a root file system that nobody writes.

Rules
1. No step needs root. The root's files are all root's inside, without set-uid bits or devices.
2. Python is compiled when the image is made, by the image's own Python, since nobody can write
   what it compiles later.
"""

import asyncio
import os
import shutil
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from tollway.sandbox.vm import cpio, modules
from tollway.sandbox.vm.debian import MERGED
from tollway.sandbox.vm.tools import needed, ran

GUEST = "usr/lib/tollway"
"""Where the guest's own program is in the image."""
_PACKAGE = "tollway/sandbox/vm/guest"
_DISK_MEND = "Free some space, or name another folder by TOLLWAY_SANDBOX."
_EMPTY = ("dev", "home/agent", "mnt", "proc", "root", "run", "sys", "tmp", "var/tmp", "workspace")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    "agent:x:1000:1000:agent:/home/agent:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:\nagent:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/resolv.conf": "",
    "etc/machine-id": "",
    "etc/ld.so.conf": "/usr/local/lib\n/usr/lib/x86_64-linux-gnu\n",
}
_LINKS = {"usr/bin/sh": "dash", "usr/bin/awk": "mawk"}
"""What maintainer scripts would have linked."""
_INIT = """#!/busybox sh
/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /busybox insmod /modules/$module.ko; done
tries=0
until [ -b /dev/vda ] && [ -c /dev/vport?p1 ]; do
  tries=$((tries + 1)); [ $tries -gt 3000 ] && exit 1; /busybox usleep 10000
done
/busybox mount -t ext4 -o ro,noload /dev/vda /lower
/busybox mount -t tmpfs -o mode=755,size=16m over /over
/busybox mkdir /over/upper /over/work
/busybox mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work root /root
/busybox umount /dev
exec /busybox switch_root /root /usr/bin/python3 -S -B /{guest}/start.py
"""
_START = f"""import sys
sys.path.insert(0, "/{GUEST}")
from tollway.sandbox.vm.guest.main import main
main()
"""


def prepare(root: Path) -> None:
    """Give an empty root the shape that Debian's packages expect."""
    for name in (*_EMPTY, "etc", *(f"usr/{it}" for it in ("bin", "sbin", "lib", "lib64"))):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in MERGED:
        if (root / "usr" / name).is_dir():
            (root / name).symlink_to(f"usr/{name}")


def finish(root: Path, tree: Path) -> None:
    """Add what maintainer scripts would have made, and the guest's own program. `tree` is the
    kernel's package."""
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name, target in _LINKS.items():
        link = root / name
        if not link.exists() and (link.parent / target).exists():
            link.symlink_to(target)
    package = root / GUEST / _PACKAGE
    package.mkdir(parents=True)
    for depth in range(len(Path(_PACKAGE).parts)):
        folder = root / GUEST / Path(*Path(_PACKAGE).parts[: depth + 1])
        (folder / "__init__.py").touch()
    for name, text in guest_sources().items():
        (package / name).write_text(text, encoding="utf-8")
    (root / GUEST / "modules").mkdir()
    for number, (name, data) in enumerate(modules.in_order(modules.NETWORK, tree)):
        (root / GUEST / "modules" / f"{number}-{name}.ko").write_bytes(data)
    (root / GUEST / "start.py").write_text(_START, encoding="utf-8")


def guest_sources() -> dict[str, str]:
    """The guest's program, by file name."""
    folder = files("tollway.sandbox.vm.guest")
    return {
        it.name: it.read_text(encoding="utf-8")
        for it in sorted(folder.iterdir(), key=lambda it: it.name)
        if it.name.endswith(".py") and it.name != "__init__.py"
    }


def recipe() -> list[str]:
    """All that goes into an image besides packages."""
    fixed = (_INIT, _START, *_EMPTY, *(f"{name}={text}" for name, text in _FILES.items()))
    linked = (f"{name}->{target}" for name, target in _LINKS.items())
    return [*fixed, *linked, *modules.WANTED, *guest_sources().values()]


async def compile_python(root: Path) -> None:
    """Compile all that the image's Python may import, in a sandbox without network.

    Raises:
        TollwayError: the image's Python does not run here.
    """
    bwrap = needed("bwrap", "bubblewrap")
    inside = ("--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")  # noqa: S108  # of the sandbox
    python = ("/usr/bin/python3", "-S", "-m", "compileall", "-q", "--invalidation-mode")
    folders = [f"/{GUEST}", *(f"/{it.relative_to(root)}" for it in _libraries(root))]
    await ran(
        (bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", *inside,
         *python, "unchecked-hash", "-x", r"bad|/tests?/|lib2to3", *folders),
        "Is a package of another Python named?",
    )  # fmt: skip


def _libraries(root: Path) -> Iterable[Path]:
    yield from (root / "usr/lib").glob("python3*")
    yield from (root / "usr/local/lib").glob("python3*")


async def root_image(root: Path, image: Path) -> None:
    """Make a file system of a root, without need of root's rights.

    Raises:
        TollwayError: the disk is full, say.
    """
    nodes, size = await asyncio.to_thread(_measure, root)
    # In blocks of 4 KiB: data, inodes of 256 bytes, and as much again for what ext4 keeps itself.
    blocks = size // 4096 + nodes // 8 + 4096
    own = ("--unshare-user", "--uid", "0", "--gid", "0", "--dev-bind", "/", "/")
    await ran(
        (needed("bwrap", "bubblewrap"), *own, needed("mke2fs", "e2fsprogs"), "-q", "-F",
         "-t", "ext4", "-O", "^has_journal,^metadata_csum,^resize_inode", "-m", "0", "-b", "4096",
         "-N", str(nodes + 64), "-U", "clear", "-d", root, image, str(blocks)),
        _DISK_MEND,
    )  # fmt: skip


def _measure(root: Path) -> tuple[int, int]:
    nodes = size = 0
    for folder, folders, names in os.walk(root):
        nodes += len(folders) + len(names)
        sizes = (os.lstat(f"{folder}/{name}").st_size for name in names)
        size += sum(it // 4096 * 4096 + 4096 for it in sizes) + 4096 * len(folders)
    return nodes, size


def initramfs(busybox: Path, tree: Path) -> bytes:
    """The archive that finds disk and port, and starts the guest's program on the root.

    Raises:
        TollwayError: a module cannot be read.
    """
    loaded = modules.in_order(modules.WANTED, tree)
    script = _INIT.format(modules=" ".join(name for name, _ in loaded), guest=GUEST)
    content = [("init", script.encode()), ("busybox", busybox.read_bytes())]
    content += [(f"modules/{name}.ko", data) for name, data in loaded]
    return cpio.archive(("dev", "lower", "modules", "over", "root"), content)


def copied_kernel(tree: Path, target: Path) -> None:
    """Copy the kernel out of its unpacked package."""
    shutil.copyfile(next((tree / "boot").glob("vmlinuz-*")), target)
