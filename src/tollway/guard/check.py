"""A check of fleet files that only this room can make: whether the guard's rules name detectors."""

from collections.abc import Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.guard.detector import standing_detectors
from tollway.guard.finding import KINDS

_FAMILIES = ("known:", "term:", "document:")


def check_detectors(declared: Declared) -> Iterator[Finding]:
    """Every detector that the guard names and nobody knows."""
    placed = declared.guard
    if placed.table is None:
        return
    ids = [one.id for one in standing_detectors()]
    for index, word in enumerate(placed.table.ignore):
        if word not in ids:
            yield _unknown(placed.document, ("guard", "ignore", index), word, ids)
    words = [*ids, *KINDS, "*"]
    for index, rule in enumerate(placed.table.rules):
        for place, word in enumerate(rule.detectors):
            if word not in words and not word.startswith(_FAMILIES) and word != "stand-in":
                path: Path = ("guard", "rules", index, "detectors", place)
                yield _unknown(placed.document, path, word, words)


def _unknown(document: str, path: Path, word: str, known: list[str]) -> Finding:
    fault = unknown(word, known, "")
    mend = fault.mend or "`tollway guard detectors` lists them."
    return Finding(document, path, fault.problem, mend)
