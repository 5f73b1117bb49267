"""A study's page: prose by hand, and between two marks what the command printed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"(<!-- made by `[^`]*` -->\n).*?(<!-- end -->)", re.DOTALL)


def with_results(page: str, blocks: list[str]) -> str:
    """The page with each marked stretch replaced by its block, in order.

    Raises:
        ValueError: the page has another number of marks.
    """
    found = MARK.findall(page)
    if len(found) != len(blocks):
        raise ValueError(f"{len(found)} marks for {len(blocks)} blocks")
    rest = iter(blocks)
    return MARK.sub(lambda hit: f"{hit[1]}\n{next(rest).strip()}\n\n{hit[2]}", page)


def put(path: Path, text: str, *, check: bool) -> bool:
    """Write a file, or only say whether it is as it would be written."""
    if check:
        return path.exists() and path.read_text() == text
    path.write_text(text)
    return True


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
