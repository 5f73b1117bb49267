"""Ultralytics, December 2024: 8.3.41 and three after it mined coins; each was there for hours.

Control: the cooldown, which also holds for a dependency that nobody named.
"""

from pathlib import Path

import pytest
from index_rig import Upstream, decisions, installing, pypi


@pytest.fixture
def upstream():
    with Upstream() as it:
        it.add_wheel("ultralytics", "8.3.40", {"ultralytics/__init__.py": ""})
        for version in ("8.3.41", "8.3.42", "8.3.45", "8.3.46"):
            bad = {"ultralytics/__init__.py": "", "ultralytics/bad.py": ""}
            it.add_wheel("ultralytics", version, bad, age=12 * 3600.0)
        it.add_wheel("vision-app", "1.0", {"vision.py": ""}, requires=("ultralytics>=8.3.40",))
        yield it


def test_a_dependency_is_the_newest_that_is_old_enough(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "on", {"pypi": pypi(upstream)}, young="ask") as programs:
        assert programs.uv("vision-app").returncode == 0
        assert programs.has("ultralytics-8.3.40")
        narrow = programs.uv("vision-app", "ultralytics>8.3.40")
        assert "is 12 hours old, and the cooldown is 7 days (index.young)" in narrow.stderr
    assert ("allowed", "pypi:ultralytics@8.3.40", "index.rules") in decisions(programs)


def test_without_the_control_the_newest_comes(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "off", {"pypi": pypi(upstream)}) as programs:
        assert programs.uv("vision-app").returncode == 0
        assert programs.has("ultralytics-8.3.46")
