"""What a terminal shows of what a program wrote: the few orders that `tollway feel` uses."""

import re
from collections.abc import Iterable

_ORDER = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b.|([^\x1b]+)", re.DOTALL)


class Screen:
    """Rows of text, as far as cursor, erasing and letters go, without looks. `other` is whether
    the other screen is used, `left` how often it was left, `cursor` whether one is seen, `cleared`
    how often everything was erased."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [""] * height
        self.other, self.cursor = False, True
        self.left = self.cleared = 0
        self._row = self._column = 0
        self._rest = ""

    def feed(self, text: str) -> None:
        """Take what was written; an order that is cut off waits for its end."""
        text = self._rest + text
        cut = text.rfind("\x1b")
        self._rest = ""
        if cut >= 0 and not re.match(r"\x1b(\[[?0-9;]*[A-Za-z]|[^\[])", text[cut:]):
            text, self._rest = text[:cut], text[cut:]
        for found in _ORDER.finditer(text):
            if found[3] is not None:
                self._put(found[3])
            elif found[2] is not None:
                self._obey(found[1], found[2])

    def _obey(self, given: str, order: str) -> None:
        if order == "H":
            row, _, column = given.partition(";")
            # As terminals do: a place below the last row is in it.
            self._row, self._column = min(int(row or 1), self.height) - 1, int(column or 1) - 1
        elif order == "J":
            self.rows = [""] * self.height
            self.cleared += 1
        elif order == "K":
            self.rows[self._row] = self.rows[self._row][: self._column]
        elif given == "?1049":
            self.other = order == "h"
            self.left += order == "l"
        elif given == "?25":
            self.cursor = order == "h"

    def _put(self, letters: str) -> None:
        for letter in letters:
            if letter == "\r":
                self._column = 0
            elif letter == "\n":
                self._row = min(self._row + 1, self.height - 1)
            else:
                row = self.rows[self._row].ljust(self._column)
                self.rows[self._row] = row[: self._column] + letter + row[self._column + 1 :]
                self._column += 1


def bare(rows: Iterable[str]) -> str:
    """The letters of rows without any space: what does not depend on where lines break."""
    return "".join("".join(rows).split())
