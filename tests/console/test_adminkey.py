"""The admin key: once shown, kept as a digest, and only the last one opens."""

from pathlib import Path

from tollway.console.adminkey import ADMIN_KEY, is_admin_key, make_admin_key


def test_the_state_folder_holds_no_key_and_only_its_owner_reads_what_it_holds(
    tmp_path: Path,
) -> None:
    key = make_admin_key(tmp_path)
    kept = tmp_path / ADMIN_KEY
    assert key not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert is_admin_key(key, tmp_path)
    assert not is_admin_key(key[:-1], tmp_path)
    assert not is_admin_key("", tmp_path)
    assert not is_admin_key("\udc80", tmp_path)


def test_a_new_key_ends_the_old_one_and_without_any_nothing_opens(tmp_path: Path) -> None:
    assert not is_admin_key("", tmp_path)
    old = make_admin_key(tmp_path)
    new = make_admin_key(tmp_path)
    assert is_admin_key(new, tmp_path)
    assert not is_admin_key(old, tmp_path)
