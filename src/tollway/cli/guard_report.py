"""Prints what fires in a text and what would be done, and which detectors there are."""

import json as json_text
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tollway.cli.table import Column, print_table, printable
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.fleet.guarding import GuardSettings
from tollway.fleet.objects import Fleet
from tollway.guard.detector import standing_detectors
from tollway.guard.fingerprint import Document, read
from tollway.guard.inspection import Guard
from tollway.guard.rules import Asked, Decision, Verdict
from tollway.inspect.guardfiles import salt_in
from tollway.ledger.state import state_folder

_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """Which text, whose, where to."""

    file: str
    fleet: Path | None
    tenant: str | None
    route: str | None
    direction: Literal["out", "in"]
    labels: tuple[str, ...]
    fingerprints: Path | None
    state: str | None


def print_test(question: Question, *, json: bool) -> int:
    """Print what fires; 1 if anything does."""
    settings, fleet = _settings(question)
    data = _read(question.file)
    documents, salt = (
        _documents(question, settings),
        salt_in(state_folder(question.state, os.environ)),
    )
    if documents and not salt:
        mend = "Register documents with `tollway guard fingerprint`."
        raise TollwayError(f"There is no salt to compare fingerprints with. {mend}")
    guard = Guard(settings, documents=documents, salt=salt)
    labels = frozenset(question.labels) if question.labels else None
    asked = Asked(question.tenant, question.route, question.direction, labels)
    decision = guard.inspect(data, asked)
    if json:
        sys.stdout.write(json_text.dumps(_plain(question, decision, fleet), indent=2) + "\n")
    else:
        _print(question.file, data, decision, ruled=fleet is not None)
    return 1 if decision.verdicts else 0


def _settings(question: Question) -> tuple[GuardSettings, Fleet | None]:
    if question.fleet is None:
        if question.tenant or question.route or question.labels:
            mend = "Name the file that declares them: --fleet fleet.toml."
            raise TollwayError(f"--tenant, --route and --label need a fleet file's rules. {mend}")
        return GuardSettings("block", (), (), (), None), None
    from tollway.inspect.fleetfile import read_fleet

    fleet = read_fleet(question.fleet)
    if fleet.guard is None:
        fault = Fault(f"{question.fleet}", "has no [guard] table", "Write one, or leave --fleet.")
        raise FaultsFound([fault])
    for word, known, place in (
        (question.tenant, fleet.tenants, "--tenant"),
        (question.route, fleet.routes, "--route"),
    ):
        if word is not None and word not in known:
            raise FaultsFound([unknown(word, known, place)])
    return fleet.guard, fleet


def _read(file: str) -> bytes:
    stream = sys.stdin.buffer if file == "-" else None
    if stream is None and not Path(file).is_file():
        raise FaultsFound([Fault(file, "is not a file", "Name a file, or - for standard input.")])
    data = (
        stream.read(_LARGEST + 1)
        if stream is not None
        else _bytes(Path(file), "Name another file.")
    )
    if len(data) > _LARGEST:
        raise FaultsFound([Fault(file, "is larger than 64 MiB", "Split it.")])
    return data


def _bytes(path: Path, mend: str) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(_LARGEST + 1)
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        raise FaultsFound([Fault(f"{path}", f"cannot be read: {why}", mend)]) from None


def _documents(question: Question, settings: GuardSettings) -> Sequence[Document]:
    path = question.fingerprints
    if path is None and settings.fingerprints is not None and question.fleet is not None:
        path = question.fleet.absolute().parent / settings.fingerprints
    if path is None:
        return ()
    return read(_bytes(path, "Write it with `tollway guard fingerprint`."))


def _plain(question: Question, decision: Decision, fleet: Fleet | None) -> dict[str, object]:
    found = [
        {**asdict(it.finding), "action": it.action, "rule": it.rule} for it in decision.verdicts
    ]
    action = decision.action if fleet is not None else None
    return {"file": question.file, "action": action, "found": found}


def _print(file: str, data: bytes, decision: Decision, *, ruled: bool) -> None:
    if not decision.verdicts:
        sys.stderr.write(f"{printable(file)}: nothing fires in {len(data):,} bytes.\n")
        return
    for it in decision.verdicts:
        sys.stdout.write(f"{_line(data, it)}\n")
        if ruled:
            by = f'by rule "{it.rule}"' if it.rule else "as no rule fits"
            sys.stdout.write(f"    {it.action}, {printable(by)}\n")
    count = len(decision.verdicts)
    end = f" What is done: {decision.action}." if ruled else " No fleet file, no rules."
    sys.stderr.write(f"{count} found in {len(data):,} bytes.{end}\n")


def _line(data: bytes, verdict: Verdict) -> str:
    found = verdict.finding
    line = data.count(b"\n", 0, found.start) + 1
    column = found.start - data.rfind(b"\n", 0, found.start)
    through = f", through {' > '.join(found.layers)}" if found.layers else ""
    shown = f": {found.excerpt}" if found.excerpt else ""
    words = f"{line}:{column}  {found.detector} ({found.kind}){through}{shown}. {found.why}"
    return printable(words)


def print_detectors(*, json: bool) -> int:
    """Print every detector that ships."""
    known = standing_detectors()
    if json:
        rows = [
            {"id": it.id, "title": it.title, "kind": it.kind, "pattern": it.pattern,
             "validator": it.validator, "keywords": it.keywords, "entropy": it.entropy,
             "source": it.source}
            for it in known
        ]  # fmt: skip
        sys.stdout.write(json_text.dumps({"detectors": rows}, indent=2) + "\n")
    else:
        heads = [Column("detector"), Column("kind"), Column("what"), Column("source")]
        print_table(heads, [(it.id, it.kind, it.title, it.source) for it in known])
    return 0
