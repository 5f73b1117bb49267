"""Text of strangers for people: nothing in it is hidden, and nothing in it moves other text.

Rules
1. A character that shows nothing, or changes how its neighbours are shown (controls, bidirectional
   and other format characters, variation selectors, private use, unassigned), is written as its
   code: `[U+202E]`.
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


_IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""All 4,174 characters that programs show nothing of where they do not know them: the property
Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, the same from 14.0 to 16.0."""
_BLANK = frozenset(chr(it) for first, last in _IGNORABLE for it in range(first, last + 1)) | {
    "\u2800",  # a pattern of no dots
    "\U0001d159",  # a note without a head
}
"""Those and others that show nothing, whatever their category says."""
