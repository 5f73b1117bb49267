"""From the text of a fleet file and its includes to the fleet, or to every fault of them at once.

Rules
1. Nothing but `FaultsFound` is raised, whatever the text.
2. Faults come in the order of the documents, and of the keys in each.
3. What hangs on a key that is faulty already is not reported beside it.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tollway.errors import FaultsFound
from tollway.fleet.build import build
from tollway.fleet.build_contracts import contracts, parties
from tollway.fleet.check_books import check_books
from tollway.fleet.check_console import check_console
from tollway.fleet.check_contracts import check_contracts
from tollway.fleet.check_drift import check_drift
from tollway.fleet.check_egress import check_egress
from tollway.fleet.check_guard import check_guard
from tollway.fleet.check_index import check_index
from tollway.fleet.check_names import check_letters, check_names
from tollway.fleet.check_pins import check_pins
from tollway.fleet.check_planning import check_planning
from tollway.fleet.check_routes import check_routes
from tollway.fleet.check_sources import check_each_source, check_sources
from tollway.fleet.check_tools import check_tools
from tollway.fleet.contract import Contract, Party
from tollway.fleet.declared import Declared, declared_twice, gather
from tollway.fleet.findings import Finding, Path, in_file_order
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import LOCK
from tollway.fleet.salvage import read_document
from tollway.fleet.schema import VERSION, Document

_COLLECTIONS = ("candidates", "objectives", "weights", "require", "routes")
_CLAUSES = (("contracts",), ("plan",), ("workloads",), ("sites",), ("builds",))
_AT = re.compile(r"\s*\(at (line \d+, column \d+|end of document)\)$")


Check = Callable[[Declared], Iterator[Finding]]
"""Finds faults of a declaration."""


def parse(documents: Mapping[str, str], main: str, *more: Check) -> Fleet:
    """The fleet that `documents` (name -> TOML text) declare; `main` names the one that includes
    the others. `more` are checks by rooms above; they judge each source by itself. A document that
    is a lock is not read here, and counts in the digest.

    Raises:
        FaultsFound: with every fault of every document.
    """
    ordered = {main: documents[main], **documents}
    own = {name: text for name, text in ordered.items() if name == main or not name.endswith(LOCK)}
    related = (
        check_names, check_sources, check_routes, check_books, check_contracts, check_planning,
        check_guard,
        check_egress,
        check_tools,
        check_pins,
        check_index,
        check_drift,
        check_console,
    )  # fmt: skip
    declared = _sound(own, main, (check_each_source, *more), related)
    return build(declared, digest_of(ordered))


def parse_contracts(
    documents: Mapping[str, str], main: str
) -> tuple[Mapping[str, Party], Mapping[str, Contract]]:
    """The parties and the contracts that `documents` declare, which need not be a whole fleet:
    what else they hold is read, and how it goes together is not checked.

    Raises:
        FaultsFound: with every fault of every document.
    """
    ordered = {main: documents[main], **documents}
    declared = _sound(ordered, main, (check_letters,), (check_contracts,), whole=False)
    return parties(declared), contracts(declared)


def _sound(
    ordered: Mapping[str, str],
    main: str,
    alone: Sequence[Check],
    related: Sequence[Check],
    *,
    whole: bool = True,
) -> Declared:
    """The declaration, when every check that stands alone, and each of those that relate what
    documents declare, finds nothing. Only a `whole` fleet must state its version."""
    findings: list[Finding] = []
    raw: dict[str, Mapping[str, Any]] = {}
    broken: list[Finding] = []
    for name, text in ordered.items():
        read = _read_toml(name, text)
        if isinstance(read, Finding):
            broken.append(read)
        raw[name] = {} if isinstance(read, Finding) else read
    read_as: dict[str, Document] = {}
    for name, tables in raw.items():
        read_as[name], found = read_document(name, tables)
        findings.extend(found)
    faulty = {(finding.document, finding.path) for finding in findings}
    declared = gather(main, read_as, raw, findings)
    unread = {finding.document for finding in broken}
    read = {name: raw[name] for name in raw if name not in unread}
    findings.extend(_formats(read, main, whole=whole))
    findings.extend(declared_twice(raw))
    # What a broken document declares is unknown, and so is every reference to it.
    for check in (*alone, *(() if broken else related)):
        findings.extend(found for found in check(declared) if not _hangs_on(found, faulty))
    if broken or findings:
        raise FaultsFound([found.fault() for found in in_file_order([*broken, *findings], raw)])
    return declared


def digest_of(documents: Mapping[str, str]) -> str:
    """sha256, in hex, over the texts of the main file and of its includes, in their order, and
    over the names of the includes. Where the main file lies, and its name, do not change it."""
    digest = sha256()
    for index, (name, text) in enumerate(documents.items()):
        for part in (name if index else "", text):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


def _read_toml(name: str, text: str) -> Mapping[str, Any] | Finding:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
    except RecursionError:
        return Finding(name, (), "nests deeper than can be read", "Nest less.")
    except ValueError:  # the interpreter's own bound on digits
        return Finding(name, (), "holds a number with thousands of digits", "Write less of it.")
    at = _AT.search(said)
    where = f"{at[1]}: " if at else ""
    mend = "Everything else is checked once this is TOML."
    return Finding(name, (), f"is not TOML: {where}{_AT.sub('', said)}", mend)


def _formats(raw: Mapping[str, Mapping[str, Any]], main: str, *, whole: bool) -> Iterator[Finding]:
    """Which format the files state, and that only the main file includes others."""
    for name, tables in raw.items():
        version = tables.get("version")
        if version is None and name == main and whole:
            mend = f"Write version = {VERSION} on the first line."
            yield Finding(name, ("version",), "is missing", mend)
        elif type(version) is int and version != VERSION:
            mend = f"This release of Tollway reads version {VERSION}."
            yield Finding(name, ("version",), f"is {version}; known: {VERSION}", mend)
        if name != main and "include" in tables:
            mend = f"Include the files from {main}."
            yield Finding(name, ("include",), "is for the main file only", mend)


def _hangs_on(finding: Finding, faulty: set[tuple[str, Path]]) -> bool:
    """Whether a key above is faulty, or, for a list or table that seems to lack something, an item
    just below."""
    document, path = finding.document, finding.path
    if any((document, path[:end]) in faulty for end in range(1, len(path) + 1)):
        return True
    if path[:1] in _CLAUSES:  # a clause that lacks or contradicts what could not be read
        return any(name == document and below[: len(path)] == path for name, below in faulty)
    if not path or path[-1] not in _COLLECTIONS:
        return False
    return any(name == document and below[:-1] == path for name, below in faulty)
