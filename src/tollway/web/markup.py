"""HTML as text: elements, and tables that a phone scrolls and a keyboard reaches.

Rules
1. What is handed to `words` and to cells is text and is escaped; `element` takes markup.
"""

from collections.abc import Sequence
from html import escape


def words(text: object) -> str:
    """Text as markup."""
    return escape(str(text))


def element(name: str, *inside: str, **attributes: object) -> str:
    """An element. An attribute that ends in an underscore loses it, inner ones become hyphens; None
    leaves it out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{''.join(inside)}</{name}>"


def scrolled(inside: str, label: str) -> str:
    """A part that scrolls sideways where it does not fit, by keyboard too."""
    return element("div", inside, class_="scroll", tabindex=0, role="region", aria_label=label)


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    text: int = 1,
    kind: str | None = None,
) -> str:
    """A table whose first `text` columns are words and the others numbers; the first cell of a row
    is its header. A cell that is a `Cell` has a class of its own; `kind` is the table's."""
    heads = "".join(
        element("th", words(one), scope="col", class_=None if at < text else "number")
        for at, one in enumerate(head)
    )
    body = "".join(element("tr", *_cells(row, text)) for row in rows)
    inside = (
        element("caption", words(caption))
        + element("thead", element("tr", heads))
        + element("tbody", body)
    )
    return scrolled(element("table", inside, class_=kind), caption)


class Cell(str):
    """A cell's text with the class of its cell."""

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, text: str, kind: str) -> "Cell":
        """The text, and how it is marked."""
        made = super().__new__(cls, text)
        made.kind = kind
        return made


def _cells(row: Sequence[object], text: int) -> list[str]:
    cells: list[str] = []
    for at, one in enumerate(row):
        kind = one.kind if isinstance(one, Cell) else None if at < text else "number"
        name, scope = ("td", None) if at else ("th", "row")
        cells.append(element(name, words(one), scope=scope, class_=kind))
    return cells


def behind(summary: str, inside: str) -> str:
    """What is shown when it is asked for, and always on paper."""
    return element("details", element("summary", words(summary)), inside)
