"""Files kept: what an attacker leaves where the host will copy it from."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import stages
from attack import Attack, Scene, together
from trial import fails, succeeds

from tollway.units import Bytes

OUTPUTS = ("outputs",)
PATHS = "with the switch off too a path is walked without links and without .."
BEGIN = "os.makedirs('/workspace/out', exist_ok=True); os.chdir('/workspace/out')\n"
HONEST = "with open('/workspace/out/honest', 'w') as file: file.write('honest work')\n"


def copied(scene: Scene) -> Iterator[Path]:
    """All that the host has now, links not followed."""
    if scene.into.is_symlink() or scene.into.is_file():
        yield scene.into
    for folder, inner, names in os.walk(os.fsencode(scene.into)):
        for name in (*inner, *names):
            yield Path(os.fsdecode(os.path.join(folder, name)))


def leaked(scene: Scene) -> bool:
    """A link is in what was kept, or what one leads to."""
    for one in copied(scene):
        if one.is_symlink():
            return True
        if one.is_file() and scene.canary.encode() in one.read_bytes():
            return True
    return False


def size(scene: Scene) -> int:
    return sum(it.lstat().st_size for it in copied(scene) if stat.S_ISREG(it.lstat().st_mode))


def odd(scene: Scene) -> bool:
    names = [os.fsencode(it.name) for it in copied(scene)]
    names += [os.fsencode(it) for it in (() if scene.kept is None else scene.kept.files)]
    return any(min(it) < 32 or 127 in it or not _utf8(it) for it in names)


def _utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def special(scene: Scene) -> bool:
    modes = [it.lstat().st_mode for it in copied(scene)]
    return any(not (stat.S_ISREG(it) or stat.S_ISDIR(it)) for it in modes)


def depth(scene: Scene) -> int:
    return max((len(it.relative_to(scene.into).parts) for it in copied(scene)), default=0)


def modes(scene: Scene) -> set[int]:
    return {stat.S_IMODE(it.lstat().st_mode) for it in copied(scene)}


@asynccontextmanager
async def umask(scene: Scene) -> AsyncIterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


secrets = stages.files

KEPT = [
    Attack("an absolute link to a secret", OUTPUTS, BEGIN + HONEST + """
for index, one in enumerate(F["secrets"]): os.symlink(one, "link%d" % index)
""", leaked, stage=secrets, keep="out"),
    Attack("a relative link to a secret", OUTPUTS, BEGIN + HONEST + """
for index, one in enumerate(F["secrets"]):
    for ups in range(2, 9): os.symlink("../" * ups + one[1:], "link%d-%d" % (index, ups))
""", leaked, stage=secrets, keep="out"),
    Attack("a link to a folder of secrets", OUTPUTS, BEGIN + HONEST + """
for index, one in enumerate(F["secrets"]): os.symlink(os.path.dirname(one), "folder%d" % index)
""", leaked, stage=secrets, keep="out"),
    Attack("a link by way of /proc", OUTPUTS, BEGIN + HONEST + """
for index, one in enumerate(F["secrets"]):
    for root in ("self", "1", "thread-self"):
        os.symlink("/proc/%s/root%s" % (root, one), "link%d-%s" % (index, root))
""", leaked, stage=secrets, keep="out"),
    Attack("what is kept is itself a link", OUTPUTS, """
os.symlink(os.path.dirname(F["secrets"][0]), "/workspace/out")
""", leaked, stage=secrets, keep="out"),
    Attack("a link in the middle of the path", OUTPUTS, """
os.symlink(os.path.dirname(os.path.dirname(F["secrets"][0])), "/workspace/a")
""", leaked, stage=secrets, keep="a/{folder}", no_control=PATHS),
    Attack("a path that climbs out", OUTPUTS, BEGIN + HONEST, leaked,
        stage=secrets, keep="../../../../../..{secret}", no_control=PATHS),
    Attack("a link that is swapped while it is read", (*OUTPUTS, "teardown"), BEGIN + HONEST + """
os.mkdir("dir"); os.symlink(os.path.dirname(F["secrets"][0]), "link")
for index in range(150): open("dir/%d" % index, "w").write("x" * 4000)
open("dir/secret", "w").write("honest")
if os.fork() == 0:
    os.setsid(); name()
    if os.fork() == 0:
        for one in (0, 1, 2): os.close(one)
        end = time.time() + 4
        while time.time() < end:
            with contextlib.suppress(OSError): syscall(316, -100, b"dir", -100, b"link", 2)
    os._exit(0)
""", leaked, stage=together(secrets, lambda scene: stages.swept(scene)), keep="out",
        no_control="a race, which the control wins most times and not always"),
    Attack("one file by many names", OUTPUTS, BEGIN + """
with open("0", "wb") as file: file.write(bytes(1 << 20))
for index in range(1, 100): os.link("0", str(index))
""", lambda scene: size(scene) > (9 << 20), keep="out"),
    Attack("a file that is mostly holes", OUTPUTS, BEGIN + """
with open("huge", "wb") as file: file.truncate(120 << 20)
""", lambda scene: size(scene) > (9 << 20),
        limits={"disk": Bytes(200 << 20)}, keep="out"),
    Attack("many holes that are each small", OUTPUTS, BEGIN + """
for index in range(100):
    with open("f%d" % index, "wb") as file: file.truncate(1 << 20)
""", lambda scene: size(scene) > (9 << 20), keep="out"),
    Attack("more files than are wanted", OUTPUTS, BEGIN + """
for index in range(900): open(str(index), "w").close()
""", lambda scene: sum(1 for _ in copied(scene)) > 250, keep="out"),
    Attack("more folders than are wanted", OUTPUTS, BEGIN + """
for index in range(900): os.mkdir(str(index))
""", lambda scene: sum(1 for _ in copied(scene)) > 250, keep="out"),
    Attack("a tree without a floor", OUTPUTS, BEGIN + """
for _ in range(700):
    os.mkdir("d"); os.chdir("d")
open("bottom", "w").close()
""", lambda scene: depth(scene) > 300, limits={"kept_files": 5000}, keep="out"),
    Attack("names with line ends and escapes", OUTPUTS, BEGIN + HONEST + r"""
for one in ("two\nlines", "a\x1b[2J\x1b]0;owned\x07", "tab\t", "del\x7f", "back\b\b\bspace", "\r"):
    open(one, "w").close()
""", odd, keep="out"),
    Attack("names that are not text", OUTPUTS, BEGIN + HONEST + r"""
for one in (b"\xff\xfe", b"\xc3", b"ok\x80", b"\xed\xa0\x80"): open(one, "w").close()
""", odd, keep="out"),
    Attack("names that turn what is read around", OUTPUTS, BEGIN + HONEST + r"""
for one in ("report\u202egpj.exe", "a\u2066b", "\u200b", "x\u2028y", "\u0085"): open(one, "w").close()
""", lambda scene: any(
            set(it.name) & set("\u202e\u2066\u2028\u0085") for it in copied(scene)
        ), keep="out"),
    Attack("a pipe, a socket and a device", OUTPUTS, BEGIN + HONEST + """
os.mkfifo("fifo")
held = socket.socket(socket.AF_UNIX); held.bind("socket")
with tried(): os.mknod("device", 0o020600, os.makedev(1, 5))
""", lambda scene: special(scene) or scene.saw("hung"), keep="out",
        no_control="with the switch off too only files, folders and links are copied"),
    Attack("only a pipe", OUTPUTS, """
os.mkfifo("/workspace/out")
""", lambda scene: special(scene) or scene.saw("hung"), keep="out",
        no_control="with the switch off too only files, folders and links are copied"),
    Attack("setuid and world-writable files", (*OUTPUTS, "syscalls"), BEGIN + HONEST + """
for index, mode in enumerate((0o4755, 0o2755, 0o6777, 0o777, 0o666, 0o1777)):
    open(str(index), "w").close()
    with tried(): os.chmod(str(index), mode)
    os.mkdir("d%d" % index)
    with tried(): os.chmod("d%d" % index, mode)
""", lambda scene: bool(modes(scene) - {0o644, 0o755, 0o600, 0o700}), stage=umask, keep="out",
        no_control="with the switch off too the host gives the modes"),
]  # fmt: skip

test_attack_fails = fails(KEPT)
test_attack_succeeds_without_its_defence = succeeds(KEPT)
