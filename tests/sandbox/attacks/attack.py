"""An attack: a program inside a sandbox, a stage outside it, and a judge of the facts.

Rules
1. An attack has succeeded when something outside says so: bytes that came to a listener, a marker,
   a canary in what was printed (nobody told it to the program), a process that the host sees.
2. Every attack has a control: the same program, stage and judge with its defence off, or, where no
   switch fits, outside of any sandbox.
3. A program that did not even begin proves nothing: that is an error of the test.
"""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.order import Box, Ended, Kept, Limits, Mount, Order, Streams, Tier
from tollway.units import Bytes, Seconds

PATIENCE = 60.0
SMALL = Limits(
    memory=Bytes(192 << 20), processes=64, open_files=256, disk=Bytes(32 << 20), inodes=2000,
    output=Bytes(4 << 20), time=Seconds(30.0), grace=Seconds(0.5), kept=Bytes(8 << 20),
    kept_files=200, connections=16,
)  # fmt: skip
"""Small, so that an attack that succeeds is small too."""

PRELUDE = (Path(__file__).parent / "prelude.py").read_text()
"""What every program begins with: `F` is what it was told, `syscall`, `say`, `tried`, `ready`."""


@dataclass(slots=True)
class Scene:
    """One performance of an attack: what the host has, what the sandbox is given, what came."""

    folder: Path
    canary: str = field(default_factory=lambda: "canary-" + secrets.token_hex(12))
    beacon: str = field(default_factory=lambda: "bx" + secrets.token_hex(5))
    """A name that no other process has: what calls itself so is of this attack."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    mounts: list[Mount] = field(default_factory=list[Mount])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    exits: dict[int, Path] = field(default_factory=dict[int, Path])
    limits: Limits = SMALL
    stdin: int | None = None
    """What the program reads, where it is not the test's pipe."""
    out: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    """What came to the host's listeners."""
    found: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the host saw while the program ran."""
    tier: Tier | None = None
    off: tuple[str, ...] = ()
    """What a stage is to leave off: defences that are not the tier's own, as `egress.names`."""
    ended: Ended | None = None
    kept: Kept | None = None
    error: str = ""
    stopped: bool = False
    """Whether the test had to end it."""

    @property
    def into(self) -> Path:
        return self.folder / "kept"

    def told(self) -> bool:
        """Whether the canary, which nobody told the program, is in what it printed."""
        return self.canary.encode() in self.out

    def got(self) -> bool:
        """Whether a listener of the host got the canary."""
        return self.canary.encode() in self.heard

    def saw(self, name: str) -> bool:
        return bool(self.found.get(name))


Stage = Callable[[Scene], AbstractAsyncContextManager[None]]
Judge = Callable[[Scene], bool]
Meanwhile = Callable[[Scene, Box], Awaitable[None]]


@asynccontextmanager
async def nothing(scene: Scene) -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Attack:
    """`off` are the defences without which it succeeds; empty: the control runs outside of any
    sandbox. `meanwhile` is what the host looks at once the program has said that it is ready."""

    name: str
    off: tuple[str, ...]
    program: str
    judge: Judge
    stage: Stage = nothing
    meanwhile: Meanwhile | None = None
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    keep: str = ""
    patience: float = PATIENCE
    """Seconds until the test ends it, where its defence would have done so before."""
    hole: str = ""
    """Why it succeeds, where it does."""
    refused: str = ""
    """What is said of it, where the sandbox is not even made."""
    no_control: str = ""
    """Why there is no honest control, where there is none."""
    vm: tuple[str, ...] | None = None
    """In which way it is played in a `vm`: not (None); with which defences off for its control."""

    @property
    def source(self) -> str:
        return PRELUDE + self.program


def without(names: tuple[str, ...]) -> Defences:
    """All but these; names with a dot are a stage's."""
    return replace(ALL, **dict.fromkeys((it for it in names if "." not in it), False))


def together(*stages: Stage) -> Stage:
    """Stages one within another."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in stages:
                await stack.enter_async_context(one(scene))
            yield

    return stage


def order_of(attack: Attack, scene: Scene) -> Order:
    told = json.dumps({"beacon": scene.beacon, **scene.facts})
    return Order(
        ("/usr/bin/python3", "-I", "-c", attack.source, told),
        {"PATH": "/usr/bin:/bin", "HOME": "/home/agent", "LANG": "C.UTF-8", **scene.environment},
        "t-" + scene.beacon,
        tuple(scene.mounts),
        scene.files,
        scene.exits,
        replace(scene.limits, **attack.limits),
    )


@dataclass(slots=True)
class Wires:
    """The standard streams of a program, as pipes that the test reads and writes."""

    scene: Scene
    inside: tuple[int, int]
    outside: tuple[int, int]
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _transport: asyncio.ReadTransport | None = None

    @classmethod
    async def lay(cls, scene: Scene) -> "Wires":
        their_in, our_in = os.pipe()
        our_out, their_out = os.pipe()
        wires = cls(scene, (their_in, their_out), (our_in, our_out))
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(our_out, "rb", buffering=0)
        wires._transport, _ = await loop.connect_read_pipe(lambda: _Reader(wires), pipe)
        return wires

    @property
    def streams(self) -> Streams:
        given = self.scene.stdin
        stdin = self.inside[0] if given is None else given
        return Streams(stdin, self.inside[1], self.inside[1])

    def go(self) -> None:
        """Let the program go on, if it still is."""
        with suppress(BrokenPipeError):
            os.write(self.outside[0], b"go\n")

    async def cut(self) -> None:
        os.close(self.inside[1])
        await asyncio.sleep(0)
        os.close(self.inside[0])
        os.close(self.outside[0])
        assert self._transport is not None
        self._transport.close()
        await asyncio.sleep(0)


class _Reader(asyncio.Protocol):
    """Takes what is printed; the program is ready when it says so."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def data_received(self, data: bytes) -> None:
        out = self._wires.scene.out
        if len(out) < (256 << 20):
            out += data
        if b"READY\n" in data or b"READY\n" in out[-4096:]:
            self._wires.ready.set()


async def play(attack: Attack, scene: Scene, tier: Tier) -> bool:
    """Whether an attack succeeds in a sandbox of a tier."""
    scene.tier = tier
    async with attack.stage(scene):
        wires = await Wires.lay(scene)
        try:
            box = await tier.box(order_of(attack, scene), wires.streams)
            try:
                await _run(attack, scene, box, wires)
                if attack.keep:
                    await _keep(attack, scene, box)
            finally:
                await box.close()
        finally:
            await asyncio.sleep(0.01)  # what is still in the pipe
            await wires.cut()
        _begun(scene)
        await asyncio.sleep(0.02)  # what listeners have not read yet
        return attack.judge(scene)


async def _run(attack: Attack, scene: Scene, box: Box, wires: Wires) -> None:
    run = asyncio.ensure_future(box.run())
    ready = asyncio.ensure_future(wires.ready.wait())
    try:
        async with asyncio.timeout(attack.patience):
            if attack.meanwhile is not None:
                await asyncio.wait((run, ready), return_when=asyncio.FIRST_COMPLETED)
                if ready.done():
                    await attack.meanwhile(scene, box)
            wires.go()
            scene.ended = await asyncio.shield(run)
    except TimeoutError:
        scene.stopped = True
    finally:
        ready.cancel()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


async def _keep(attack: Attack, scene: Scene, box: Box) -> None:
    path = attack.keep
    if "{" in path:
        secret = scene.facts["secrets"][0]
        path = path.format(secret=secret, folder=Path(secret).parent.name)
    try:
        async with asyncio.timeout(10):
            scene.kept = await box.keep(path, scene.into)
    except TollwayError as error:
        scene.error = str(error)
    except TimeoutError:
        scene.found["hung"] = True


async def play_outside(attack: Attack, scene: Scene, *, session: bool = True) -> bool:
    """Whether it succeeds as a plain process of this machine, in a session of its own or ours."""
    async with attack.stage(scene):
        wires = await Wires.lay(scene)
        work = scene.folder / "work"
        work.mkdir()
        if scene.mounts:
            scene.facts["mounted"] = str(scene.mounts[0].source)
        order = order_of(attack, scene)
        process = await asyncio.create_subprocess_exec(
            *order.argv, stdin=wires.streams.stdin, stdout=wires.inside[1], stderr=wires.inside[1],
            cwd=work, env=dict(order.environment), start_new_session=session,
        )  # fmt: skip
        box = _Outside(process)
        try:
            await _run(attack, scene, box, wires)
        finally:
            await box.close()
            await asyncio.sleep(0.01)
            await wires.cut()
        _begun(scene)
        await asyncio.sleep(0.02)  # what listeners have not read yet
        return attack.judge(scene)


class _Outside:
    """No sandbox at all."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self) -> Ended:
        code = await self._process.wait()
        return Ended(code, "exit", "", Seconds(0.0))

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def keep(self, path: str, into: Path) -> Kept:
        raise NotImplementedError

    async def close(self) -> None:
        with suppress(ProcessLookupError):
            if os.getpgid(self._process.pid) != os.getpgrp():
                os.killpg(self._process.pid, 9)
            self._process.kill()
        await self._process.wait()


def _begun(scene: Scene) -> None:
    assert b"BEGUN\n" in scene.out, f"the program did not begin: {bytes(scene.out)!r}"
