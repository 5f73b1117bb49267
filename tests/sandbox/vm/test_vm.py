"""A task in a machine of its own, from end to end."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.order import Ended, Limits, Mount, Order, Streams
from tollway.sandbox.vm.box import VmBox
from tollway.sandbox.vm.tier import VmTier
from tollway.units import Bytes, Seconds

Vm = Callable[..., VmTier]
Ordered = Callable[..., Order]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Caller:
    """A caller's descriptors: what goes in is given, what comes out is read at the end."""

    def __init__(self, folder: Path, given: bytes, kept: ExitStack) -> None:
        (folder / "in").write_bytes(given)
        self._out, self._err = folder / "out", folder / "err"
        files = ((folder / "in").open("rb"), self._out.open("wb"), self._err.open("wb"))
        self.streams = Streams(*(kept.enter_context(it).fileno() for it in files))

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()


Calling = Callable[..., Caller]


@pytest.fixture
def calling(tmp_path: Path) -> Iterator[Calling]:
    """Makes callers, each with a folder of its own."""
    with ExitStack() as kept:

        def made(given: bytes = b"") -> Caller:
            return Caller(Path(tempfile.mkdtemp(dir=tmp_path)), given, kept)

        yield made


@asynccontextmanager
async def boxed(made: VmTier, order: Order, caller: Caller) -> AsyncIterator[VmBox]:
    box = await made.box(order, caller.streams)
    try:
        yield box
    finally:
        await box.close()


async def ran(made: VmTier, order: Order, caller: Caller) -> Ended:
    async with boxed(made, order, caller) as box:
        return await box.run()


async def test_output_input_and_exit_code_are_as_a_local_commands(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    text = "".join(f"line {it}\n" for it in range(50_000)).encode()
    caller = calling(text)
    script = "cat; echo to-stderr >&2; exit 7"
    ended = await ran(vm(), order("sh", "-c", script), caller)
    assert (ended.code, ended.why, ended.words) == (7, "exit", "")
    assert caller.out.encode() == text
    assert caller.err == "to-stderr\n"
    assert ended.printed == len(text) + len("to-stderr\n")
    assert ended.peak is not None
    assert ended.peak > 100_000


async def test_a_command_is_nobody_with_an_empty_folder_and_a_root_that_it_cannot_write(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    caller = calling()
    script = """
id -u; pwd; ls -A /workspace /home/agent /tmp
grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status
for at in / /usr /etc /run /run/tollway /dev /sys /proc/sys/kernel/hostname; do
  { touch $at/x || echo x > $at; } 2>/dev/null && echo wrote $at
done
ls /run/.machine /proc/1/environ /dev/vda /dev/vport1p1 2>/dev/null
touch /workspace/a /tmp/a /home/agent/a /dev/shm/a && echo could; cat /run/tollway/ca.pem
python3 -c "import os; os.unshare(os.CLONE_NEWUSER)" 2>&1 | tail -1
cat /proc/net/dev | tail -n +3 | cut -d: -f1; env | sort
"""
    files = {"ca.pem": b"a certificate"}
    await ran(
        vm(), order("sh", "-c", script, files=files, environment={"PATH": "/usr/bin"}), caller
    )
    said = caller.out.splitlines()
    assert said[:2] == ["1000", "/workspace"]
    assert "CapEff:\t0000000000000000" in said
    assert "CapBnd:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert not [it for it in said if it.startswith("wrote")]
    assert "could" in said
    assert "/proc/1/environ" not in said
    assert any(it.startswith("a certificate") for it in said)
    assert [it.strip() for it in said if it.strip() in ("lo", "eth0")] == ["lo"]
    assert said[-2:] == ["PATH=/usr/bin", "PWD=/workspace"]


@asynccontextmanager
async def door(path: Path) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()  # to the end: a half-close must come through
        writer.write(hashlib.sha256(data).hexdigest().encode() + b" " + data[:400_000])
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        yield


_MANY = """
import hashlib, os, socket, threading
right = []
def one(number):
    data = os.urandom(300_000) + bytes([number])
    with socket.create_connection(("127.0.0.1", 8400)) as s:
        threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
        back = b""
        while piece := s.recv(65536): back += piece
    right.append(back == hashlib.sha256(data).hexdigest().encode() + b" " + data[:400_000])
threads = [threading.Thread(target=one, args=(it,)) for it in range(8)]
[it.start() for it in threads]; [it.join() for it in threads]
print(right.count(True))
try: socket.create_connection(("127.0.0.1", 8402)); print("led out")
except OSError: print("refused")
"""


async def test_only_the_exits_of_the_order_lead_out_many_at_once(
    vm: Vm, order: Ordered, calling: Calling, tmp_path: Path
) -> None:
    caller = calling()
    async with door(tmp_path / "door"):
        exits = {8400: tmp_path / "door"}
        ended = await ran(vm(), order("python3", "-c", _MANY, exits=exits), caller)
    assert caller.out.split() == ["8", "refused"], (ended, caller.err)
    assert ended.connections == {8400: 8}
    assert ended.out == {8400: 8 * 300_001}
    assert ended.back == {8400: 8 * (300_001 + 65)}


async def test_a_stalled_stream_stalls_no_other(
    vm: Vm, order: Ordered, calling: Calling, tmp_path: Path
) -> None:
    stalled = asyncio.Event()

    async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stalled.wait()
        writer.close()

    script = """
import socket
stuck = socket.create_connection(("127.0.0.1", 3128)); stuck.setblocking(False)
sent = 0
try:
    while True: sent += stuck.send(b"x" * 65536)
except BlockingIOError: pass
with socket.create_connection(("127.0.0.1", 8400)) as s:
    s.sendall(b"y" * 100_000); s.shutdown(socket.SHUT_WR)
    back = b""
    while piece := s.recv(65536): back += piece
print(len(back), sent < 16_000_000)
"""
    caller = calling()
    server = await asyncio.start_unix_server(never_reads, tmp_path / "stuck")
    async with server, door(tmp_path / "door"):
        exits = {8400: tmp_path / "door", 3128: tmp_path / "stuck"}
        ended = await ran(vm(), order("python3", "-c", script, exits=exits), caller)
        stalled.set()
    assert caller.out.split() == ["100065", "True"], caller.err
    assert ended.code == 0


async def test_mounts_are_copies_and_what_is_kept_is_plain_files(
    vm: Vm, order: Ordered, calling: Calling, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "tool").write_text("#!/bin/sh\necho ran\n")
    (source / "deep" / "er" / "tool").chmod(0o755)
    (source / "large").write_bytes(os.urandom(3_000_000))
    (source / "öd d\udcff").write_bytes(b"odd")
    mounts = (Mount(source, "/data/in"), Mount(source / "large", "/workspace/given"))
    script = """
/data/in/deep/er/tool; sha256sum < /data/in/large; cat /data/in/*d*/../?d*d* 2>/dev/null
touch /data/in/x 2>/dev/null || echo read-only; rm -f /workspace/given 2>/dev/null || echo stays
mkdir -p out/sub; cp /workspace/given out/sub/copy; echo hi > out/hello; ln -s /etc/passwd out/link
mkfifo out/pipe; printf x > "$(printf 'out/odd\\033name')"; mkdir out/empty; : > out/nothing
"""
    caller = calling()
    made = order("sh", "-c", script, mounts=mounts)
    async with boxed(vm(), made, caller) as box:
        ended = await box.run()
        kept = await box.keep("out", tmp_path / "kept")
        again = await box.keep("/workspace/out/hello", tmp_path / "hello")
        with pytest.raises(TollwayError, match="nowhere"):
            await box.keep("nowhere", tmp_path / "nowhere")
        with pytest.raises(TollwayError, match="over a link"):
            await box.keep("out/link/x", tmp_path / "nowhere")
    digest = hashlib.sha256((source / "large").read_bytes()).hexdigest()
    assert caller.out.split()[:2] == ["ran", digest], caller.err
    assert caller.out.split()[-2:] == ["read-only", "stays"]
    assert ended.code == 0
    assert kept.files["sub/copy"] == (3_000_000, digest)
    assert (tmp_path / "kept" / "hello").read_text() == "hi\n"
    assert (tmp_path / "kept" / "empty").is_dir()
    assert (tmp_path / "kept" / "nothing").read_bytes() == b""
    assert sorted(kept.refused) == ["link", "odd\\x1bname", "pipe"]
    assert list(again.files) == ["hello"]
    assert not (tmp_path / "nowhere").exists()
    assert not [it for it in os.listdir(tmp_path) if it.startswith(".")]


async def test_a_writable_mount_is_refused_with_what_to_do_instead(
    vm: Vm, order: Ordered, tmp_path: Path
) -> None:
    wanted = order("true", mounts=(Mount(tmp_path, "/data", writable=True),))
    with pytest.raises(TollwayError, match="--out"):
        await vm().box(wanted, Streams())


async def test_a_command_that_is_not_there_is_named(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    async with boxed(vm(), order("no-such-program"), calling()) as box:
        with pytest.raises(TollwayError, match="no-such-program: no such command") as caught:
            await box.run()
    assert "--package" in str(caught.value)


async def test_signals_reach_the_command(vm: Vm, order: Ordered, calling: Calling) -> None:
    caller = calling()
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    async with boxed(vm(), order("bash", "-c", script), caller) as box:
        running = asyncio.create_task(box.run())
        while "ready" not in caller.out:  # noqa: ASYNC110  # it comes from the machine
            await asyncio.sleep(0.02)  # it comes from the machine
        box.signal(signal.SIGINT)
        ended = await running
    assert (ended.code, ended.why) == (9, "exit")
    assert caller.out == "ready\ncaught\n"


async def test_time_ends_a_command_that_ignores_every_signal(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    limits = Limits(time=Seconds(1.0), grace=Seconds(0.5), memory=Bytes(200 << 20))
    script = "trap '' TERM INT HUP; while :; do :; done"
    began = time.monotonic()
    ended = await ran(vm(), order("sh", "-c", script, limits=limits), calling())
    assert (ended.code, ended.why) == (124, "time")
    assert time.monotonic() - began < 30


async def test_output_memory_and_processes_are_bounded(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    limits = Limits(memory=Bytes(64 << 20), output=Bytes(10_000), processes=20)
    caller = calling()
    flood = await ran(vm(), order("yes", limits=limits), caller)
    assert (flood.code, flood.why, flood.printed) == (125, "output", 10_000)
    hog = "x = b'x' * (1 << 20)\nwhile True: x += x"
    hogged = await ran(vm(), order("python3", "-c", hog, limits=limits), caller)
    assert (hogged.code, hogged.why) == (125, "memory")
    forks = """
import os, time
n = 0
try:
    while n < 100:
        if not os.fork(): time.sleep(60)
        n += 1
except OSError: print(n)
"""
    other = calling()
    bomb = await ran(vm(), order("python3", "-c", forks, limits=limits), other)
    assert bomb.code == 0
    assert int(other.out) < 20


async def test_disk_and_inodes_are_bounded(vm: Vm, order: Ordered, calling: Calling) -> None:
    limits = Limits(disk=Bytes(8 << 20), inodes=200, memory=Bytes(200 << 20))
    script = """
head -c 6000000 /dev/zero > /workspace/a && echo one
head -c 6000000 /dev/zero >/tmp/b || echo full
rm /workspace/a /tmp/b; for i in $(seq 300); do : > /home/agent/$i || { echo inodes; break; }; done
"""
    caller = calling()
    await ran(vm(), order("bash", "-c", script, limits=limits), caller)
    assert caller.out.split() == ["one", "full", "inodes"]


async def test_a_terminal_is_a_terminal(vm: Vm, order: Ordered, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    size = "import os; print(os.get_terminal_size())"
    script = f"tty; python3 -c '{size}'; read x; echo got $x"
    wanted = order("bash", "-c", script, terminal=True)
    box = await vm().box(wanted, Streams(theirs, theirs, theirs))
    said = b""
    try:
        running = asyncio.create_task(box.run())
        loop = asyncio.get_running_loop()
        while b"terminal_size" not in said:
            said += await loop.run_in_executor(None, os.read, ours, 4096)
        os.write(ours, b"typed\r")
        ended = await running
        said += os.read(ours, 4096)
    finally:
        await box.close()
        os.close(theirs)
        os.close(ours)
    assert ended.code == 0
    assert b"/dev/pts/" in said
    assert b"columns=80, lines=24" in said
    assert b"got typed" in said


_WHO = """
import os, socket, subprocess
kernel = [open(f"/proc/sys/kernel/random/{it}").read().strip() for it in ("uuid", "boot_id")]
print(os.urandom(16).hex(), socket.gethostname(), *kernel)
import time; print(time.time())
"""


async def test_no_two_boxes_have_the_same_random_numbers_name_or_boot(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    async def seen(**off: bool) -> list[str]:
        caller = calling()
        ended = await ran(vm(**off), order("python3", "-c", _WHO), caller)
        assert ended.code == 0, caller.err
        return caller.out.split()

    one, other = await seen(), await seen()
    assert not set(one) & set(other)
    assert abs(float(one[-1]) - time.time()) < 60
    # The control: without the defence the name and the clock are the template's. Random numbers
    # differ even so: an emulated processor's RDRAND is the host's.
    first, second = await seen(fresh=False), await seen(fresh=False)
    assert first[1] == second[1]
    assert float(first[-1]) < time.time() - 1


async def test_what_a_task_left_is_in_no_later_one_and_not_in_the_template(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    canary = os.urandom(12).hex()
    script = f"echo {canary} | tee /workspace/a /tmp/b /home/agent/c /dev/shm/d; sleep 0.1"
    made = vm()
    await ran(made, order("sh", "-c", script), calling())
    caller = calling()
    await ran(
        made, order("sh", "-c", "ls -A /workspace /tmp /home/agent /dev/shm; cat /tmp/b"), caller
    )
    assert canary not in caller.out
    for file in made.template.folder.iterdir():
        assert canary.encode() not in file.read_bytes()


async def test_everything_a_command_started_ends_with_it(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    script = "(setsid sh -c 'while :; do sleep 1; done' &) ; echo done"
    caller = calling()
    ended = await ran(vm(), order("sh", "-c", script), caller)
    assert ended.code == 0
    assert caller.out == "done\n"
    assert ended.seconds < 20


def below(process: int) -> set[int]:
    """All processes that descend from one and have not ended."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            children = {int(it) for it in (thread / "children").read_text().split()}
            found |= children.union(*map(below, children))
    return found


def alive(processes: set[int]) -> set[int]:
    """Those that are there and not only waited for."""
    found: set[int] = set()
    for process in processes:
        with suppress(OSError):
            stat = Path(f"/proc/{process}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] not in "ZX":
                found.add(process)
    return found


def gone(processes: set[int]) -> bool:
    """Whether they are, within what a very busy machine takes to end a process."""
    deadline = time.monotonic() + 20
    while alive(processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(processes)


_HOST = """
import asyncio, sys
from pathlib import Path
from tollway.sandbox.order import Limits, Order, Streams
from tollway.sandbox.vm.tier import tier
async def main():
    made = tier(Path(sys.argv[1]), name="tests")
    order = Order(("sleep", "600"), {"PATH": "/usr/bin"}, "t")
    box = await made.box(order, Streams())
    running = asyncio.create_task(box.run())
    await asyncio.sleep(0.5)
    print("running", flush=True)
    await running
asyncio.run(main())
"""


def test_the_host_killed_mid_task_leaves_no_machine(templates: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOST, str(templates)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"running\n"
        started = below(host.pid)
        assert len(started) >= 2  # bubblewrap and QEMU
        host.kill()
    assert gone(started)


async def test_many_boxes_one_after_another_and_at_once_leave_nothing(
    vm: Vm, order: Ordered, calling: Calling
) -> None:
    made, descriptors = vm(), len(os.listdir("/proc/self/fd"))
    before = below(os.getpid())

    async def one(number: int) -> None:
        caller = calling()
        ended = await ran(made, order("echo", str(number)), caller)
        assert (ended.code, caller.out) == (0, f"{number}\n")

    await asyncio.gather(*(one(it) for it in range(4)))
    await one(99)
    assert below(os.getpid()) <= before  # not even one that waits to be reaped is left
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 3 * 5  # the callers' own files


async def test_a_cancelled_run_is_over_at_once(vm: Vm, order: Ordered, calling: Calling) -> None:
    made = vm()
    others = below(os.getpid())  # what earlier tests of this worker keep running
    box = await made.box(order("sleep", "600"), calling().streams)
    running = asyncio.create_task(box.run())
    await asyncio.sleep(0.2)
    started = below(os.getpid()) - others
    assert len(started) >= 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await box.close()
    await box.close()
    assert gone(started)


async def test_nothing_answers_on_any_network(vm: Vm, order: Ordered, calling: Calling) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"reached")
        writer.close()

    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # 10.0.2.2 is this host to a guest with QEMU's user networking.
    script = (
        "import socket\n"
        f"try: print(socket.create_connection(('10.0.2.2', {port}), 5).recv(9))\n"
        "except OSError as error: print(error.strerror)"
    )
    async with server:
        caller = calling()
        await ran(vm(), order("python3", "-c", script), caller)
        assert caller.out == "Network is unreachable\n"
        control = calling()
        await ran(vm(network=False), order("python3", "-c", script), control)
        assert control.out == "b'reached'\n", control.err
