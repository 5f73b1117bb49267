"""What tests of sandboxes need of a machine: skipped by name without it, and failed in CI."""

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


def needs_vm(*packages: str) -> None:
    """The `vm` tier, with a default template that has these Python packages."""
    from tollway.sandbox.vm.template import find, folder_of_templates
    from tollway.sandbox.vm.tier import tier

    try:
        tier(folder_of_templates())
        there = find(folder_of_templates()).manifest.python
    except TollwayError as error:
        missing(str(error))
        return
    if lacking := [it for it in packages if it not in there]:
        missing(f"sandbox build {' '.join(f'--python {it}' for it in packages)} ({lacking})")


def missing(mend: str) -> None:
    """Skip here, and fail in CI, where everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(mend)
    pytest.skip(mend)
