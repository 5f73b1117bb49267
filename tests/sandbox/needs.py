"""What tests of sandboxes need of a machine: skipped by name without it, and failed in CI."""

import asyncio
import os

import pytest

from tollway.errors import TollwayError


def needs_ns() -> None:
    """The `ns` tier."""
    from tollway.sandbox.ns.tier import tier

    try:
        tier()
    except TollwayError as error:
        missing(str(error))


def needs_vm(name: str, *packages: str) -> None:
    """The `vm` tier, with a template of this name that has these Python packages: it is made where
    it is not there. Not to be called from a running loop."""
    from tollway.sandbox.vm.build import Wanted, build
    from tollway.sandbox.vm.template import folder_of_templates
    from tollway.sandbox.vm.tier import tier

    folder = folder_of_templates()
    try:
        asyncio.run(build(Wanted(python=packages), folder, name, lambda words: None))
        tier(folder, name=name)
    except TollwayError as error:
        missing(str(error))


def missing(mend: str) -> None:
    """Skip here, and fail in CI, where everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(mend)
    pytest.skip(mend)
