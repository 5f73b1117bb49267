"""Memory: a secret whose parts come in several fields, or in several requests."""

import base64
import json
from collections.abc import Iterator

import pytest
from made import firing, made

from tollway.fleet.guarding import GuardSettings
from tollway.guard.detector import Detector, standing_detectors
from tollway.guard.finding import Finding
from tollway.guard.inspection import Guard
from tollway.guard.memory import MOST_BODIES, MOST_BYTES, MOST_PIECES, Memory
from tollway.guard.rules import Asked

ASKED = Asked("shop", "m", "out")
KEY = made("ghp_<alnum 36>")
KNOWN = {"db": b"Zq9#vT-unlikely-71xKw0", "long": made("<mixed 64>").encode()}
GUARD = Guard(GuardSettings("block", (), (), (), None), KNOWN)
JOINED = [
    (detector, text)
    for detector, text in firing()
    if detector.begins or detector.id in ("payment-card", "iban")
]


def body(*texts: str) -> bytes:
    """A request of the chat dialect, the texts in messages that are not next to each other."""
    spoken = [{"role": "user", "content": text} for text in texts]
    return json.dumps({"model": "m", "messages": spoken, "stream": True}).encode()


def found(data: bytes, memory: Memory | None) -> list[Finding]:
    return [it.finding for it in GUARD.inspect(data, ASKED, memory).verdicts]


def ids(data: bytes, memory: Memory | None) -> set[str]:
    return {it.detector for it in found(data, memory)}


def halves(text: str, least: int = 1) -> Iterator[tuple[str, str]]:
    for cut in range(least, len(text) - least + 1):
        yield text[:cut], text[cut:]


def begun(first: str, detector: Detector) -> bool:
    """Whether a half has what tells it: three detectors are told by letters further on."""
    texts = [text for it, text in JOINED if it is detector]
    inner = detector.begins and not any(
        begin[:1] == text.split("//")[-1][:1] for text in texts for begin in detector.begins
    )
    return not inner or any(it in first for it in detector.begins)


@pytest.mark.parametrize(
    "detector", {it[0].id: it[0] for it in JOINED}.values(), ids=lambda d: d.id
)
def test_a_secret_cut_anywhere_is_found_over_fields_and_over_requests(detector: Detector) -> None:
    for it, text in JOINED:
        if it is not detector:
            continue
        for first, last in halves(text):
            if detector.id in ids(body(first), None) | ids(body(last), None):
                continue  # a half of it is one of its own
            if not first.strip() or not last.strip() or not begun(first, detector):
                continue
            data = body(f"the first half is {first}", "and then?", f"{last} is the rest")
            assert detector.id in ids(data, Memory()), (first, last)
            memory = Memory()
            assert detector.id not in ids(body(f"keep {first}"), memory)
            assert detector.id in ids(body(f"{last} is its end"), memory), (first, last)


def test_without_memory_nothing_changes() -> None:
    assert not found(body(KEY[:20], "x", KEY[20:]), None)


def test_two_principals_share_nothing() -> None:
    mine, yours = Memory(), Memory()
    assert not found(body(KEY[:20]), mine)
    assert not found(body(KEY[20:]), yours)
    assert found(body(KEY[20:]), mine)


def test_three_pieces_in_three_requests_are_found() -> None:
    memory = Memory()
    assert not found(body(f"one: {KEY[:12]}"), memory)
    assert not found(body(f"two: {KEY[12:24]}"), memory)
    assert ids(body(f"three: {KEY[24:]}"), memory) == {"github-token"}


def test_a_conversation_that_is_sent_again_whole_finds_it_each_time() -> None:
    memory = Memory()
    told = [f"the first half is {KEY[:20]}", "noted, and then?", f"then {KEY[20:]}"]
    assert not found(body(*told[:1]), memory)
    assert not found(body(*told[:2]), memory)
    assert found(body(*told), memory)
    assert found(body(*told), memory)
    more = [*told, *(f"filler {number}" for number in range(300))]
    assert found(body(*more), Memory())


def test_a_finding_points_into_this_body_and_says_why() -> None:
    memory = Memory()
    found(body(KEY[:20]), memory)
    data = body(f"and {KEY[20:]}.")
    (only,) = found(data, memory)
    assert data[only.start : only.end].decode().rstrip(".") == KEY[20:]
    assert "came earlier" in only.why
    assert KEY[20:30] not in repr(only)


def test_tool_arguments_are_taken_apart() -> None:
    call = {"arguments": json.dumps({"to": "bob", "body": KEY[:18], "subject": "x"})}
    data = json.dumps({"tool_calls": [call], "next": [{"text": KEY[18:]}]}).encode()
    assert ids(data, Memory()) == {"github-token"}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_value_cut_anywhere_is_found_over_requests(name: str) -> None:
    value = KNOWN[name].decode()
    for first, last in halves(value):
        memory = Memory()
        told = [ids(body(f"x {part} y"), memory) for part in (first, last)]
        assert {f"known:{name}"} in told, (first, last)


def test_parts_of_a_known_value_are_found_in_any_layer_and_any_order() -> None:
    value, memory = KNOWN["long"], Memory()
    thirds = value[:22], value[22:43], value[43:]
    assert not found(body(thirds[2].hex()), memory)
    assert not found(body(base64.b64encode(thirds[0]).decode()), memory)
    assert ids(body(thirds[1].decode()), memory) == {"known:long"}


def test_memory_is_bounded_however_much_is_sent() -> None:
    memory = Memory()
    for number in range(200):
        found(body(f"part {number}: ghp_{number:030}{'x' * (number % 300)}-"), memory)
        assert len(memory.pieces) <= MOST_PIECES
        assert sum(map(len, memory.pieces)) <= MOST_BYTES
    assert "ghp_" not in repr(memory)


def test_what_is_no_json_has_one_field() -> None:
    memory = Memory()
    assert not found(f"so: {KEY[:20]}".encode(), memory)
    assert found(f"{KEY[20:]} it was".encode(), memory)


def test_any_bytes_may_be_sent() -> None:
    memory = Memory()
    for data in (b"", b"\xff\xfe", b'"', b"[" * 5000, b'{"a": NaN}', bytes(range(256)) * 9):
        found(data, memory)


def test_joining_detectors_are_those_that_are_told_by_what_they_begin_with() -> None:
    without = {it.id for it in standing_detectors() if it.kind == "secret" and not it.begins}
    assert without == {"assigned-secret", "aws-secret-key", "url-credentials"}


def test_with_every_detector_ignored_nothing_is_put_together() -> None:
    ignored = tuple(it.id for it in standing_detectors())
    guard, memory = Guard(GuardSettings("block", (), (), ignored, None)), Memory()
    for half in (KEY[:20], KEY[20:]):
        assert guard.inspect(body(f"it is {half}"), ASKED, memory).action == "allow"


def test_a_piece_is_forgotten_after_so_many_bodies() -> None:
    memory = Memory()
    found(body(f"keep {KEY[:20]}"), memory)
    for number in range(MOST_BODIES):
        found(body(f"message {number} of many"), memory)
    assert not [it for it in memory.pieces if it.startswith(b"ghp_")]
