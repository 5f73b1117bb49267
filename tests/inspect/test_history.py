"""Older locks, out of git and out of folders."""

import os
import subprocess
from pathlib import Path

import pytest

from tollway.inspect.history import held_in, held_in_git

EMPTY = "version = 1\n"
ONE = """version = 1

[[component]]
kind = "runtime"
name = "vllm"
purl = "pkg:generic/vllm@1"
"""


def git(folder: Path, *words: str, when: int = 0) -> None:
    moment = f"{when} +0000"
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment,
    }  # fmt: skip
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, env=environ, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for when, text in enumerate((EMPTY, ONE, "not a lock"), 1_700_000_000):
        (tmp_path / "ai.lock").write_text(text)
        git(tmp_path, "add", "ai.lock")
        git(tmp_path, "commit", "-q", "-m", "lock", when=when)
    git(tmp_path, "rm", "-q", "ai.lock")
    git(tmp_path, "commit", "-q", "-m", "gone", when=1_700_000_003)
    return tmp_path


def test_each_commit_of_a_lock_is_read_the_oldest_first(repository: Path) -> None:
    held = held_in_git(repository / "ai.lock")
    assert [int(it.at.timestamp()) for it in held if it.at] == [
        *range(1_700_000_000, 1_700_000_004)
    ]
    counts = [None if it.lock is None else len(it.lock.component) for it in held]
    assert counts == [0, 1, None, 0]
    assert "is not TOML" in held[2].why


def test_a_lock_in_no_repository_has_no_history(tmp_path: Path) -> None:
    folder = tmp_path / "apart"
    folder.mkdir()
    assert held_in_git(folder / "ai.lock") == ()


def test_a_program_that_the_repository_names_is_not_started(repository: Path) -> None:
    marker = repository / "started"
    program = repository / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("*.lock diff=odd\n")
    git(repository, "config", "diff.odd.textconv", str(program))
    held_in_git(repository / "ai.lock")
    was = marker.exists()
    git(repository, "-c", "core.pager=cat", "log", "-p", "--textconv", "--", "ai.lock")
    assert marker.exists(), "the control: git starts it where it is asked to"
    assert not was


def test_locks_of_a_folder_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    for name, text, when in (("b", ONE, 1), ("a", EMPTY, 2), ("c", "?", 3)):
        file = tmp_path / f"{name}.lock"
        file.write_text(text)
        os.utime(file, (when, when))
    held = held_in(tmp_path)
    assert [it.origin for it in held] == ["b.lock", "a.lock", "c.lock"]
    assert held[2].lock is None
