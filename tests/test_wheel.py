"""The wheel is a function of the sources: built twice, elsewhere and later, it is the same."""

import os
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore", "src")
PASSED_BY = shutil.ignore_patterns("__pycache__", "*.so", "*.compiled")


def built(tree: Path, out: Path, **environment: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    clean = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    subprocess.run(command, cwd=tree, env={**clean, **environment}, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources somewhere else, with other times and other rights of the group."""
    tree = tmp_path_factory.mktemp("elsewhere") / "a tree"
    tree.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=PASSED_BY)
        else:
            shutil.copy(ROOT / name, tree / name)
    for path in tree.rglob("*"):
        path.chmod(0o770 if path.is_dir() else 0o660)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return tree


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("here"))


def test_two_builds_are_the_same_bytes(wheel: Path, copied: Path, tmp_path: Path) -> None:
    other = built(copied, tmp_path, TZ="Pacific/Kiritimati", LANG="C", PYTHONHASHSEED="7")
    assert other.name == wheel.name
    assert sha256(other.read_bytes()).digest() == sha256(wheel.read_bytes()).digest()


def test_a_wheel_of_other_sources_is_another_one(wheel: Path, copied: Path, tmp_path: Path) -> None:
    """What the test above compares would show a difference."""
    shutil.copytree(copied, tmp_path / "tree")
    with (tmp_path / "tree" / "src" / "tollway" / "units.py").open("a") as file:
        file.write("\n")
    other = built(tmp_path / "tree", tmp_path / "out")
    assert other.read_bytes() != wheel.read_bytes()


def test_the_wheel_holds_what_runs_and_nothing_made_here(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {it for it in names if it.startswith("tollway/")}
    assert "tollway/cli/app.py" in own
    assert "tollway/inspect/demo.toml" in own
    assert "tollway/web/page.css" in own
    assert not [it for it in own if it.endswith((".so", ".pyc", ".compiled"))]
    assert all(".dist-info/" in it for it in names - own)
