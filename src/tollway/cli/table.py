"""Rows for people: ruled on a terminal, plain aligned columns anywhere else.

Rules
1. What a cell holds cannot speak to the terminal: control characters are shown as `?`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and whether its cells are numbers (to the right)."""

    heading: str
    number: bool = False


def printable(text: str) -> str:
    """The text as one line that a terminal shows and does not obey (rule 1)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines: the first column to the left, the others, which are numbers, to the right."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    )
    return "".join(f"{line}\n" for line in lines)


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], total: Sequence[str] | None = None
) -> None:
    """Print to standard output. `total` is one more row, set apart."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_ruled(columns, rows, total)
        return
    lines = [[column.heading for column in columns], *rows, *([total] if total else [])]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if column.number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _print_ruled(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], total: Sequence[str] | None
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # As narrow as the plain table, so that what fits 80 columns there fits them here.
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column.heading, justify="right" if column.number else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    if total is not None:
        table.add_section()
        table.add_row(*map(escape, total), style="bold")
    Console().print(table)
