from hashlib import sha256
from pathlib import Path

import pytest

from tollway.cli.local import snippet
from tollway.cli.local_weights import cache_folder, joined
from tollway.errors import TollwayError
from tollway.fleet.parse import parse

WHOLE = b"GGUF" + bytes(range(256)) * 40
SUM = sha256(WHOLE).hexdigest()


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    made: list[Path] = []
    for number in range(4):
        made.append(tmp_path / f"part{number}")
        made[-1].write_bytes(WHOLE[number * 3000 : (number + 1) * 3000])
    return made


def test_the_parts_are_joined_once_and_the_file_is_whole(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "m.gguf"
    assert joined(parts, target, SUM).read_bytes() == WHOLE
    first = target.stat().st_ino
    assert joined(parts, target, SUM).stat().st_ino == first
    assert list(target.parent.iterdir()) == [target]


def test_a_cached_file_that_was_altered_is_joined_anew(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    target.write_bytes(WHOLE[:-1] + b"x")
    assert joined(parts, target, SUM).read_bytes() == WHOLE


def test_parts_of_another_sum_leave_no_file(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "m.gguf"
    with pytest.raises(TollwayError, match="sha256"):
        joined(parts[:-1], target, SUM)
    assert list(target.parent.iterdir()) == []


def test_the_cache_is_where_the_environment_says(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "tollway"
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == cache_folder({})


def test_the_snippet_is_a_fleet_file() -> None:
    for precision in ("q4_k_m", None):
        text = snippet("http://127.0.0.1:8430/v1", "gemma-3-270m", 2048, 2, precision)
        fleet = parse({"fleet.toml": f"version = 1\n{text}"}, "fleet.toml")
        source = fleet.sources["local"]
        assert (source.kind, source.slots) == ("server", 2)
        assert source.serves["gemma-3-270m"].precision == precision
