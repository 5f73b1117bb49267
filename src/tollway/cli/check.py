"""`tollway check`: every fault of a fleet file at once."""

import json as json_text
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tollway.errors import Fault, FaultsFound
from tollway.fleet.cautions import cautions
from tollway.fleet.credential import Credential
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import idle_includes, read_fleet
from tollway.inspect.lockfile import loose
from tollway.inspect.secretfile import is_readable_by_all, read_secret

_EXIT_FAULTS = 2


def check(file: Path = Path("fleet.toml"), /, *, json: bool = False) -> int:
    """Print every fault of a fleet file at once.

    Exit code 0: sound, perhaps with warnings. 2: faulty.

    Parameters
    ----------
    file
        The fleet file.
    json
        Print one JSON object with faults and warnings.
    """
    warnings = idle_includes(file)
    try:
        fleet = read_fleet(file)
        warnings += loose(fleet, file)
    except FaultsFound as found:
        if json:
            _print({"ok": False, "faults": _plain(found.faults), "warnings": _plain(warnings)})
        else:
            _warn(warnings)
            sys.stderr.write(f"{found}\n{_count(len(found.faults), 'fault')} in {file}\n")
        return _EXIT_FAULTS
    warnings += [*cautions(fleet, datetime.now(UTC).date()), *_secrets(fleet)]
    if json:
        _print({"ok": True, "digest": fleet.digest, "faults": [], "warnings": _plain(warnings)})
        return 0
    _warn(warnings)
    sys.stdout.write(f"{file} is sound: {summary(fleet)}\n")
    return 0


def _warn(warnings: Iterable[Fault]) -> None:
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")


def summary(fleet: Fleet) -> str:
    """What a fleet holds, in one line: what it serves with, and what of a plan it has."""
    served = (
        _count(len(fleet.models), "model"),
        _count(len(fleet.sources), "source"),
        _count(len(fleet.routes), "route"),
        _count(len(fleet.tenants), "tenant"),
    )
    planned = (
        (len(fleet.contracts), "contract"),
        (len(fleet.workloads), "workload"),
        (len(fleet.sites), "site"),
        (len(fleet.builds), "build"),
    )
    return ", ".join((*served, *(_count(number, word) for number, word in planned if number)))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _secrets(fleet: Fleet) -> Iterable[Fault]:
    """Secrets that cannot be read here; the file may be meant for another machine."""
    seen: set[Credential] = set()
    for source in fleet.sources.values():
        credential = source.credential
        if credential is None or credential in seen:
            continue
        seen.add(credential)
        try:
            read_secret(credential)
        except FaultsFound as found:
            yield from found.faults
        if is_readable_by_all(credential):
            mend = f"Run: chmod 600 {shlex.quote(credential.name)}"
            yield Fault(f"credential file:{credential.name}", "may be read by anyone", mend)


def _plain(faults: Iterable[Fault]) -> list[dict[str, str]]:
    return [
        {"place": fault.place, "problem": fault.problem, "mend": fault.mend} for fault in faults
    ]


def _print(facts: dict[str, Any]) -> None:
    sys.stdout.write(json_text.dumps(facts, indent=2, ensure_ascii=False) + "\n")
