"""The scanner: positions, nesting, bounds, and that it fails closed."""

import base64
import gzip
import json
import random

import pytest
from made import made, scanner

from tollway.errors import TollwayError
from tollway.guard.automaton import OutOfMemoryError, Pattern, Patterns
from tollway.guard.escapes import escape
from tollway.guard.layers import Bounds
from tollway.guard.scanner import Scanner

KEY = made("sk-ant-api03-<word 93>AA")


def found(data: bytes, scan: Scanner | None = None) -> list[tuple[str, int, int, tuple[str, ...]]]:
    return [(it.detector, it.start, it.end, it.layers) for it in (scan or scanner()).scan(data)]


def test_a_finding_says_where_in_the_text_that_was_handed_in() -> None:
    text = f"one two {KEY} three".encode()
    assert found(text) == [("anthropic-key", 8, 8 + len(KEY), ())]


def test_a_finding_within_encodings_is_placed_in_the_outermost_text() -> None:
    inner = base64.b64encode(f"the key is {KEY}, keep it".encode()).decode()
    text = json.dumps({"note": f"line\nline\n{inner}\n"}).encode()
    ((detector, start, end, layers),) = found(text)
    assert (detector, layers) == ("anthropic-key", ("escape", "base64"))
    first = text.index(inner.encode())
    before = len("the key is ")
    assert start == first + before * 4 // 3
    assert end == first + -(-(before + len(KEY)) * 4 // 3)


def test_what_is_found_raw_is_not_told_again_from_a_decoding() -> None:
    body = json.dumps({"a": f"x\n\n {KEY} \n\ty", "b": "%41%42"}).encode()
    assert [it[3] for it in found(body)] == [()]


def test_clean_text_has_nothing() -> None:
    clean = "Take it or leave it; the year 2024 had 366 days, and pi is 3.14159265358979.\n"
    assert not found((clean * 500).encode())


def test_any_bytes_can_be_scanned() -> None:
    every = bytes(range(256)) * 40
    assert not [it for it in found(every) if it[0] != "uninspected"]
    for start in range(8):
        found(every[start::7])


def test_a_bomb_is_not_inspected_and_said_so() -> None:
    bomb = base64.b64encode(gzip.compress(b"\0" * 200_000_000, 9))
    (only,) = [it for it in scanner().scan(bomb) if it.kind == "uninspected"]
    assert "more work" in only.why
    assert (only.start, only.end) == (0, len(bomb))


def test_more_layers_than_allowed_are_said_not_passed() -> None:
    text = f"here is {KEY}".encode()
    for _ in range(5):
        text = base64.b64encode(text)
    shallow = Scanner(bounds=Bounds(depth=3))
    assert [it.detector for it in shallow.scan(text)] == ["uninspected"]
    assert [it.detector for it in scanner().scan(text)] == ["anthropic-key"]


class Starved:
    """RE2's set when its automaton has no memory: it tells of no match at all."""

    def Match(self, text: bytes) -> None:
        return None


def test_an_automaton_without_memory_is_an_error_never_a_pass() -> None:
    patterns = Patterns(["needle"])
    assert patterns.fitting(b"hay") == []
    patterns._set = Starved()
    with pytest.raises(OutOfMemoryError):
        patterns.fitting(b"hay with a needle")


def test_patterns_that_do_not_fit_in_memory_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway.guard.automaton._MEMORY", 500)
    with pytest.raises(OutOfMemoryError):
        Patterns(["[a-z]{100}"])


def test_a_text_that_an_automaton_could_not_end_is_told_as_not_inspected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def starved(_self: object, _data: bytes) -> list[int]:
        raise OutOfMemoryError("no memory")

    monkeypatch.setattr(Patterns, "fitting", starved)
    assert [it.kind for it in scanner().scan(b"some text")] == ["uninspected"]


def test_a_pattern_that_is_not_re2_is_an_error_with_the_pattern() -> None:
    with pytest.raises(TollwayError, match="not an RE2 pattern"):
        Pattern("(?=a)")
    with pytest.raises(TollwayError, match="not an RE2 pattern"):
        Patterns(["(?<=a)"])


def test_without_re2_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    with pytest.raises(TollwayError, match=r'pip install "tollway\[guard\]"'):
        Pattern("a")


def test_too_many_hits_are_told_as_not_inspected() -> None:
    numbers = " ".join(f"536-90-{i:04}" for i in range(1, 2500))
    kinds = {it.kind for it in scanner().scan(numbers.encode())}
    assert kinds == {"personal", "uninspected"}


def test_a_secret_that_stands_twice_in_base64_is_found_twice() -> None:
    inner = base64.b64encode(f"the key is {KEY}, keep it".encode())
    starts = [it[1] for it in found(b"one %b two %b three" % (inner, inner))]
    assert len(starts) == 2
    assert starts[1] - starts[0] == len(inner) + len(" two ")


def test_an_escaped_nul_stays_one() -> None:
    assert escape(rb"a\u0000b\x00c\\n").data == b"a\0b\0c\\n"


def test_positions_go_back_through_every_escape() -> None:
    for text in (r"x\n\n\u00e9 ", "%41%42%43 ", "&#65;&amp; ", "=41=42\n=\n ", "\u200b\u0430 "):
        data = text.encode() * 40 + KEY.encode() + b" " + text.encode() * 40
        raw = [it for it in found(data) if it[0] == "anthropic-key"]
        assert raw[0][1:3] == (data.index(KEY.encode()), data.index(KEY.encode()) + len(KEY)), text


def test_noise_in_base64_is_read_in_a_bounded_number_of_steps() -> None:
    image = random.Random(1).randbytes(60_000)
    body = json.dumps({"image": base64.b64encode(image).decode(), "text": f"use {KEY} "}).encode()
    assert [it[0] for it in found(body)] == ["anthropic-key"]
