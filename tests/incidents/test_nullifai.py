"""nullifAI (February 2025): models on a hub whose torch archive was a 7z, with a pickle that breaks
behind its payload, so that scanners gave up before they had seen it.

Source: ReversingLabs, "Malicious ML models discovered on Hugging Face platform". What is built here
does nothing but touch a file.
"""

import pickle
import struct
import zlib
from pathlib import Path

import pytest

from tollway.inspect.weights import examine

COMMAND = "touch nullifai-was-here"


def broken_pickle() -> bytes:
    """A payload at the start of the stream, and opcodes that no unpickler gets past."""
    text = COMMAND.encode()
    call = b"\x80\x02cposix\nsystem\nX" + struct.pack("<I", len(text)) + text + b"\x85R"
    return call + b"}(X\x05\x00\x00\x00epochK\x01X\xff\xff\xff\x7f"


def seven_zip(data: bytes) -> bytes:
    """A 7z archive of one stored entry, with the checksums that its readers ask for."""
    header = (
        b"\x01\x04\x06\x00\x01\x09" + _number(len(data)) + b"\x00"
        b"\x07\x0b\x01\x00\x01\x01\x00\x0c" + _number(len(data)) + b"\x00\x00"
        b"\x05\x01\x11\x13\x00" + "data.pkl".encode("utf-16le") + b"\x00\x00\x00\x00"
    )
    place = struct.pack("<QQI", len(data), len(header), zlib.crc32(header))
    start = b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(place)) + place
    return start + data + header


def _number(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([0x80 | value >> 8, value & 0xFF])


def test_the_payload_runs_before_the_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(broken_pickle())
    assert (tmp_path / "nullifai-was-here").exists()


@pytest.mark.parametrize("formats", [(), ("pickle",)])
def test_the_7z_is_stopped_by_its_format_whatever_is_allowed(
    tmp_path: Path, formats: tuple[str, ...]
) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(seven_zip(broken_pickle()))
    findings = examine(path, formats=formats, name="nullifai")
    assert "weights.format" in {it.rule for it in findings.found}
    assert findings.exit_code == 1


def test_the_broken_pickle_is_stopped_by_its_global_and_its_break(tmp_path: Path) -> None:
    path = tmp_path / "data.pkl"
    path.write_bytes(broken_pickle())
    findings = examine(path, formats=("pickle",), name="nullifai")
    assert {it.rule for it in findings.found} == {"weights.pickle-global", "weights.pickle-broken"}


def test_without_the_format_allowlist_it_gets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control that stops it: with the examiner's list of what it may open taken away (every
    archive that it cannot open counted as plain data, and nothing hidden looked for), it passes."""
    from tollway.pins.weights import examine as examiner

    monkeypatch.setattr(examiner, "UNREAD_ARCHIVES", frozenset())
    monkeypatch.setattr(examiner, "_by_structure", lambda *_: None)
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(seven_zip(broken_pickle()))
    assert not examine(path, name="nullifai").found
