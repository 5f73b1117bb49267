"""`tollway verify`: holds the lock against what is here, without the network."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

_NO_FLAG = Parameter(negative="")


def verify(
    fleet: Path = Path("fleet.toml"),
    /,
    *,
    key: Path | None = None,
    environment: Path | None = None,
    weights: bool = True,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Hold the lock against what is here, without the network: files, packages, models, tools.

    Exit code 0: all is as locked. 1: something is not. 3: something was not looked at; each such
    thing is named.

    Parameters
    ----------
    fleet
        The fleet file.
    key
        A public key (PEM) that the lock must be signed with.
    environment
        A Python environment (a venv's folder) whose installed packages must be the locked ones.
    weights
        Hash the files of weights; --no-weights compares names and sizes and says so.
    json
        Print one JSON object.
    """
    from tollway.cli.findings import print_findings, print_json
    from tollway.cli.locked import progress
    from tollway.inspect.fleetfile import read_fleet
    from tollway.inspect.locked import lock_path, look, signature_fault
    from tollway.inspect.lockfile import read_lock_file
    from tollway.pins.finding import Finding, Findings, together
    from tollway.tools.pinned import pinned_tools

    declared = read_fleet(fleet)
    path = lock_path(declared, fleet)
    lock = read_lock_file(path)
    looks: list[Findings] = []
    if key is not None and (problem := signature_fault(path, key)) is not None:
        mend = "Find out who wrote it; if it is meant, run: tollway lock --sign KEY"
        looks.append(Findings((Finding("lock", "verify.signature", problem, mend, path.name),)))
    tools = pinned_tools(declared, fleet)
    looks.append(look(declared, fleet, lock, tools, progress if weights else None))
    if environment is not None:
        from tollway.inspect.installed import installed

        looks.append(installed(environment, lock))
    findings = together(looks)
    if json:
        print_json(findings.found, findings.unaudited, {"components": findings.looked})
        return findings.exit_code
    return print_findings(findings, "verified")
