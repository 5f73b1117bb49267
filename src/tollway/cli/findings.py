"""What a look at the lock's components found, for people and for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tollway.cli.table import printable
from tollway.pins.finding import Finding, Findings, Unaudited


def print_findings(findings: Findings, what: str) -> int:
    """Print findings to standard output and what was not looked at to standard error; the exit
    code. `what` names what was done: "verified"."""
    for it in findings.found:
        place = f" {it.place}" if it.place else ""
        line = f"{it.component}{place}: {it.problem}. {it.mend} [{it.rule}]"
        sys.stdout.write(f"{printable(line)}\n")
    print_unaudited(findings.unaudited)
    found, left = len(findings.found), len(findings.unaudited)
    sys.stderr.write(
        f"{_count(findings.looked, 'component')} {what}: {_count(found, 'finding')}, "
        f"{_count(left, 'thing')} not audited.\n"
    )
    return findings.exit_code


def print_unaudited(unaudited: Iterable[Unaudited]) -> None:
    """Name what was not looked at."""
    for it in unaudited:
        line = f"not audited: {it.component}: {it.what}: {it.why}"
        sys.stderr.write(f"{printable(line)}\n")


def print_json(
    found: Sequence[Finding], unaudited: Sequence[Unaudited], more: Mapping[str, Any]
) -> None:
    """One JSON object."""
    facts = {
        **more,
        "findings": [
            {
                "component": it.component,
                "place": it.place,
                "rule": it.rule,
                "problem": it.problem,
                "mend": it.mend,
            }
            for it in found
        ],
        "not_audited": [
            {"component": it.component, "what": it.what, "why": it.why} for it in unaudited
        ],
    }
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
