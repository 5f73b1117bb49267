"""Streams: what goes out when, and how little is held back."""

from hypothesis import given, settings
from hypothesis import strategies as st
from made import made, scanner

from tollway.guard.stream import KEPT, MOST_HELD, Hold, StreamScanner

HOLD = Hold(scanner())


def stream() -> StreamScanner:
    return StreamScanner(scanner(), HOLD)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=30))
def test_what_goes_in_comes_out_in_order_and_whole(pieces: list[str]) -> None:
    one = stream()
    out = "".join(one.feed(piece).text for piece in pieces) + one.end().text
    assert out == "".join(pieces)


def test_prose_is_held_back_by_one_word_at_most() -> None:
    one = stream()
    longest = 0
    for word in ("The", " quick", " brown", " fox", " jumps", ".", "\n", "Then", " it", " rests"):
        one.feed(word)
        longest = max(longest, one.held)
    assert longest <= len("jumps.")


def test_chinese_is_not_held_back_at_all() -> None:
    one = stream()
    assert one.feed("今天天气很好").text == "今天天气很好"
    assert one.held == 0


def test_a_word_without_end_goes_out_and_what_is_held_is_bounded() -> None:
    one = stream()
    out = 0
    for _ in range(2000):
        out += len(one.feed("abcdefghij").text)
        assert one.held <= MOST_HELD
    assert out >= 20_000 - MOST_HELD


def test_a_secret_within_a_long_word_is_found_before_any_of_it_is_out() -> None:
    key = made("sk-ant-api03-<word 93>AA")
    text = "a" * 9000 + "," + key + "," + "b" * 9000
    one = stream()
    out = ""
    for at in range(0, len(text), 50):
        passage = one.feed(text[at : at + 50])
        if passage.findings:
            break
        out += passage.text
    assert "sk-ant" not in out
    assert len(key) * 4 < KEPT


def test_a_finding_is_never_cut_in_two_however_long_the_word() -> None:
    key = made("ghp_<alnum 36>")
    for before in range(4060, 4110):
        one = stream()
        text = "a" * before + "," + key + "," + "b" * 9000
        passages = [one.feed(text), one.end()]
        holding = [it for it in passages if it.findings]
        assert len(holding) == 1
        (only,) = holding[0].findings
        data = holding[0].text.encode()
        assert data[only.start : only.end].decode() == key


def test_a_passage_says_where_in_its_own_text_it_found_what() -> None:
    one = stream()
    key = made("ghp_<alnum 36>")
    assert one.feed("well, this is ").text.startswith("well,")
    passages = [one.feed(f"it: {key}"), one.feed(" ok"), one.end()]
    (passage,) = [it for it in passages if it.findings]
    (only,) = passage.findings
    assert passage.text.encode()[only.start : only.end].decode() == key


def test_a_keyword_that_is_out_already_still_counts() -> None:
    one = stream()
    passages = [one.feed(it) for it in ("the routing ", "number: ", "021000021", " thanks")]
    found = [it.detector for passage in [*passages, one.end()] for it in passage.findings]
    assert "routing" in passages[0].text + passages[1].text
    assert found == ["us-bank-routing"]
