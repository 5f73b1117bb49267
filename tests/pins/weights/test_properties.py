"""Whatever is done to a file, looking at it ends, and a payload that is left is not passed."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weights.corpus import benign, malicious
from weights.corpus.case import Case
from weights.corpus.containers import gguf, safetensors, template
from weights.corpus.opcodes import called, pickled

from tollway.pins.finding import Findings
from tollway.pins.weights.examine import examine
from tollway.pins.weights.look import FORMATS, Piece, Rules
from tollway.pins.weights.reader import Held

ALL = Rules(frozenset(FORMATS))
SMALL = [it for it in (*malicious.cases(), *benign.cases()) if len(it.data) < 20_000]
SLOW = settings(
    deadline=None,
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def judged(data: bytes, name: str = "model.bin", rules: Rules = ALL) -> Findings:
    return examine([Piece(name, lambda: Held(data))], "weights:model", rules)[0]


def never_failed(findings: Findings) -> bool:
    return not any("failed" in it.why for it in findings.unaudited)


@SLOW
@given(st.sampled_from(SMALL), st.data())
def test_a_file_with_bytes_changed_is_looked_at_to_the_end(case: Case, data: st.DataObject) -> None:
    held = bytearray(case.data)
    for _ in range(data.draw(st.integers(1, 6))):
        if held:
            at = data.draw(st.integers(0, len(held) - 1))
            held[at] = data.draw(st.integers(0, 255))
    assert never_failed(judged(bytes(held), case.name))


@SLOW
@given(st.sampled_from(SMALL), st.floats(0, 1))
def test_every_prefix_of_a_file_is_looked_at_to_the_end(case: Case, share: float) -> None:
    assert never_failed(judged(case.data[: int(len(case.data) * share)], case.name))


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_cut_after_its_call_is_never_passed(protocol: int) -> None:
    whole = bytes([0x80, protocol]) + called("os:system", "touch x").code
    for tail in (b"", b".", b"0", b"\xff", b"N.", b"(((", b"R" * 9, bytes(100)):
        assert judged(whole + tail).exit_code == 1, tail


@SLOW
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_payload_between_any_bytes_is_never_passed(before: bytes, behind: bytes) -> None:
    payload = pickled(called("os:system", "touch x"))
    assert judged(before + payload + behind).exit_code in (1, 3)


@SLOW
@given(st.binary(max_size=400))
def test_what_is_not_known_is_never_passed_as_a_pickle(data: bytes) -> None:
    findings = judged(data)
    if data[:1] == b"\x80" and data[1:2] <= b"\x05":
        looked = examine([Piece("x", lambda: Held(data))], "weights:x", Rules())[0]
        assert looked.exit_code != 0
    assert never_failed(findings)


def test_every_prefix_of_a_header_is_a_finding() -> None:
    import numpy as np

    for whole in (
        safetensors({"w": np.arange(4, dtype=np.float32)}),
        gguf(template("{{ messages }}"), [("w", (4,), 0, 0)], bytes(16)),
    ):
        assert judged(whole).exit_code == 0
        for end in range(8, len(whole)):
            assert judged(whole[:end]).exit_code in (1, 3), end


@SLOW
@given(st.integers(0, 2**64 - 1))
def test_no_header_length_of_a_safetensors_takes_more_than_the_file(length: int) -> None:
    data = struct.pack("<Q", length) + b'{"a": 1}'
    assert judged(data, "m.safetensors").exit_code in (1, 3)
