"""Where groups are made and what is written into them, on trees made of plain files."""

from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.ns.cgroups import WANTED, Ground, ground, remove
from tollway.sandbox.order import Limits
from tollway.units import Bytes


def proc(folder: Path, cgroup: str, mountinfo: str) -> Path:
    at = folder / "proc"
    at.mkdir()
    (at / "cgroup").write_text(cgroup)
    (at / "mountinfo").write_text(mountinfo)
    return at


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    """A tree of version 2 in which only the group above the caller's own gives controllers on."""
    top = tmp_path / "cgroup"
    for at, given in ((top, "cpu memory pids"), (top / "user", "memory pids cpu"),
                      (top / "user" / "session", "")):  # fmt: skip
        at.mkdir()
        (at / "cgroup.controllers").write_text("cpu memory pids" if given else "")
        (at / "cgroup.subtree_control").write_text(given)
    return top


def test_version_2_is_found_above_a_group_that_has_processes(
    v2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.sandbox.ns.cgroups.remove", _emptied)
    at = proc(tmp_path, "0::/user/session\n", f"30 1 0:1 / {v2} rw - cgroup2 cgroup2 rw\n")
    found = ground(at)
    assert found.folders == dict.fromkeys(WANTED, (v2 / "user", 2))
    assert found.kind == "cgroup v2"


def test_all_of_version_2_is_in_one_group(
    v2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process is in one group only: one with the memory goes before a nearer one without."""
    monkeypatch.setattr("tollway.sandbox.ns.cgroups.remove", _emptied)
    (v2 / "user" / "session" / "cgroup.controllers").write_text("pids")
    (v2 / "user" / "session" / "cgroup.subtree_control").write_text("pids")
    at = proc(tmp_path, "0::/user/session\n", f"30 1 0:1 / {v2} rw - cgroup2 cgroup2 rw\n")
    assert ground(at).folders == dict.fromkeys(WANTED, (v2 / "user", 2))


def test_version_1_is_found_for_each_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.sandbox.ns.cgroups.remove", _emptied)
    (tmp_path / "memory" / "mine").mkdir(parents=True)
    (tmp_path / "pids").mkdir()
    mounts = "".join(
        f"30 1 0:1 {root} {tmp_path}/{name} rw - cgroup cgroup rw,{name}\n"
        for name, root in (("memory", "/"), ("pids", "/docker/1"))
    )
    at = proc(tmp_path, "4:memory:/mine\n3:pids:/docker/1\n2:freezer:/\n0::/\n", mounts)
    assert ground(at).folders == {
        "memory": (tmp_path / "memory" / "mine", 1),
        "pids": (tmp_path / "pids", 1),
    }


def test_nothing_is_found_where_nothing_is_delegated(v2: Path, tmp_path: Path) -> None:
    for at in (v2, v2 / "user"):
        (at / "cgroup.controllers").write_text("")
    at = proc(tmp_path, "0::/user/session\n", f"30 1 0:1 / {v2} rw - cgroup2 cgroup2 rw\n")
    found = ground(at)
    assert (found.folders, found.kind, found.bounds) == ({}, "rlimits", frozenset())


def test_the_bounds_of_version_2_are_written(tmp_path: Path) -> None:
    place = Ground(dict.fromkeys(WANTED, (tmp_path, 2)))
    group = place.group(Limits(memory=Bytes(1 << 20), processes=5, cpus=1.5))
    [at] = tmp_path.iterdir()
    assert (at / "memory.max").read_text() == str(1 << 20)
    assert (at / "pids.max").read_text() == "7"
    assert (at / "cpu.max").read_text() == "150000 100000"
    group.add(1234)
    assert (at / "cgroup.procs").read_text() == "1234"
    (at / "memory.peak").write_text("77\n")
    (at / "memory.events").write_text("low 0\noom 3\noom_kill 0\noom_group_kill 0\n")
    assert (group.peak(), group.starved()) == (77, False)
    (at / "memory.events").write_text("oom_kill 2\n")
    assert group.starved()


def test_a_bound_whose_defence_is_off_is_not_written(tmp_path: Path) -> None:
    place = Ground({"memory": (tmp_path, 2)})
    place.group(Limits(), frozenset({"memory"}))
    [at] = tmp_path.iterdir()
    assert list(at.iterdir()) == []


def test_what_can_not_be_bounded_is_not_run(tmp_path: Path) -> None:
    place = Ground({"memory": (tmp_path / "gone", 2)})
    with pytest.raises(TollwayError, match="no bounds, no run"):
        place.group(Limits())


def test_a_group_that_is_gone_is_removed_without_a_word(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")


def test_only_groups_whose_owner_is_gone_are_swept(tmp_path: Path) -> None:
    own = str(Path("/proc/self/ns/pid").stat().st_ino)
    gone, stranger = f"tollway-{own}-4194999-1-aa", "tollway-1-4194999-1-aa"
    other = "tollway-odd"
    for name in (gone, stranger, other):
        (tmp_path / name).mkdir()
    Ground({"memory": (tmp_path, 2)}).sweep()
    assert sorted(at.name for at in tmp_path.iterdir()) == sorted([stranger, other])


def _emptied(folder: Path) -> None:
    """As the kernel removes a group, with the files that are in it."""
    for at in folder.iterdir():
        at.unlink()
    folder.rmdir()
