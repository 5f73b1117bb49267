"""The fault table of the documentation names tests; they are there, and pytest collects them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "faults.md"
NAMED = re.compile(r"`([a-z_/]+\.py)::([^`]+)`")
ROW = re.compile(r"^\|(?! fault |---)(.*)\|$", re.MULTILINE)


def _named() -> list[tuple[str, str]]:
    return NAMED.findall(PAGE.read_text())


def test_every_row_of_the_fault_table_names_a_test() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) > 50
    assert [row for row in rows if not NAMED.search(row)] == []
    assert [row for row in rows if row.count("|") != 4] == []


def test_every_test_that_the_fault_table_names_is_collected() -> None:
    named = _named()
    files = sorted({file for file, _ in named})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        + [f"tests/{file}" for file in files],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    collected = {line for line in done.stdout.splitlines() if "::" in line}
    plain = {line.partition("[")[0] for line in collected}
    missing = [
        f"{file}::{name}"
        for file, name in named
        if f"tests/{file}::{name}" not in (collected if "[" in name else plain)
    ]
    assert missing == []
