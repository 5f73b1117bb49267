"""The admin key: once shown, kept as a digest, and only the last one opens."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from tollway.console.adminkey import (
    ADMIN_KEY,
    is_admin_key,
    make_admin_key,
    make_first_admin_key,
)


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


def test_of_many_who_make_the_first_key_at_once_one_does_and_its_key_opens(tmp_path: Path) -> None:
    start = Barrier(8)

    def make(_: int) -> str | None:
        start.wait(10)
        return make_first_admin_key(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        made = [it for it in pool.map(make, range(8)) if it is not None]
    assert len(made) == 1
    assert is_admin_key(made[0], tmp_path)
    assert os.listdir(tmp_path) == [ADMIN_KEY]
    assert (tmp_path / ADMIN_KEY).stat().st_mode & 0o777 == 0o600


def test_of_many_who_make_a_new_key_at_once_the_last_ones_opens(tmp_path: Path) -> None:
    """The control: whoever asks for a new key gets one, each time."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_admin_key(tmp_path), range(32)))
    assert len(set(made)) == 32
    assert sum(is_admin_key(it, tmp_path) for it in made) == 1
    assert os.listdir(tmp_path) == [ADMIN_KEY]
