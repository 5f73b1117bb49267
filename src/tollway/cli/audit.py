"""`tollway audit`: what is wrong with the components of a lock, and what nobody could look at.

Rules
1. Exit 0 where all was looked at and nothing found, 1 for findings, else 3 where anything was not
   audited.
2. Nothing is asked of a network but the indexes that options name.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter
from msgspec.structs import replace

from tollway.cli.table import printable
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.inspect.lockfile import write_lock_file
from tollway.pins.component import Ecosystem, NpmPackage, Package, PypiPackage, Weights, called
from tollway.pins.finding import Finding, Findings, Unaudited, together
from tollway.pins.lock import Lock, read_lock
from tollway.pins.severity import ORDER, severity_of

if TYPE_CHECKING:
    from tollway.pins.auditing import Accepted
    from tollway.pins.auditing_packages import PackageFacts

_NO_FLAG = Parameter(negative="")
NO_EXTRA = "this needs packages that are not here. Install the extra: pip install 'tollway[pins]'"


def audit(
    lock: Path = Path("ai.lock"),
    /,
    *,
    index: str | None = None,
    registry: str | None = None,
    advisories: Path | None = None,
    oldest: int = 7,
    artifacts: Path | None = None,
    offline: Annotated[bool, _NO_FLAG] = False,
    today: str | None = None,
    write: Annotated[bool, _NO_FLAG] = False,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Look at every component of a lock; exit 1 for findings, 3 where anything was not audited.

    Parameters
    ----------
    lock
        The lock.
    index
        The URL of a Python index with PEP 691's JSON, ending in /simple. None is asked by itself.
    registry
        The URL of an npm registry.
    advisories
        A folder, zip or JSON file of advisories in the OSV format.
    oldest
        Advisories are too old when the newest of them is older than so many days.
    artifacts
        A folder with the locked wheels, sdists and tarballs; they are opened, and nothing is run.
    offline
        Ask no index, whatever other options say.
    today
        The day to judge by, as 2026-11-30. Default: today, UTC.
    write
        Write into the lock what it did not know of its packages: upload times, sizes, publishers
        whose attestations hold, and what artifacts run. What it knows stays as it is.
    json
        Print one JSON object.
    """
    _need_the_extra()
    day = _day(today)
    held = lock_of(lock)
    asked: dict[str, str] = {} if offline else {"pypi": index or "", "npm": registry or ""}
    facts, filled, written = _facts(held, asked, advisories, artifacts, day, oldest)
    found = _audited(filled, facts, lock, day)
    if write and written != held:
        write_lock_file(lock, written)
        sys.stderr.write(f"{lock}: what was learned of its packages is written.\n")
    attested = _attested(facts)
    if json:
        sys.stdout.write(msgspec.json.encode(_plain(found, attested)).decode() + "\n")
    else:
        _print(found, attested)
    return found.exit_code


def _need_the_extra() -> None:
    for module in ("packaging.pylock", "packageurl", "httpx2"):
        try:
            import_module(module)
        except ModuleNotFoundError:
            raise TollwayError(f"{module}: {NO_EXTRA}") from None


def lock_of(path: Path) -> Lock:
    """The lock of a file.

    Raises:
        FaultsFound: it cannot be read, or is none.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        fault = Fault(f"{path}:", f"cannot be read: {reason}", "Write one: tollway lock")
        raise FaultsFound([fault]) from None
    return read_lock(text, path.name)


def _day(today: str | None) -> date:
    if today is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(today)
    except ValueError:
        raise FaultsFound([Fault("--today", f"is {today!r}", "Write 2026-11-30.")]) from None


def _facts(
    lock: Lock,
    asked: Mapping[str, str],
    advisories: Path | None,
    artifacts: Path | None,
    today: date,
    oldest: int,
) -> tuple["PackageFacts", Lock, Lock]:
    """What options bring: facts for the rules, the lock with what its artifacts run, and the lock
    with all that was learned."""
    from tollway.inspect.packages import enrich
    from tollway.inspect.packages.advisory_files import read_advisories
    from tollway.inspect.packages.shelf import looked_into, shelf_of
    from tollway.pins.auditing_packages import PackageFacts
    from tollway.pins.learned import learned

    packages = [it for it in lock.component if isinstance(it, PypiPackage | NpmPackage)]
    records = read_advisories(advisories, packages) if advisories is not None else None
    shelf = shelf_of(artifacts) if artifacts is not None else None
    into = {called(it): looked_into(it, shelf) for it in packages} if shelf is not None else {}
    indexes: dict[Ecosystem, str] = {it: asked.get(it, "") for it in ("pypi", "npm")}
    enriched = asyncio.run(enrich(packages, indexes)) if asked else None
    facts = PackageFacts(
        today,
        records,
        oldest,
        "" if asked else "--offline was given",
        enriched.indexed if enriched is not None else {},
        enriched.attested if enriched is not None else {},
        {name: it.looked for name, it in into.items()},
    )
    opened = {name: it.package for name, it in into.items()}
    told = {called(it): it for it in enriched.packages} if enriched is not None else {}
    new = {
        called(it): learned(it, told.get(called(it), it), opened.get(called(it), it))
        for it in packages
    }
    return facts, _with(lock, opened), _with(lock, new)


def _with(lock: Lock, packages: Mapping[str, Package]) -> Lock:
    filled = tuple(packages.get(called(it), it) for it in lock.component)
    return replace(lock, component=filled)


def _attested(facts: "PackageFacts") -> dict[str, list[str]]:
    """Whom attestations prove, by component."""
    from tollway.pins.auditing_packages import publisher_words
    from tollway.pins.packages import Attested

    proved: dict[str, list[str]] = {}
    for (name, _), it in sorted(facts.attested.items()):
        for publisher in it.publishers if isinstance(it, Attested) else ():
            words = publisher_words(publisher)
            if words not in proved.setdefault(name, []):
                proved[name].append(words)
    return proved


def _audited(lock: Lock, facts: "PackageFacts", path: Path, today: date) -> Findings:
    from tollway.pins.auditing import AuditFacts
    from tollway.pins.auditing import audit as judge

    accepted = _accepted(path.parent / lock.fleet)
    found = judge(lock, AuditFacts(today, facts, _weights(path.parent)), accepted)
    unread = facts.advisories.unread if facts.advisories is not None else ()
    return together([found, Findings((), tuple(Unaudited("advisories", *it) for it in unread))])


def _accepted(fleet: Path) -> "Accepted":
    """What the fleet file accepts; nothing where it is not there."""
    from tollway.inspect.fleetfile import read_fleet

    if not fleet.exists():
        sys.stderr.write(f"{fleet}: is not there, so no finding is accepted.\n")
        return {}
    pins = read_fleet(fleet).pins
    accepted = pins.accept if pins is not None else ()
    return {(it.component, it.rule): (it.reason, it.until) for it in accepted}


def _weights(folder: Path) -> Callable[[Weights], Findings] | None:
    """How to look at weights; None where that is not built in."""
    try:
        examine = import_module("tollway.inspect.weights").examine
    except (ModuleNotFoundError, AttributeError):
        return None

    def look(weights: Weights) -> Findings:
        found: list[Findings] = []
        for file in weights.files:
            path = folder / file.path
            if path.is_file():
                rules = {"formats": weights.formats, "globals": weights.globals}
                try:
                    found.append(examine(path, **rules, name=weights.name))
                except FaultsFound as error:
                    why = error.faults[0].problem
                    left = Unaudited(f"weights:{weights.name}", file.path, why)
                    found.append(Findings((), (left,)))
            else:
                left = Unaudited(f"weights:{weights.name}", file.path, "it is not there")
                found.append(Findings((), (left,)))
        return together(found)

    return look


def by_severity(found: Iterable[Finding]) -> list[Finding]:
    """What matters most first, else in their order."""
    return sorted(found, key=lambda it: ORDER.index(severity_of(it.rule)))


def _print(found: Findings, attested: Mapping[str, list[str]]) -> None:
    for it in by_severity(found.found):
        place = f" {it.place}:" if it.place else ""
        words = f"{severity_of(it.rule):5} {it.component}:{place} {it.problem}. {it.mend}"
        sys.stdout.write(printable(f"{words} [{it.rule}]") + "\n")
    for name, publishers in attested.items():
        sys.stdout.write(printable(f"attested {name}: {', '.join(publishers)}") + "\n")
    print_unaudited(found.unaudited)
    words = f"{found.looked} components: {len(found.found)} findings, "
    sys.stderr.write(f"{words}{len(found.unaudited)} things not audited.\n")


def print_unaudited(unaudited: Iterable[Unaudited]) -> None:
    """What was not audited, the same reasons together."""
    together_: dict[tuple[str, str], list[str]] = defaultdict(list)
    for it in unaudited:
        together_[it.what, it.why].append(it.component)
    for (what, why), names in together_.items():
        more = f" and {len(names) - 3} more (--json names them)" if len(names) > 3 else ""
        words = f"not audited {', '.join(names[:3])}{more}: {what}: {why}"
        sys.stdout.write(printable(words) + "\n")


def _plain(found: Findings, attested: Mapping[str, list[str]]) -> dict[str, object]:
    rows = [{"severity": severity_of(it.rule), **_fields(it)} for it in by_severity(found.found)]
    return {
        "looked": found.looked,
        "findings": rows,
        "unaudited": [_fields(it) for it in found.unaudited],
        "attested": attested,
        "exit_code": found.exit_code,
    }


def _fields(value: Finding | Unaudited) -> dict[str, object]:
    return msgspec.to_builtins(value)
