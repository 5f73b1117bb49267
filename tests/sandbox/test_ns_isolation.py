"""What a command in the `ns` tier can not reach; each with the defence off, where it can."""

import os
import signal
import socket
from pathlib import Path

import pytest
from ns_ground import Runner, with_all, without

from tollway.sandbox.order import Limits
from tollway.units import Bytes, Seconds

CALL = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*map(ctypes.c_ulong, arguments)) < 0:
        return errno.errorcode[ctypes.get_errno()]
    return "done"
"""


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return with_all(tmp_path)


async def test_the_hosts_network_is_not_there(run: Runner, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        assert "refused" in (await run.python(script)).err
        assert (await without(tmp_path, network=False).python(script)).ended.code == 0
    assert (await run("cat", "/proc/net/dev")).out.count(":") == 1


async def test_abstract_sockets_of_the_host_are_not_there(run: Runner, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0tollway-{os.getpid()}")
        server.listen()
        name = f"\\0tollway-{os.getpid()}"
        script = f"import socket; socket.socket(socket.AF_UNIX).connect('{name}')"
        assert "refused" in (await run.python(script)).err
        assert (await without(tmp_path, network=False).python(script)).ended.code == 0


async def test_the_hosts_processes_are_not_seen(run: Runner, tmp_path: Path) -> None:
    script = f"ls -d /proc/{os.getpid()}; ls /proc"
    seen = await run("sh", "-c", script)
    assert "No such file" in seen.err
    assert str(os.getpid()) in (await without(tmp_path, processes=False)("ls", "/proc")).out


async def test_the_kernels_settings_can_not_be_set(run: Runner) -> None:
    """Also where root runs it: the kernel lets root's number write these without a capability."""
    script = "(: >> /proc/sys/kernel/core_pattern); (: >> /proc/sys/vm/swappiness)"
    seen = await run("sh", "-c", script)
    assert seen.err.count("Read-only") + seen.err.count("Permission denied") == 2
    assert os.geteuid() != 0 or "Permission denied" not in seen.err  # root's number would be let


async def test_the_hosts_command_line_is_masked(run: Runner, tmp_path: Path) -> None:
    masked = "cat /proc/cmdline /proc/keys /proc/kallsyms /proc/timer_list; ls /sys"
    seen = await run("sh", "-c", masked)
    assert (seen.out, seen.err) == ("", "")
    open_ = await without(tmp_path, proc=False)("sh", "-c", "cat /proc/cmdline; ls /sys")
    assert open_.out.startswith(Path("/proc/cmdline").read_text())  # noqa: ASYNC240
    assert "kernel" in open_.out


@pytest.mark.parametrize(
    ("number", "answer"),
    [(165, "EPERM"), (101, "EPERM"), (272, "EPERM"), (250, "EPERM"), (321, "EPERM"),
     (425, "ENOSYS"), (435, "ENOSYS"), (310, "EPERM"), (9999, "ENOSYS")],
    ids=["mount", "ptrace", "unshare", "keyctl", "bpf", "io_uring_setup", "clone3",
         "process_vm_readv", "unknown"],
)  # fmt: skip
async def test_system_calls_that_are_not_allowed_are_refused(
    run: Runner, number: int, answer: str
) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are of x86_64")
    assert (await run.python(f"{CALL}\nprint(call({number}, 0, 0, 0, 0, 0))")).out == f"{answer}\n"


@pytest.mark.parametrize("family", [40, 17, 38, 31, 4, 45])
async def test_sockets_of_other_kinds_are_refused(run: Runner, family: int) -> None:
    script = f"import socket; socket.socket({family}, 1, 0)"
    assert "not supported" in (await run.python(script)).err


async def test_words_can_not_be_put_into_a_terminal(run: Runner, tmp_path: Path) -> None:
    script = f"{CALL}\nprint(call(16, 0, 0x100005412, 0), call(16, 0, 0x541C, 0))"
    assert (await run.python(script)).out == "EPERM EPERM\n"
    assert "EPERM" not in (await without(tmp_path, syscalls=False).python(script)).out


async def test_a_user_namespace_can_not_be_made(run: Runner, tmp_path: Path) -> None:
    script = f"{CALL}\nprint(call(272, 0x10000000))"
    assert (await run.python(script)).out == "EPERM\n"
    assert (await without(tmp_path, syscalls=False).python(script)).out == "ENOSPC\n"
    assert (await without(tmp_path, users=False).python(script)).out == "done\n"


async def test_calls_of_another_architecture_end_the_process(run: Runner) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("x32 is of x86_64")
    seen = await run.python(f"{CALL}\nlibc.syscall(ctypes.c_ulong(0x40000000 | 39))")
    assert seen.ended.code == 128 + signal.SIGSYS


async def test_there_is_no_capability(run: Runner) -> None:
    seen = await run("grep", "-h", "^Cap\\|NoNewPrivs\\|^Seccomp:", "/proc/self/status",
                     "/proc/1/status")  # fmt: skip
    values = [line.split(":\t")[1] for line in seen.out.splitlines()]
    assert values == ["0000000000000000"] * 5 + ["1", "2"] + ["0000000000000000"] * 5 + ["1", "2"]


async def test_the_root_can_not_be_written(run: Runner, tmp_path: Path) -> None:
    script = "for f in /x /usr/x /etc/x /dev/x /var/x /mnt/x /run/x; do (: > $f); done; ls /root"
    seen = await run("sh", "-c", script)
    assert (seen.err.count("Read-only"), seen.err.count("No such file")) == (7, 1)
    open_ = await without(tmp_path, root=False)("test", "-w", "/var/tmp", "-a", "-d", "/root")
    assert open_.ended.code == 0


async def test_the_hosts_devices_are_not_there(run: Runner, tmp_path: Path) -> None:
    expected = "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert (await run("ls", "/dev")).out.split() == expected.split()
    open_ = await without(tmp_path, devices=False)("ls", "/dev")
    assert set(open_.out.split()) == set(os.listdir("/dev"))


async def test_nothing_open_is_inherited(run: Runner, tmp_path: Path) -> None:
    secret = (tmp_path / "secret").open("w")
    with secret:
        os.set_inheritable(secret.fileno(), True)
        script = "readlink /proc/self/fd/* /proc/1/fd/*"
        assert "secret" not in (await run("sh", "-c", script)).out
        open_ = await without(tmp_path, descriptors=False, processes=False)("sh", "-c", script)
        assert str(tmp_path / "secret") in open_.out


async def test_the_callers_environment_is_not_there(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "s3cret")
    assert "s3cret" not in (await run("sh", "-c", "env; cat /proc/*/environ")).out
    assert "s3cret" in (await without(tmp_path, environment=False)("env")).out


async def test_ipc_is_the_sandboxs_own(run: Runner, tmp_path: Path) -> None:
    script = "readlink /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/cgroup"
    ours = {os.readlink(f"/proc/self/ns/{name}") for name in ("ipc", "uts", "cgroup")}
    assert not ours & set((await run("sh", "-c", script)).out.split())
    assert ours == set((await without(tmp_path, ipc=False)("sh", "-c", script)).out.split())


async def test_bounds_do_not_bind_when_they_are_off(tmp_path: Path) -> None:
    few = Limits(disk=Bytes(8192), inodes=8, output=Bytes(10), open_files=12)
    free = without(tmp_path, disk=False, output=False, counts=False)
    script = "head -c 100000 /dev/zero > big; for i in $(seq 50); do : > $i; done; ulimit -n; ls"
    seen = await free("sh", "-c", script, limits=few)
    assert seen.err == ""
    assert len(seen.out.splitlines()) == 52
    assert int(seen.out.splitlines()[0]) > 12


async def test_watches_of_files_are_bounded_for_one_sandbox(run: Runner) -> None:
    script = f"{CALL}\nprint([call(294, 0) for _ in range(300)].count('done'))"
    if os.uname().machine != "x86_64":
        pytest.skip("the number is of x86_64")
    seen = await run.python(script)
    assert 0 < int(seen.out) <= 32


async def test_memory_is_not_bound_when_its_defence_is_off(tmp_path: Path) -> None:
    seen = await without(tmp_path, memory=False).python(
        "x = b'x' * (100 << 20)", limits=Limits(memory=Bytes(32 << 20))
    )
    assert seen.ended.code == 0


async def test_time_is_not_bound_when_its_defence_is_off(tmp_path: Path) -> None:
    seen = await without(tmp_path, time=False)("sleep", "0.3", limits=Limits(time=Seconds(0.05)))
    assert seen.ended.why == "exit"
