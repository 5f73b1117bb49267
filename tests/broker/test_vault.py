"""Secrets on the disk: encrypted, bound to name and version, refused without their key."""

import json
import os
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from tollway.broker import key as keys
from tollway.broker.vault import VAULT, Vault, VaultError
from tollway.errors import TollwayError

VALUE = b"ghp_0123456789abcdef"
FIRST, SECOND = b64encode(b"1" * 32).decode(), b64encode(b"2" * 32).decode()


def vault(folder: Path, environ: dict[str, str] | None = None) -> Vault:
    return Vault(folder, environ or {})


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_a_secret_is_kept_and_is_nowhere_on_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert vault(folder).set("github", VALUE, 1.0) == 1
    assert vault(folder).open() == {"github": VALUE}
    assert VALUE not in contents(folder)
    assert b64encode(VALUE)[:-4] not in contents(folder)
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_new_value_is_a_new_version(tmp_path: Path) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    assert vault(tmp_path).set("a", b"another-value", 2.0) == 2
    assert vault(tmp_path).open() == {"a": b"another-value"}
    assert vault(tmp_path).list() == {"a": (2, 2.0)}


def changed(folder: Path, edit: str) -> None:
    kept = json.loads((folder / VAULT).read_text())
    first, second = kept["secrets"]["a"], kept["secrets"]["b"]
    if edit == "swapped":
        kept["secrets"] = {"a": second, "b": first}
    elif edit == "renamed":
        kept["secrets"] = {"c": first}
    elif edit == "another version":
        first["version"] = 9
    else:
        first["text"] = b64encode(bytes(40)).decode()
    (folder / VAULT).write_text(json.dumps(kept))


@pytest.mark.parametrize("edit", ["swapped", "renamed", "another version", "flipped"])
def test_a_secret_is_bound_to_its_name_and_version(tmp_path: Path, edit: str) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    vault(tmp_path).set("b", b"other-secret", 1.0)
    assert len(vault(tmp_path).open()) == 2, "as long as nobody changes the file"
    changed(tmp_path, edit)
    with pytest.raises(VaultError, match="does not decrypt"):
        vault(tmp_path).open()


def test_without_its_key_the_store_is_refused(tmp_path: Path) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(VaultError, match=r"key is missing; it was in secrets\.key"):
        vault(tmp_path).open()
    with pytest.raises(VaultError, match="key is missing"):
        vault(tmp_path).set("b", VALUE, 1.0)
    assert not (tmp_path / "secrets.key").exists(), "no new key takes the place of a lost one"


def test_another_key_is_refused(tmp_path: Path) -> None:
    vault(tmp_path, {keys.VARIABLE: FIRST}).set("a", VALUE, 1.0, "env")
    with pytest.raises(VaultError, match="is not the one"):
        vault(tmp_path, {keys.VARIABLE: SECOND}).open()
    with pytest.raises(VaultError, match="missing"):
        vault(tmp_path).open()
    assert vault(tmp_path, {keys.VARIABLE: FIRST}).open() == {"a": VALUE}


@pytest.mark.parametrize("text", ["x", "aGVsbG8=", "é", "=" * 44])
def test_a_key_that_is_none_is_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(TollwayError) as found:
        vault(tmp_path, {keys.VARIABLE: text}).set("a", VALUE, 1.0, "env")
    assert "holds no key" in str(found.value)
    assert text not in str(found.value) or text == "x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    (tmp_path / "secrets.key").chmod(mode)
    with pytest.raises(TollwayError, match="chmod 600"):
        vault(tmp_path).open()


def test_a_key_behind_a_link_is_refused(tmp_path: Path) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    (tmp_path / "secrets.key").rename(tmp_path / "elsewhere")
    (tmp_path / "secrets.key").symlink_to("elsewhere")
    with pytest.raises(TollwayError, match="cannot be read"):
        vault(tmp_path).open()


def test_a_new_key_opens_what_the_old_one_closed_and_the_old_one_does_not(tmp_path: Path) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    old = (tmp_path / "secrets.key").read_text()
    assert vault(tmp_path).rotate(2.0) == 1
    assert vault(tmp_path).open() == {"a": VALUE}
    assert (tmp_path / "secrets.key").read_text() != old
    (tmp_path / "secrets.key").write_text(old)
    with pytest.raises(VaultError, match="is not the one"):
        vault(tmp_path).open()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_rotation_that_is_cut_off_leaves_a_key_that_opens(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    replace, count = Path.replace, 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count > at:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing)
        with pytest.raises(TollwayError, match="no space left"):
            vault(tmp_path).rotate(2.0)
    assert vault(tmp_path).open() == {"a": VALUE}
    vault(tmp_path).rotate(3.0)
    assert vault(tmp_path).open() == {"a": VALUE}


def test_a_key_moves_to_another_place(tmp_path: Path) -> None:
    vault(tmp_path).set("a", VALUE, 1.0)
    environ = {keys.VARIABLE: FIRST}
    vault(tmp_path, environ).rotate(2.0, "env")
    assert vault(tmp_path, environ).open() == {"a": VALUE}
    both = {keys.VARIABLE: f"{SECOND} {FIRST}"}
    vault(tmp_path, both).rotate(3.0)
    assert vault(tmp_path, {keys.VARIABLE: SECOND}).open() == {"a": VALUE}
    with pytest.raises(TollwayError, match="cannot be written"):
        vault(tmp_path, {keys.VARIABLE: SECOND}).rotate(4.0)


def test_rotating_to_a_place_that_holds_a_key_does_not_destroy_it(tmp_path: Path) -> None:
    other = tmp_path / "other"
    vault(other).set("b", b"other-secret", 1.0)
    vault(tmp_path).set("a", VALUE, 1.0)
    vault(tmp_path).rotate(2.0, f"file:{other / 'secrets.key'}")
    assert vault(tmp_path).open() == {"a": VALUE}
    assert vault(other).open() == {"b": b"other-secret"}


@pytest.mark.parametrize("value", [b"", b"1234567", b"x" * 16385])
def test_a_secret_has_a_length_that_can_be_looked_for(tmp_path: Path, value: bytes) -> None:
    with pytest.raises(TollwayError, match="8 to 16384"):
        vault(tmp_path).set("a", value, 1.0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', "\x00"])
def test_a_damaged_store_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / VAULT).write_text(text)
    with pytest.raises(VaultError, match="is no store of secrets"):
        vault(tmp_path).list()


class FakeKeyring:
    """A keyring as the package `keyring` offers one."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.priority = 5.0

    def get_keyring(self) -> "FakeKeyring":
        return self

    def get_password(self, service: str, user: str) -> str | None:
        return self.kept.get((service, user))

    def set_password(self, service: str, user: str, text: str) -> None:
        self.kept[service, user] = text


def test_the_key_may_be_in_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", ring)  # pyright: ignore[reportArgumentType]
    assert keys.has_keyring()
    vault(tmp_path).set("a", VALUE, 1.0, "keyring")
    assert vault(tmp_path).open() == {"a": VALUE}
    assert not (tmp_path / "secrets.key").exists()
    vault(tmp_path).rotate(2.0)
    assert vault(tmp_path).open() == {"a": VALUE}
    ring.kept.clear()
    with pytest.raises(VaultError, match="missing; it was in the keyring"):
        vault(tmp_path).open()


def run(folder: Path, *words: str, typed: bytes = b"", **environ: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tollway", "secrets", *words, "--state", str(folder)]
    done = subprocess.run(
        command, input=typed, capture_output=True, env={**os.environ, **environ}, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_keeps_lists_and_removes(tmp_path: Path) -> None:
    assert run(tmp_path, "set", "github", typed=VALUE + b"\n")[0] == 0
    code, out, err = run(tmp_path, "list")
    assert (code, err) == (0, "")
    assert "github" in out
    assert VALUE.decode() not in out
    _, out, _ = run(tmp_path, "list", "--json")
    assert json.loads(out)["secrets"][0]["name"] == "github"
    assert run(tmp_path, "rotate-key")[0] == 0
    assert vault(tmp_path).open() == {"github": VALUE}
    assert run(tmp_path, "remove", "github")[0] == 0
    code, out, err = run(tmp_path, "remove", "github")
    assert (code, out) == (2, "")
    assert "`tollway secrets list`" in err


def test_a_secret_given_as_the_name_is_not_repeated(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "set", "sk-abc/def+ghi=")
    assert (code, out) == (2, "")
    assert "sk-abc" not in err


def test_the_key_of_the_environment_is_used_where_it_is_set(tmp_path: Path) -> None:
    _, _, err = run(tmp_path, "set", "a", typed=VALUE, TOLLWAY_SECRETS_KEY=FIRST)
    assert "$TOLLWAY_SECRETS_KEY" in err
    assert not (tmp_path / "secrets.key").exists()
    code, _, err = run(tmp_path, "set", "b", typed=VALUE)
    assert code == 2
    assert "missing; it was in $TOLLWAY_SECRETS_KEY" in err
