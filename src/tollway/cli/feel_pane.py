"""A stream on the screen: its text wrapped to a width, each kind of it in its own look.

Rules
1. What is reasoning, a call or a tool's answer is said in words too: colour is never the only sign.
2. A line breaks at a space where it has one, and a wide character takes two columns.
3. Only what may still be seen is kept.
"""

from collections import deque

from rich.cells import cell_len

from tollway.feel.texts import Kind
from tollway.feel.tokens import Token

LOOKS: dict[Kind, str] = {
    "question": "\x1b[1m",
    "reasoning": "\x1b[2;3m",
    "answer": "",
    "call": "\x1b[36m",
    "result": "\x1b[33m",
}
HEADS: dict[Kind, str] = {
    "question": "You: ",
    "reasoning": "[thinks]\n",
    "answer": "",
    "call": "[calls] ",
    "result": "[tool] ",
}
KEPT = 400
"""Tokens kept for a screen of another width; more than fill the largest one."""
Cell = tuple[str, Kind]


class Pane:
    """Shows tokens in `width` columns."""

    def __init__(self, width: int, colour: bool = True) -> None:
        self._colour = colour
        self._kept: deque[Token] = deque(maxlen=KEPT * 20)
        self.resize(width)

    def resize(self, width: int) -> None:
        """Lay out anew what is kept."""
        self.width = max(1, width)
        self._lines: deque[list[Cell]] = deque([[]], maxlen=KEPT)
        self._used = 0
        self._kind: Kind | None = None
        for token in tuple(self._kept):
            self._put(token)

    def show(self, tokens: list[Token]) -> None:
        """More of the stream."""
        for token in tokens:
            self._kept.append(token)
            self._put(token)

    def clear(self) -> None:
        """Begin anew."""
        self._kept.clear()
        self.resize(self.width)

    def rows(self, height: int) -> list[str]:
        """The last rows, filled up to so many columns and rows."""
        shown = list(self._lines)[-height:] if height > 0 else []
        rows = [self._row(line) for line in shown]
        return rows + [" " * self.width] * (height - len(rows))

    def _put(self, token: Token) -> None:
        kind = token.kind
        if kind != self._kind:
            after_thought = self._kind == "reasoning" and kind == "answer"
            if self._kind is not None:
                self._fresh()
                if kind in ("question", "reasoning") or after_thought:
                    self._newline()
            for character in "[answers]\n" if after_thought else HEADS[kind]:
                self._add(character, kind)
            self._kind = kind
        for character in token.text:
            self._add(character, kind)

    def _fresh(self) -> None:
        if self._lines[-1]:
            self._newline()

    def _newline(self) -> None:
        self._lines.append([])
        self._used = 0

    def _add(self, character: str, kind: Kind) -> None:
        if character == "\n":
            self._newline()
            return
        for one in "    " if character == "\t" else character:
            self._place(one, kind)

    def _place(self, character: str, kind: Kind) -> None:
        taken = cell_len(character)
        if self._used + taken > self.width:
            self._break(character)
            if character == " ":
                return
        self._lines[-1].append((character, kind))
        self._used += taken

    def _break(self, character: str) -> None:
        """A new line; the word that does not fit any more moves there (rule 2)."""
        line = self._lines[-1]
        at = max((place for place, (it, _) in enumerate(line) if it == " "), default=-1)
        moved: list[Cell] = []
        if character != " " and at >= 0 and any(it != " " for it, _ in line[:at]):
            moved = line[at + 1 :]
            del line[at:]
        self._newline()
        self._lines[-1].extend(moved)
        self._used = sum(cell_len(it) for it, _ in moved)

    def _row(self, line: list[Cell]) -> str:
        parts: list[str] = []
        look, used = "", 0
        for character, kind in line:
            wanted = LOOKS[kind] if self._colour else ""
            if wanted != look:
                parts.append("\x1b[0m" + wanted)
                look = wanted
            parts.append(character)
            used += cell_len(character)
        end = "\x1b[0m" if look else ""
        return "".join(parts) + end + " " * (self.width - used)
