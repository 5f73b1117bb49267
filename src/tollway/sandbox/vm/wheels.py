"""Python packages for a guest: wheels alone, for the guest's Python, by this machine's installer.

Rules
1. Nothing of a package runs when it is put in: no source is built.
"""

import re
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.vm.tools import found, ran

PLACE = "usr/local/lib/python{version}/dist-packages"
"""Where Debian's Python looks for what Debian did not pack."""
_MEND = (
    "Is there such a version, with a wheel for the guest's Python {version}, and is the index "
    "within reach?"
)


async def installed(requirements: Sequence[str], root: Path, version: str) -> dict[str, str]:
    """Put these and all that they need into a root; `name version -> digest` of each.

    Raises:
        TollwayError: no installer, no such package, no index.
    """
    if not requirements:
        return {}
    place = root / PLACE.format(version=version)
    place.mkdir(parents=True, exist_ok=True)
    await ran(
        (*await _installer(version), "--only-binary", ":all:", "--target", place, *requirements),
        _MEND.format(version=version),
    )
    _commands(place, root / "usr/local/bin")
    return dict(sorted(map(_described, place.glob("*.dist-info"))))


async def _installer(version: str) -> tuple[str | Path, ...]:
    short = version.replace(".", "")
    uv = found("uv")
    if uv is not None:
        platform = ("--python-platform", "x86_64-manylinux_2_36", "--python-version", version)
        return (uv, "pip", "install", "-q", *platform)
    platforms = (f"manylinux_2_{minor}_x86_64" for minor in (36, 34, 31, 28, 27, 24, 17))
    names = [it for name in (*platforms, "manylinux2014_x86_64") for it in ("--platform", name)]
    try:
        await ran((sys.executable, "-m", "pip", "--version"), "")
    except TollwayError:
        raise TollwayError(
            "sandbox build: --python needs uv or pip, and neither is here. "
            "`pip install uv` brings one."
        ) from None
    abis = [it for name in (f"cp{short}", "abi3", "none") for it in ("--abi", name)]
    python = ("--python-version", short, "--implementation", "cp", *abis)
    return (sys.executable, "-m", "pip", "install", "-q", "--no-compile", *python, *names)


def _commands(place: Path, programs: Path) -> None:
    """Move the packages' commands to PATH, to be run by the guest's Python."""
    programs.mkdir(parents=True, exist_ok=True)
    for command in sorted((place / "bin").glob("*")):
        data = command.read_bytes()
        target = programs / command.name
        target.write_bytes(re.sub(rb"\A#![^\n]*python[^\n]*\n", b"#!/usr/bin/python3\n", data))
        target.chmod(0o755)
        command.unlink()


def _described(info: Path) -> tuple[str, str]:
    name, _, version = info.name.removesuffix(".dist-info").partition("-")
    record = info / "RECORD"
    rows = sorted(it for it in record.read_bytes().splitlines() if b"sha256=" in it)
    # RECORD has a digest of every file; commands are written anew, so they are no part of it.
    kept = (it for it in rows if not it.startswith((b"../", b"bin/")))
    return f"{name} {version}", sha256(b"\n".join(kept)).hexdigest()
