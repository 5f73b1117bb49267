"""A command in the `ns` tier behaves as it would outside."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from ns_ground import Runner, order, with_all

from tollway.errors import TollwayError
from tollway.sandbox.ns.cgroups import Ground
from tollway.sandbox.order import Limits, Mount, Streams
from tollway.units import Bytes, Seconds


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return with_all(tmp_path)


async def test_output_and_code_are_the_commands_own(run: Runner) -> None:
    seen = await run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (seen.out, seen.err) == ("out\n", "err\n")
    assert (seen.ended.code, seen.ended.why, seen.ended.printed) == (7, "exit", 8)


async def test_a_signal_ends_as_a_shell_says_it(run: Runner) -> None:
    seen = await run("sh", "-c", "kill -SEGV $$")
    assert (seen.ended.code, seen.ended.why) == (128 + signal.SIGSEGV, "signal")


async def test_no_signal_is_ignored_or_blocked(run: Runner) -> None:
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as a shell's `&` leaves it
    try:
        seen = await run("grep", "^Sig[BI]", "/proc/self/status")
    finally:
        signal.signal(signal.SIGQUIT, before)
    masks = [int(line.split()[1], 16) for line in seen.out.splitlines()]
    # Signals 32 and 33 are the C library's: no program can set them, nor undo what it inherited.
    assert [mask & ~(3 << 31) for mask in masks] == [0, 0]
    assert (await run("sh", "-c", "yes | head -1")).err == ""


async def test_input_is_read_to_its_end(run: Runner) -> None:
    seen = await run("wc", "-c", stdin=b"x" * 300_000)
    assert seen.out == "300000\n"


async def test_the_environment_is_the_orders_and_nothing_else(run: Runner) -> None:
    seen = await run("env", environment={"A": "b c", "PATH": "/usr/bin"})
    assert sorted(seen.out.splitlines()) == ["A=b c", "PATH=/usr/bin", "PWD=/workspace"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("no-such-program",), "no-such-program: not found in the sandbox. Mount it"),
        (("/opt/none/x",), "/opt/none/x: not found in the sandbox"),
        (("/etc/hosts",), "/etc/hosts: Permission denied in the sandbox"),
    ],
)
async def test_a_command_that_can_not_begin_is_said(
    run: Runner, argv: tuple[str, ...], words: str
) -> None:
    with pytest.raises(TollwayError, match=words):
        await run(*argv)


async def test_words_like_bubblewraps_own_are_the_commands(run: Runner) -> None:
    seen = await run("sh", "-c", "echo 'bwrap: execvp x' >&2; exit 1")
    assert (seen.err, seen.ended.code) == ("bwrap: execvp x\n", 1)
    seen = await run("sh", "-c", "echo 'bwrap: x' >&2; head -c 5000 /dev/zero >&2")
    assert len(seen.err) == 5009


async def test_time_is_over_for_a_command_that_ignores_its_end(run: Runner) -> None:
    limits = Limits(time=Seconds(0.2), grace=Seconds(0.1))
    seen = await run("sh", "-c", "trap '' TERM; sleep 60 & wait; sleep 60", limits=limits)
    assert (seen.ended.code, seen.ended.why) == (124, "time")
    assert seen.ended.seconds < 5


async def test_a_command_may_end_in_order_when_time_is_over(run: Runner) -> None:
    limits = Limits(time=Seconds(0.3), grace=Seconds(30))
    seen = await run("sh", "-c", "trap 'echo bye; exit' TERM; sleep 60 & wait", limits=limits)
    assert (seen.ended.why, seen.out) == ("time", "bye\n")


async def test_output_past_its_bound_ends_it(run: Runner) -> None:
    seen = await run("yes", limits=Limits(output=Bytes(100_000)))
    assert (seen.ended.code, seen.ended.why, len(seen.out)) == (125, "output", 100_000)


@pytest.fixture(params=["as the machine is", "without cgroups"])
def anywhere(request: pytest.FixtureRequest, run: Runner) -> Runner:
    if request.param == "without cgroups":
        run.tier = replace(run.tier, ground=Ground({}))
    return run


async def test_memory_past_its_bound_is_told(anywhere: Runner) -> None:
    script = "x = [b'x' * (1 << 20) for _ in range(1 << 14)]"
    seen = await anywhere.python(script, limits=Limits(memory=Bytes(256 << 20)))
    assert (seen.ended.code, seen.ended.why) == (125, "memory")
    assert seen.ended.peak
    assert seen.ended.peak > 128 << 20


async def test_files_count_as_memory(anywhere: Runner) -> None:
    script = "head -c 200000000 /dev/zero > x && sleep 5"
    seen = await anywhere("sh", "-c", script, limits=Limits(memory=Bytes(64 << 20)))
    assert (seen.ended.code, seen.ended.why) == (125, "memory")


async def test_processes_are_bounded(run: Runner) -> None:
    script = "for i in $(seq 60); do sleep 60 & done; echo all"
    limits = Limits(processes=20, time=Seconds(10))
    seen = await run("sh", "-c", script, limits=limits)
    assert "Cannot fork" in seen.err or "Resource temporarily unavailable" in seen.err


async def test_what_is_written_is_bounded_over_all_folders(run: Runner) -> None:
    script = (
        "for d in /workspace /tmp /home/agent /dev/shm; do head -c 400000 /dev/zero > $d/x; done;"
        "cat /workspace/x /tmp/x /home/agent/x /dev/shm/x | wc -c"
    )
    seen = await run("sh", "-c", script, limits=Limits(disk=Bytes(1_000_000)))
    assert "No space left on device" in seen.err
    assert int(seen.out) <= 1_000_000


async def test_files_are_bounded_by_number(run: Runner) -> None:
    seen = await run("sh", "-c", "for i in $(seq 100); do : > $i; done", limits=Limits(inodes=50))
    assert "No space left on device" in seen.err


async def test_a_signal_reaches_the_command(run: Runner, tmp_path: Path) -> None:
    read, write = os.pipe()
    script = "trap 'exit 9' INT; echo ready; sleep 60 & wait"
    null = os.open("/dev/null", os.O_RDONLY)
    box = await run.tier.box(order("sh", "-c", script), Streams(null, write, write))
    try:
        box.signal(signal.SIGINT)  # before it has begun nothing
        running = asyncio.create_task(box.run())
        assert await asyncio.to_thread(os.read, read, 100) == b"ready\n"
        box.signal(signal.SIGINT)
        assert (await running).code == 9
        box.signal(signal.SIGINT)  # and after its end nothing
    finally:
        await box.close()
        for each in (read, write, null):
            os.close(each)


async def test_mounts_are_read_only_unless_said(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "file").write_text("text")
    run.mounts = (
        Mount(tmp_path / "a", "/mnt/a"),
        Mount(tmp_path / "b", "/workspace/b", writable=True),
        Mount(tmp_path / "file", "/etc/thing.conf"),
    )
    seen = await run("sh", "-c", "echo 1 > /workspace/b/x; cat /etc/thing.conf; echo 1 > /mnt/a/x")
    assert (seen.out, (tmp_path / "b" / "x").read_text()) == ("text", "1\n")
    assert "Read-only" in seen.err
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize(
    "target", ["relative", "/mnt/../etc", "/proc", "/proc/1", "/sys/x", "/dev/x", "/etc/passwd",
               "/run/tollway/ca.pem", "/", "/usr", "/etc", "/bin", "/usr/no-such-thing"],
)  # fmt: skip
async def test_mounts_over_what_is_the_sandboxs_own_are_refused(
    run: Runner, tmp_path: Path, target: str
) -> None:
    run.mounts = (Mount(tmp_path, target),)
    with pytest.raises(TollwayError, match="--mount"):
        await run("true")


@pytest.mark.parametrize("source", ["/no/such/thing", "/proc/self", "/dev/null", "/sys"])
async def test_sources_that_can_not_be_mounted_are_refused(run: Runner, source: str) -> None:
    run.mounts = (Mount(Path(source), "/mnt/x"),)
    with pytest.raises(TollwayError, match="--mount"):
        await run("true")


async def test_a_mount_that_fails_is_said(run: Runner, tmp_path: Path) -> None:
    run.mounts = (Mount(tmp_path, "/mnt/a"), Mount(tmp_path, "/mnt/a/no/such"))
    with pytest.raises(TollwayError, match="could not be made"):
        await run("true")


async def test_given_files_are_there_to_read(run: Runner) -> None:
    seen = await run("sh", "-c", "cat /run/tollway/ca.pem; : > /run/tollway/x",
                     files={"ca.pem": b"pem"})  # fmt: skip
    assert seen.out == "pem"
    assert "Read-only" in seen.err


async def test_exits_lead_to_their_sockets(run: Runner, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        writer.close()

    run.exits = {8400: tmp_path / "door"}
    async with await asyncio.start_unix_server(answer, tmp_path / "door"):
        seen = await run("curl", "-sS", "http://127.0.0.1:8400/")
    assert seen.out == "hi"
    assert seen.ended.connections == {8400: 1}
    assert seen.ended.back[8400] > 2


async def test_two_sandboxes_have_the_same_ports_each_their_own(tmp_path: Path) -> None:
    async def ask(name: str) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(name.encode())
            writer.close()

        (tmp_path / name).mkdir()
        run = with_all(tmp_path / name)
        run.exits = {8400: tmp_path / name / "door"}
        async with await asyncio.start_unix_server(answer, tmp_path / name / "door"):
            script = "import socket; print(socket.create_connection(('127.0.0.1', 8400)).recv(9))"
            return (await run.python(script)).out

    assert await asyncio.gather(*map(ask, "abcd")) == [f"b'{name}'\n" for name in "abcd"]


async def test_a_box_runs_once(run: Runner) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    box = await run.tier.box(order("true"), Streams(null, null, null))
    await box.run()
    with pytest.raises(TollwayError, match="once"):
        await box.run()
    await box.close()
    await box.close()
    os.close(null)


async def test_outputs_are_kept_after_everything_in_it_is_dead(run: Runner, tmp_path: Path) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    script = "mkdir out; echo 1 > out/a; ln -s /etc/passwd out/b; sleep 60 & "
    box = await run.tier.box(order("sh", "-c", script), Streams(null, null, null))
    with pytest.raises(TollwayError, match="still runs"):
        await box.keep("out", tmp_path / "kept")
    await box.run()
    kept = await box.keep("out", tmp_path / "kept")
    with pytest.raises(TollwayError, match="no such file"):
        await box.keep("nothing", tmp_path / "none")
    await box.close()
    os.close(null)
    assert list(kept.files) == ["a"]
    assert kept.refused == {"b": "a symbolic link"}
    assert (tmp_path / "kept" / "a").read_text() == "1\n"
    assert not (tmp_path / "none").exists()


async def test_programs_of_many_kinds_run(run: Runner) -> None:
    script = """
        set -e
        git init -q r && cd r && git config user.email a@b && git config user.name a
        echo x > f && git add f && git commit -qm m && git log --format=%s
        printf 'int main(){return 0;}' > a.c && cc a.c -o a && ./a && echo compiled
        python3 -c 'import sqlite3, threading, multiprocessing as m
        sqlite3.connect("d").execute("create table t(a)")
        with m.Pool(2) as p: print(sum(p.map(abs, range(-3, 0))))'
    """
    lines = "\n".join(line.strip() for line in script.splitlines())
    seen = await run("sh", "-c", lines)
    assert seen.out.split() == ["m", "compiled", "6"], seen.err
