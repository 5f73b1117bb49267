"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from tollway.errors import FaultsFound
from tollway.inspect.newfile import write_new


def test_a_file_that_is_there_is_kept_unless_replacing_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    write_new(path, "one", replace=False)
    with pytest.raises(FaultsFound, match="is there already"):
        write_new(path, "two", replace=False)
    assert path.read_text() == "one"
    write_new(path, "two", replace=True)
    assert path.read_text() == "two"
    assert [it.name for it in tmp_path.iterdir()] == ["fleet.toml"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaultsFound, match=r"no/fleet\.toml cannot be written: no such file"):
        write_new(tmp_path / "no" / "fleet.toml", "x", replace=False)
