"""Text of strangers is shown so that nothing in it hides, and nothing in it moves other text."""

import unicodedata

import pytest

from tollway.console.throttle import Throttle
from tollway.console.wording import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 1 < 2", "plain text, 1 < 2"),
        ("Grüße, 你好, שלום, कि", "Grüße, 你好, שלום, कि"),
        ("a\u202eb", "a[U+202E]b"),
        ("\u2066a\u2069", "[U+2066]a[U+2069]"),
        ("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
        ("\x1b[31m\x00\x7f\x9b", "[U+001B][31m[U+0000][U+007F][U+009B]"),
        ("a\nb\tc", "a[U+000A]b[U+0009]c"),
        ("a\u2028b\u00a0c", "a[U+2028]b[U+00A0]c"),
        ("\U000e0041\U000f0000\ud800", "[U+E0041][U+F0000][U+D800]"),
        ("\u3164\u2800", "[U+3164][U+2800]"),
        ("a\ufe0fb\U000e0101c", "a[U+FE0F]b[U+E0101]c"),
        ("\u180b\u180c\u180d\u180f\u034f", "[U+180B][U+180C][U+180D][U+180F][U+034F]"),
        ("\u1160\ufff0\U0001d173\U0001d159", "[U+1160][U+FFF0][U+1D173][U+1D159]"),
    ],
    ids=range(13),
)
def test_what_shows_nothing_or_turns_text_is_written_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_stay_where_they_are_asked_for() -> None:
    assert visible("a\nb\tc\rd", lines=True) == "a\nb\tc[U+000D]d"


def test_no_character_of_a_class_that_acts_is_left() -> None:
    every = "".join(map(chr, range(0x110000)))
    left = {unicodedata.category(it) for it in visible(every)}
    assert not left & {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}


_OTHER_IGNORABLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x2065, 0x2065), (0x3164, 0x3164),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0000), (0xE0002, 0xE001F),
    (0xE0080, 0xE00FF), (0xE01F0, 0xE0FFF),
)  # fmt: skip
"""The property Other_Default_Ignorable_Code_Point of Unicode's PropList.txt."""
_PREPENDED = frozenset((*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD))
"""Prepended_Concatenation_Mark, of the same."""


def _ignorable(code: int) -> bool:
    """Default_Ignorable_Code_Point as DerivedCoreProperties.txt says that it is derived."""
    if any(first <= code <= last for first, last in _OTHER_IGNORABLE):
        return True
    if "VARIATION SELECTOR" in unicodedata.name(chr(code), ""):
        return True
    shown = code in _PREPENDED or 0xFFF9 <= code <= 0xFFFB or 0x13430 <= code <= 0x13440
    return unicodedata.category(chr(code)) == "Cf" and not shown


def test_no_character_that_a_program_may_ignore_is_left() -> None:
    every = [code for code in range(0x110000) if _ignorable(code)]
    assert len(every) == 4174  # as the file counts them
    assert [code for code in every if visible(chr(code)) != f"[U+{code:04X}]"] == []
    shown = visible("".join(map(chr, range(0x110000))))
    assert not any(_ignorable(ord(letter)) for letter in set(shown))
    kept = [code for code in range(0x110000) if visible(chr(code)) == chr(code)]
    assert len(kept) > 130_000  # the control: what shows something is left as it is


def test_a_throttle_lets_a_burst_through_then_one_at_a_time_and_counts_the_rest() -> None:
    now = [0.0]
    throttle = Throttle(3, 10.0, lambda: now[0])
    assert [throttle.admits() for _ in range(5)] == [True, True, True, False, False]
    assert throttle.withheld == 2
    assert throttle.wait == 10
    now[0] = 10.0
    assert [throttle.admits(), throttle.admits()] == [True, False]
    now[0] = 1e9
    assert [throttle.admits() for _ in range(4)] == [True, True, True, False]
