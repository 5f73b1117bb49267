"""Detectors: each fires where it must, is silent where it must be, and states its source."""

import pytest
from made import firing, made, scanner

from tollway.errors import FaultsFound
from tollway.guard.automaton import Pattern
from tollway.guard.detector import Detector, read_detectors, standing_detectors

DETECTORS = standing_detectors()


def ids(detector: Detector) -> str:
    return detector.id


@pytest.mark.parametrize("detector", DETECTORS, ids=ids)
def test_a_detector_fires_in_its_examples(detector: Detector) -> None:
    for seed in range(5):
        for example in detector.fires:
            text = made(example, seed)
            found = scanner().scan(f"Look: {text} \n".encode())
            assert detector.id in [it.detector for it in found], text


@pytest.mark.parametrize("detector", DETECTORS, ids=ids)
def test_a_detector_is_silent_in_its_counterexamples(detector: Detector) -> None:
    for example in detector.passes:
        text = made(example)
        found = scanner().scan(f"Look: {text} \n".encode())
        assert detector.id not in [it.detector for it in found], text


@pytest.mark.parametrize("detector", DETECTORS, ids=ids)
def test_the_anchor_fits_wherever_the_pattern_does(detector: Detector) -> None:
    anchor, pattern = Pattern(detector.anchor), Pattern(detector.pattern)
    for example in detector.fires:
        text = f" {made(example)} ".encode()
        if any(True for _ in pattern.spans(text)):
            assert anchor.first(text, 0) is not None


@pytest.mark.parametrize("detector", DETECTORS, ids=ids)
def test_a_detector_states_its_source_and_both_kinds_of_example(detector: Detector) -> None:
    assert detector.source.startswith(("https://", "docs/"))
    assert detector.fires
    assert detector.passes


def test_ids_are_given_once() -> None:
    assert len({it.id for it in DETECTORS}) == len(DETECTORS)


def test_a_finding_never_holds_the_secret() -> None:
    for detector, text in firing():
        for found in scanner().scan(text.encode()):
            secret = text.encode()[found.start : found.end].decode()
            assert secret not in repr(found), detector.id


def test_every_fault_of_a_detector_file_comes_at_once() -> None:
    text = """
    [one]
    title = "One"
    kind = "secrets"
    patern = "a"
    source = "https://example.org"
    [two]
    title = "Two"
    kind = "secret"
    pattern = "a"
    validator = "lunh"
    """
    with pytest.raises(FaultsFound) as caught:
        read_detectors(text, "own.toml")
    words = str(caught.value)
    for promise in ("one is", "pattern is missing", '"secrets"', '"lunh"', "source is missing"):
        assert promise in words
