"""Every secret in every encoding, whole and split anywhere: the property that the guard is for."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import ENCODINGS, SPACED, Encoding, firing, scanner, secret_in

from tollway.guard.detector import Detector
from tollway.guard.stream import Hold, StreamScanner

CASES = firing()
BEFORE, AFTER = "Here is what you asked for: ", " and that is all of it."
SECRETS = [
    (detector, text)
    for detector, text in CASES
    if detector.kind == "secret" and not detector.keywords and detector.id != "assigned-secret"
]
HOLD = Hold(scanner())


def name(value: object) -> str:
    if isinstance(value, Encoding):
        return value.name
    return value.id if isinstance(value, Detector) else ""


def ids_found(text: str) -> set[str]:
    return {it.detector for it in scanner().scan(text.encode("utf-8", "surrogatepass"))}


@pytest.mark.parametrize("encoding", ENCODINGS, ids=name)
def test_every_secret_is_found_in_every_encoding(encoding: Encoding) -> None:
    missed = [
        detector.id
        for detector, text in CASES
        if detector.id not in ids_found(BEFORE + encoding.encode(text) + AFTER)
    ]
    assert not missed


def test_a_secret_with_spaces_between_its_letters_is_found() -> None:
    plain = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@_+/=-")
    spaced = [(it, text) for it, text in SECRETS if set(text) <= plain]
    assert len(spaced) > 15
    for detector, text in spaced:
        assert detector.id in ids_found(BEFORE + SPACED.encode(text) + " . And so on.")


def streamed(text: str, cuts: list[int]) -> tuple[str, set[str], int | None]:
    """What came out of a stream cut so, what was found, and how much was out by the first find."""
    stream = StreamScanner(scanner(), HOLD)
    out, found, first = "", set[str](), None
    ends = [*cuts, len(text)]
    passages = [stream.feed(text[start:end]) for start, end in zip([0, *cuts], ends, strict=True)]
    for passage in [*passages, stream.end()]:
        if passage.findings and first is None:
            first = len(out)
        found |= {it.detector for it in passage.findings}
        out += passage.text
    return out, found, first


@pytest.mark.parametrize("encoding", [*ENCODINGS, SPACED], ids=name)
def test_every_split_point_of_a_secret_is_found_before_any_of_it_is_out(
    encoding: Encoding,
) -> None:
    for detector, text in (CASES[0], CASES[-1], *SECRETS[2:40:9]):
        if encoding is SPACED and (detector, text) not in SECRETS[:4]:
            continue
        hidden = BEFORE + encoding.encode(secret_in(text, detector)) + AFTER
        whole = ids_found(hidden)
        if detector.id not in whole:  # it needs what stands around it, which is not hidden here
            continue
        for cut in range(1, len(hidden)):
            out, found, first = streamed(hidden, [cut])
            assert out == hidden
            assert detector.id in found, (detector.id, cut)
            assert first is not None
            assert first <= len(BEFORE), (detector.id, cut, first)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_split_of_any_word_in_any_two_encodings_is_found(data: st.DataObject) -> None:
    # What is written over several words is held back by its own shape, which two encodings hide.
    detector, text = data.draw(st.sampled_from([it for it in SECRETS if it[1].split() == [it[1]]]))
    outer = data.draw(
        st.sampled_from([it for it in ENCODINGS if "URL" in it.name or "64" in it.name])
    )
    inner = data.draw(st.sampled_from(ENCODINGS))
    hidden = BEFORE + outer.encode(inner.encode(text)) + AFTER
    odd = outer.name == "base64 of UTF-16" and not inner.encode(text).isascii()
    if len(hidden) > 4000 or odd:  # UTF-16 is undone where it is ASCII
        return
    cuts = data.draw(st.lists(st.integers(1, len(hidden) - 1), max_size=8).map(sorted))
    out, found, _ = streamed(hidden, cuts)
    assert out == hidden
    assert detector.id in found


def test_letter_by_letter_finds_what_the_whole_text_holds() -> None:
    for detector, text in CASES:
        hidden = BEFORE + text + AFTER
        out, found, _ = streamed(hidden, list(range(1, len(hidden))))
        assert out == hidden
        assert found == ids_found(hidden), detector.id


def test_lines_of_base64_may_hold_a_secret_each() -> None:
    detector, text = SECRETS[0]
    line = base64.b64encode(f"{text} ".encode()).decode()
    assert detector.id in ids_found(BEFORE + f"{line}\n{line}\n{line}\n" + AFTER)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SECRETS),
    st.sampled_from([it for it in ENCODINGS if "URL" in it.name or "64" in it.name]),
    st.sampled_from(ENCODINGS),
)
def test_a_whole_text_hides_nothing_in_any_two_encodings(
    secret: tuple[Detector, str], outer: Encoding, inner: Encoding
) -> None:
    detector, text = secret
    within = inner.encode(text)
    if outer.name == "base64 of UTF-16" and not within.isascii():  # it is undone where it is ASCII
        return
    assert detector.id in ids_found(BEFORE + outer.encode(within) + AFTER)
