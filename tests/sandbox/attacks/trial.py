"""The two tests of a table of attacks."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from attack import Attack, Scene, play, play_outside, without

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.order import Tier
from tollway.units import Bytes

Test = Callable[[Attack, Path], Awaitable[None]]


@lru_cache
def ns(defences: Defences = ALL) -> Tier:
    from tollway.sandbox.ns.tier import tier

    return tier(defences=defences)


@lru_cache
def _templates() -> Path:
    """A folder with the template that the tests of the tier share."""
    from tollway.sandbox.vm.build import Wanted, build
    from tollway.sandbox.vm.template import folder_of_templates

    for program in ("qemu-system-x86_64", "bwrap"):
        if shutil.which(program) is None:
            missing(f"{program} is missing")
    folder = folder_of_templates()
    wanted = Wanted(memory=Bytes(256 << 20))
    try:
        with ThreadPoolExecutor(1) as aside:  # a test's own loop may be running
            aside.submit(asyncio.run, build(wanted, folder, "tests", lambda words: None)).result()
    except TollwayError as error:
        missing(str(error))
    return folder


def missing(words: str) -> None:
    """Without it a test is skipped by name, and fails in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


def vm(off: tuple[str, ...] = ()) -> Tier:
    from tollway.sandbox.vm.tier import tier

    return tier(_templates(), without(off), name="tests")


def _named(attacks: Sequence[Attack], *, defended: bool) -> list[Any]:
    made: list[Any] = []
    for attack in attacks:
        marks: list[pytest.MarkDecorator] = []
        if defended and attack.hole:
            marks.append(pytest.mark.xfail(reason=attack.hole))
        # What is left running is, and a careless relay is cut off with what it holds.
        if not defended and {"teardown", "token."} & set(attack.off):
            left = "ignore::pytest.PytestUnraisableExceptionWarning"
            marks.append(pytest.mark.filterwarnings(left))
        made.append(pytest.param(attack, id=attack.name, marks=marks))
    names = [attack.name for attack in attacks]
    assert len(set(names)) == len(names), "two attacks of one name"
    return made


def fails(attacks: Sequence[Attack]) -> Test:
    """With all defences on."""

    @pytest.mark.parametrize("attack", _named(attacks, defended=True))
    async def test(attack: Attack, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        if attack.refused:
            with pytest.raises(TollwayError, match=attack.refused):
                await play(attack, scene, ns())
            return
        assert not await play(attack, scene, ns()), (scene.found, bytes(scene.out[-2000:]))

    return test


def succeeds(attacks: Sequence[Attack]) -> Test:
    """The control, with its defence off."""
    honest = [attack for attack in attacks if not attack.no_control]

    @pytest.mark.parametrize("attack", _named(honest, defended=False))
    async def test(attack: Attack, tmp_path: Path) -> None:
        scene = Scene(tmp_path, off=attack.off)
        if attack.off:
            done = await play(attack, scene, ns(without(attack.off)))
        else:
            done = await play_outside(attack, scene)
        assert done, (scene.error, scene.ended, scene.found, bytes(scene.out[-2000:]))

    return test
