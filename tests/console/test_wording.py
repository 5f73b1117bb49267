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
    ],
    ids=range(10),
)
def test_what_shows_nothing_or_turns_text_is_written_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_stay_where_they_are_asked_for() -> None:
    assert visible("a\nb\tc\rd", lines=True) == "a\nb\tc[U+000D]d"


def test_no_character_of_a_class_that_acts_is_left() -> None:
    every = "".join(map(chr, range(0x110000)))
    left = {unicodedata.category(it) for it in visible(every)}
    assert not left & {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}


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
