"""Text of strangers for people: nothing in it is hidden, and nothing in it moves other text.

Rules
1. A character that shows nothing, or changes how its neighbours are shown (controls, bidirectional
   and other format characters, private use, unassigned), is written as its code: `[U+202E]`.
2. A line feed stays one where lines are asked for; nothing else breaks a line.
"""

import unicodedata

_SHOWN = frozenset(" ")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with rule 1 applied; with `lines`, line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter, lines) for letter in text)


def _shown(letter: str, lines: bool) -> str:
    if letter in _SHOWN or (lines and letter in "\n\t"):
        return letter
    category = unicodedata.category(letter)
    if category[0] == "C" or category in ("Zl", "Zp"):
        return f"[U+{ord(letter):04X}]"
    if category == "Zs" or letter in _BLANK:
        return f"[U+{ord(letter):04X}]"
    return letter


_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\ufe00\ufe01\ufe02\ufe03")
"""Letters and marks that show nothing, beside those whose category says so."""
