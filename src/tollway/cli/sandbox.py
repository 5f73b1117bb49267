"""`tollway sandbox`: make what sandboxes need, and say what this machine can do.

Rules
1. Where a tier cannot run, the doctor says why and exits with 1.
"""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from tollway.sandbox.check import Check
    from tollway.sandbox.vm.template import Template

sandbox = App(
    name="sandbox",
    help="Make what sandboxes need, and say which tiers this machine can run.",
)

_NO_FLAG = Parameter(negative="")
_EACH = Parameter(negative="", consume_multiple=False)
_QUIET_SECONDS = 2.0


@sandbox.command
def build(
    *,
    package: Annotated[list[str] | None, _EACH] = None,
    python: Annotated[list[str] | None, _EACH] = None,
    memory: str = "512MiB",
    name: str = "default",
    again: Annotated[bool, _NO_FLAG] = False,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Make a template for the tier vm from Debian packages, or find that it is there.

    Packages are unpacked, not installed: no maintainer script of theirs runs.

    Parameters
    ----------
    package
        A Debian package that tasks need, with all that it depends on; may be given again.
    python
        A Python requirement that tasks need, as a wheel; may be given again.
    memory
        The memory of each machine.
    name
        What `tollway run --template` calls it.
    again
        Make it anew though it is there.
    json
        Print one JSON object.
    """
    import asyncio

    from tollway.sandbox.vm.build import Wanted, build
    from tollway.sandbox.vm.template import folder_of_templates

    wanted = Wanted(tuple(package or ()), tuple(python or ()), _memory(memory))
    folder = folder_of_templates()
    made, new = asyncio.run(build(wanted, folder, _name(name), _Progress().tell, again=again))
    if json:
        _print_json({"name": name, "new": new, **_facts(made)})
        return 0
    _print_template(made)
    said = "Made" if new else "It is there already:"
    sys.stderr.write(f"{said} template {name} ({made.manifest.digest[:12]}) in {made.folder}.\n")
    return 0


@sandbox.command
def doctor(*, name: str = "default", json: Annotated[bool, _NO_FLAG] = False) -> int:
    """Say which tiers this machine can run, and what to install for the others.

    Exit code 1 where one cannot run.

    Parameters
    ----------
    name
        The template to look at, every byte of it.
    json
        Print one JSON object.
    """
    from tollway.sandbox.ns import doctor as ns
    from tollway.sandbox.vm import doctor as vm
    from tollway.sandbox.vm.template import folder_of_templates

    found = {"ns": ns.checks(), "vm": vm.checks(folder_of_templates(), name)}
    runs = {tier: all(it.ok or not it.needed for it in rows) for tier, rows in found.items()}
    install = _install([it for rows in found.values() for it in rows])
    if json:
        tiers = {
            tier: {"runs": runs[tier], "checks": [_check(it) for it in rows]}
            for tier, rows in found.items()
        }
        _print_json({"tiers": tiers, "install": install})
    else:
        for tier, rows in found.items():
            _print_checks(tier, runs[tier], rows)
        if install:
            sys.stderr.write(f"To install what is missing: {install}\n")
    return 0 if all(runs.values()) else 1


@sandbox.command(name="list")
def list_templates(*, json: Annotated[bool, _NO_FLAG] = False) -> int:
    """List the templates that there are.

    Parameters
    ----------
    json
        Print a JSON list.
    """
    from tollway.cli.table import Column, print_table
    from tollway.sandbox.vm.template import folder_of_templates, listed

    found = listed(folder_of_templates())
    if json:
        _print_json([{"names": names, **_facts(made)} for made, names in found])
        return 0
    if not found:
        sys.stderr.write("No templates. `tollway sandbox build` makes one.\n")
        return 0
    columns = [Column(it) for it in ("name", "digest", "memory", "size", "packages", "python")]
    rows = [
        [", ".join(names) or "-", made.manifest.digest[:12], _mib(made.memory), _mib(made.size()),
         str(len(made.manifest.packages)), str(len(made.manifest.python))]
        for made, names in found
    ]  # fmt: skip
    print_table(columns, rows)
    return 0


@sandbox.command
def remove(name: str, /) -> int:
    """Remove a template's name and, with the last one, the template.

    Parameters
    ----------
    name
        As `tollway sandbox list` shows it.
    """
    from tollway.sandbox.vm.template import folder_of_templates, removed

    freed = removed(folder_of_templates(), _name(name))
    sys.stderr.write(f"Removed {name}; {_mib(freed)} are free again.\n")
    return 0


class _Progress:
    """Words for whoever waits longer than two seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._held: list[str] = []

    def tell(self, words: str) -> None:
        self._held.append(words)
        if time.monotonic() - self._began > _QUIET_SECONDS:
            sys.stderr.write("".join(f"{it} ...\n" for it in self._held))
            sys.stderr.flush()
            self._held.clear()


def _name(name: str) -> str:
    import re

    from tollway.errors import TollwayError

    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        return name
    raise TollwayError(
        f"sandbox: {name[:70]!r} is no name for a template. Use small letters, digits, . _ and -."
    )


def _memory(text: str) -> Any:
    """Bytes of "512MiB" or "1GiB"."""
    import re

    from tollway.errors import TollwayError
    from tollway.units import Bytes

    match = re.fullmatch(r"(\d{1,6})\s*(MiB|GiB)", text)
    if match is None:
        raise TollwayError(f'sandbox build: --memory is "{text[:40]}". Say it as 512MiB or 1GiB.')
    return Bytes(int(match[1]) << (20 if match[2] == "MiB" else 30))


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"


def _facts(made: "Template") -> dict[str, Any]:
    manifest = made.manifest
    return {
        "digest": manifest.digest,
        "folder": str(made.folder),
        "memory": manifest.memory,
        "size": made.size(),
        "kernel": manifest.kernel,
        "accelerator": made.accelerator(),
        "probe": manifest.probe.words,
        "packages": manifest.packages,
        "python": manifest.python,
        "seconds": manifest.seconds,
    }


def _print_template(made: "Template") -> None:
    from tollway.cli.table import Column, print_table

    manifest = made.manifest
    rows = [["kernel", *manifest.kernel.split(" ", 1)]]
    rows += [["debian", name, version] for name, version in manifest.packages.items()]
    rows += [["python", *name.split(" ", 1)] for name in manifest.python]
    rows += [["file", name, _mib(it.size)] for name, it in sorted(manifest.files.items())]
    rows.append(["", "memory", _mib(made.memory)])
    rows.append(["", "accelerator", made.accelerator()])
    rows.append(["", "digest", manifest.digest])
    print_table([Column("kind"), Column("what"), Column("version or size")], rows)


def _print_checks(tier: str, runs: bool, rows: "list[Check]") -> None:
    from tollway.cli.table import printable

    sys.stdout.write(f"{tier}: {'runs here' if runs else 'cannot run here'}\n")
    for it in rows:
        mark = "ok" if it.ok else ("MISSING" if it.needed else "without")
        mend = f" -> {it.mend}" if not it.ok and it.mend else ""
        sys.stdout.write(f"  {mark:<8} {it.name}: {printable(it.words)}{mend}\n")


def _check(it: "Check") -> dict[str, Any]:
    mend = None if it.ok else it.mend
    return {"name": it.name, "ok": it.ok, "needed": it.needed, "words": it.words, "mend": mend}


def _install(checks: "list[Check]") -> str | None:
    missing = sorted({it.package for it in checks if not it.ok and it.package})
    return f"apt-get install {' '.join(missing)}" if missing else None


def _print_json(value: Any) -> None:
    import json

    sys.stdout.write(f"{json.dumps(value, indent=2)}\n")
