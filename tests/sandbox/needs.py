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
        there = {it.split()[0] for it in find(folder_of_templates()).manifest.python}
    except TollwayError as error:
        missing(str(error))
        return
    if not there.issuperset(packages):
        asked = " ".join(f"--python {it}" for it in packages)
        missing(f"The default template lacks packages. Run: tollway sandbox build {asked}")


def missing(mend: str) -> None:
    """Skip here, and fail in CI, where everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(mend)
    pytest.skip(mend)
