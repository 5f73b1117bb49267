"""What `tollway drift` prints of models and of what was found."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from tollway.cli.table import Column, print_table
from tollway.gateway.watching.checking import Row
from tollway.pins.finding import Findings

_COLUMNS = (
    Column("model"), Column("standing"), Column("method"), Column("baseline"),
    Column("p", number=True), Column("level", number=True), Column("calls", number=True),
    Column("last look"),
)  # fmt: skip


def print_findings(findings: Findings, rows: Sequence[Row]) -> None:
    """A row a model to standard output; what was found and what could not be, in words after it."""
    if not rows:
        sys.stderr.write("No model is watched. `tollway drift baseline SOURCE/MODEL` begins.\n")
        return
    print_table(_COLUMNS, [_cells(row) for row in rows])
    for one in findings.found:
        sys.stdout.write(f"{one.component}: {one.problem}. {one.mend}\n")
    for missing in findings.unaudited:
        sys.stdout.write(f"{missing.component}: not looked at: {missing.why}.\n")
    for row in rows:
        if row.ending is not None and not row.ending.is_finding:
            sys.stdout.write(f"model-api:{row.name}: {row.ending}.\n")


def _cells(row: Row) -> list[str]:
    standing = row.standing
    looked = standing.looked
    return [
        row.name,
        standing.name,
        row.method or "-",
        str(row.made or "-"),
        "-" if standing.p is None else f"{standing.p:.2g}",
        "-" if standing.level is None else f"{standing.level:.2g}",
        str(standing.calls),
        datetime.fromtimestamp(looked, UTC).strftime("%Y-%m-%d %H:%M") if looked else "-",
    ]


def as_json(findings: Findings, rows: Sequence[Row]) -> str:
    """All of it as one JSON object."""
    told = {
        "models": [
            {
                "model": row.name,
                "method": row.method,
                "baseline": row.made,
                "last_day": None if row.ending is None else row.ending.last,
                **msgspec.to_builtins(_whole(row)),
            }
            for row in rows
        ],
        "found": findings.found,
        "unaudited": findings.unaudited,
        "exit_code": findings.exit_code,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _whole(row: Row) -> dict[str, object]:
    """A standing with what is as usual too."""
    facts = msgspec.structs.asdict(row.standing)
    facts["standing"] = facts.pop("name")
    return facts
