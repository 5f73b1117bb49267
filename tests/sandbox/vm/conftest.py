"""The template that these tests share: built once, kept in the user's cache."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL
from tollway.sandbox.order import Limits, Order
from tollway.sandbox.vm.build import Wanted, build
from tollway.sandbox.vm.template import folder_of_templates
from tollway.sandbox.vm.tier import VmTier, tier
from tollway.units import Bytes

_NAME = "tests"
_SMALL = Wanted(memory=Bytes(256 << 20))


def missing(words: str) -> None:
    """Without it a test is skipped by name, and fails in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session")
def templates() -> Path:
    """A folder with a template of this very source."""
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("bwrap", "bubblewrap")):
        if shutil.which(program) is None:
            missing(f"{program} is missing: apt-get install {package}")
    folder = folder_of_templates()
    try:
        asyncio.run(build(_SMALL, folder, _NAME, lambda words: None))
    except TollwayError as error:
        missing(str(error))
    return folder


@pytest.fixture
def vm(templates: Path) -> Callable[..., VmTier]:
    """A tier with all defences but those that are named off."""

    def made(**off: bool) -> VmTier:
        return tier(templates, replace(ALL, **off) if off else ALL, name=_NAME)

    return made


@pytest.fixture
def order() -> Callable[..., Order]:
    """An order for a command, with whatever else it says."""

    def made(*argv: str, limits: Limits | None = None, **more: object) -> Order:
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/home/agent"}
        given = Order(argv, environment, "t1", limits=limits or Limits(memory=Bytes(200 << 20)))
        return replace(given, **more)  # type: ignore[arg-type]

    return made
