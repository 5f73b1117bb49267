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

from tollway.cli.table import printable
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.pins.component import Ecosystem, NpmPackage, Publisher, PypiPackage, Weights
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
    json
        Print one JSON object.
    """
    try:
        import_module("packaging.pylock")
        import_module("packageurl")
        import_module("httpx2")
    except ModuleNotFoundError as error:
        raise TollwayError(f"{error.name}: {NO_EXTRA}") from None
    day = _day(today)
    held = lock_of(lock)
    asked: dict[str, str] = {} if offline else {"pypi": index or "", "npm": registry or ""}
    facts, publishers, held = _facts(held, asked, advisories, artifacts, day, oldest)
    found = _audited(held, facts, lock, day)
    attested = {name: [_words(it) for it in publishers[name]] for name in sorted(publishers)}
    if json:
        sys.stdout.write(msgspec.json.encode(_plain(found, attested)).decode() + "\n")
    else:
        _print(found, attested)
    return found.exit_code


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
) -> tuple["PackageFacts", Mapping[str, tuple[Publisher, ...]], Lock]:
    """What options bring: facts for the rules, whom attestations prove, and the lock with what its
    artifacts run filled in."""
    from tollway.catalog.bad_releases import bad_releases
    from tollway.inspect.packages import enrich
    from tollway.inspect.packages.advisory_files import read_advisories
    from tollway.inspect.packages.shelf import looked_into, shelf_of
    from tollway.pins.auditing_packages import PackageFacts
    from tollway.pins.component import called
    from tollway.pins.packages import Attested

    packages = [it for it in lock.component if isinstance(it, PypiPackage | NpmPackage)]
    records = read_advisories(advisories, packages) if advisories is not None else None
    shelf = shelf_of(artifacts) if artifacts is not None else None
    into = {called(it): looked_into(it, shelf) for it in packages} if shelf is not None else {}
    indexes: dict[Ecosystem, str] = {it: asked.get(it, "") for it in ("pypi", "npm")}
    enriched = asyncio.run(enrich(packages, indexes)) if asked else None
    facts = PackageFacts(
        today,
        bad_releases(),
        records,
        oldest,
        "" if asked else "--offline was given",
        enriched.indexed if enriched is not None else {},
        enriched.attested if enriched is not None else {},
        {name: it.looked for name, it in into.items()},
    )
    proved: dict[str, tuple[Publisher, ...]] = {}
    for (name, _), it in facts.attested.items():
        if isinstance(it, Attested) and it.publishers:
            proved[name] = tuple(dict.fromkeys((*proved.get(name, ()), *it.publishers)))
    filled = (into[called(it)].package if called(it) in into else it for it in lock.component)
    return facts, proved, msgspec.structs.replace(lock, component=tuple(filled))


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
                found.append(examine(path, **rules, name=weights.name))
            else:
                why = Unaudited(f"weights:{weights.name}", file.path, "it is not there")
                found.append(Findings((), (why,)))
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


def _words(publisher: Publisher) -> str:
    from tollway.pins.auditing_packages import publisher_words

    return publisher_words(publisher)


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
