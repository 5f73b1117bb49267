"""Secrets are fetched, and never told."""

from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.fleet.credential import Credential
from tollway.inspect.secretfile import is_readable_by_all, read_secret


def secret_file(path: Path, data: bytes, mode: int = 0o600) -> Credential:
    path.write_bytes(data)
    path.chmod(mode)
    return Credential("file", str(path))


def refused(credential: Credential) -> str:
    with pytest.raises(TollwayError) as caught:
        read_secret(credential)
    assert "SECRET" not in str(caught.value)
    return str(caught.value)


def test_a_secret_comes_without_the_white_space_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TW_KEY", " sk-1\n")
    assert read_secret(Credential("env", "TW_KEY")) == "sk-1"
    assert read_secret(secret_file(tmp_path / "key", b"sk-2\r\n")) == "sk-2"


def test_a_missing_or_empty_secret_names_its_place_and_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TW_KEY", raising=False)
    env = Credential("env", "TW_KEY")
    assert refused(env) == "credential env:TW_KEY is not set. Set it: export TW_KEY=..."
    monkeypatch.setenv("TW_KEY", " ")
    assert refused(env) == "credential env:TW_KEY is empty. Put the key there."
    missing = Credential("file", str(tmp_path / "no"))
    assert refused(missing) == (
        f"credential file:{tmp_path}/no cannot be read: no such file or directory. "
        "Write the key there, mode 600."
    )
    empty = secret_file(tmp_path / "key", b"\n")
    assert refused(empty) == f"credential file:{tmp_path}/key is empty. Put the key there."


@pytest.mark.parametrize(
    "data", [b"SECRET\nSECRET", b"SECRET SECRET", b"SECRET\x00", b"SECRET\xff", b"SECRET\r\nx: y"]
)
def test_what_no_header_can_carry_is_refused_and_not_repeated(tmp_path: Path, data: bytes) -> None:
    assert "holds characters that no key has" in refused(secret_file(tmp_path / "key", data))


def test_a_secret_that_anyone_may_write_is_refused(tmp_path: Path) -> None:
    credential = secret_file(tmp_path / "key", b"SECRET", 0o666)
    path = tmp_path / "key"
    assert refused(credential) == (
        f"credential file:{path} may be written by anyone. Run: chmod 600 {path}"
    )
    path.chmod(0o600)
    assert read_secret(credential) == "SECRET"


def test_a_secret_that_anyone_may_read_is_read_and_known_as_such(tmp_path: Path) -> None:
    credential = secret_file(tmp_path / "key", b"SECRET", 0o644)
    assert read_secret(credential) == "SECRET"
    assert is_readable_by_all(credential)
    assert not is_readable_by_all(secret_file(tmp_path / "mine", b"SECRET"))
    assert not is_readable_by_all(Credential("env", "TW_KEY"))
    assert not is_readable_by_all(Credential("file", str(tmp_path / "no")))


def test_folders_and_large_files_hold_no_secret(tmp_path: Path) -> None:
    assert "is not a regular file" in refused(Credential("file", str(tmp_path)))
    assert "is larger than 16 KiB" in refused(secret_file(tmp_path / "key", b"S" * 20_000))
