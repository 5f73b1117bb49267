"""Running commands in the `ns` tier, for its tests."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.ns.tier import NsTier, tier
from tollway.sandbox.order import Ended, Limits, Mount, Order, Streams

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/home/agent", "LANG": "C.UTF-8"}


def order(*argv: str, **changes: object) -> Order:
    return replace(Order(argv, ENVIRONMENT, "t1"), **changes)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Seen:
    """What a command did."""

    ended: Ended
    out: str
    err: str


@dataclass
class Runner:
    """Runs one command after another, each in a sandbox of its own."""

    folder: Path
    tier: NsTier
    mounts: tuple[Mount, ...] = ()
    exits: Mapping[int, Path] = field(default_factory=dict[int, Path])

    async def __call__(
        self, *argv: str, limits: Limits | None = None, stdin: bytes = b"", **changes: object
    ) -> Seen:
        asked = order(
            *argv, mounts=self.mounts, exits=self.exits, limits=limits or Limits(), **changes
        )
        out, err, given = (self.folder / name for name in ("out", "err", "in"))
        given.write_bytes(stdin)
        with given.open("rb") as i, out.open("wb") as o, err.open("wb") as e:
            box = await self.tier.box(asked, Streams(i.fileno(), o.fileno(), e.fileno()))
            try:
                ended = await box.run()
            finally:
                await box.close()
        return Seen(ended, out.read_text(errors="replace"), err.read_text(errors="replace"))

    async def python(self, script: str, **changes: object) -> Seen:
        return await self("/usr/bin/python3", "-c", script, **changes)  # pyright: ignore[reportArgumentType]


def without(folder: Path, **off: bool) -> Runner:
    """A runner with some defences off."""
    return Runner(folder, tier(replace(ALL, **off)))


def with_all(folder: Path, defences: Defences = ALL) -> Runner:
    return Runner(folder, tier(defences))


def descriptors() -> set[str]:
    """What is open in this process."""
    return {os.readlink(f"/proc/self/fd/{each}") for each in _numbers()}


def _numbers() -> list[str]:
    with os.scandir("/proc/self/fd") as entries:
        return [entry.name for entry in entries if Path(entry.path).is_symlink()]
