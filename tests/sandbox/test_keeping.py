"""What is taken out of a sandbox."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL
from tollway.sandbox.keeping import Keeper, inside, keep_from
from tollway.sandbox.order import Kept, Limits
from tollway.units import Bytes


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def keep(work: Path, tmp_path: Path) -> Callable[..., Kept]:
    def kept(path: str = ".", limits: Limits | None = None, into: str = "into") -> Kept:
        keeper = Keeper(tmp_path / into, limits or Limits())
        at = os.open(work, os.O_RDONLY)
        try:
            keep_from(at, path, keeper)
            return keeper.done()
        finally:
            keeper.abandon()
            os.close(at)

    return kept


def test_a_folder_is_kept_with_sizes_and_digests(
    work: Path, tmp_path: Path, keep: Callable[..., Kept]
) -> None:
    (work / "out" / "deep").mkdir(parents=True)
    (work / "out" / "a.txt").write_text("a")
    (work / "out" / "deep" / "-b é").write_text("bb")
    (work / "elsewhere").write_text("no")
    kept = keep("/workspace/out")
    assert kept.files == {
        "a.txt": (1, sha256(b"a").hexdigest()),
        "deep/-b é": (2, sha256(b"bb").hexdigest()),
    }
    assert kept.refused == {}
    assert (tmp_path / "into" / "deep" / "-b é").read_text() == "bb"
    assert sorted(at.name for at in (tmp_path).iterdir()) == ["into", "work"]


def test_a_single_file_is_kept_under_the_name_it_is_given(
    work: Path, tmp_path: Path, keep: Callable[..., Kept]
) -> None:
    (work / "report").write_text("x")
    assert keep("report").files == {"into": (1, sha256(b"x").hexdigest())}
    assert (tmp_path / "into").read_text() == "x"


def test_links_pipes_and_sockets_are_left_behind(
    work: Path, tmp_path: Path, keep: Callable[..., Kept]
) -> None:
    (work / "good").write_text("x")
    (work / "link").symlink_to("/etc/passwd")
    (work / "tree").symlink_to("/etc")
    os.mkfifo(work / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(work / "socket"))
    kept = keep()
    assert list(kept.files) == ["good"]
    assert kept.refused == {
        "link": "a symbolic link",
        "tree": "a symbolic link",
        "pipe": "a named pipe",
        "socket": "a socket",
    }
    assert [at.name for at in (tmp_path / "into").iterdir()] == ["good"]


def test_modes_are_plain(work: Path, tmp_path: Path, keep: Callable[..., Kept]) -> None:
    (work / "x").write_text("x")
    (work / "x").chmod(0o6777)
    (work / "d").mkdir()
    (work / "d").chmod(0o3777)
    keep()
    assert oct((tmp_path / "into" / "x").stat().st_mode) == "0o100644"
    assert oct((tmp_path / "into" / "d").stat().st_mode) == "0o40755"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"a\nb", "control characters"),
        (b"\x1b[2J", "control characters"),
        (b"\xff", "not UTF-8"),
        ("a\u202etxt.exe".encode(), "direction"),
        ("a\u2028b".encode(), "control characters"),
    ],
)
def test_odd_names_are_left_behind(
    work: Path, keep: Callable[..., Kept], name: bytes, why: str
) -> None:
    (Path(os.fsdecode(os.fsencode(work) + b"/" + name))).write_text("x")
    [(shown, reason)] = keep().refused.items()
    assert why in reason
    assert shown.isprintable()


@pytest.mark.parametrize("parts", [(b"..", b"x"), (b".",), (b"a/../../x",), (b"",)])
def test_names_that_lead_elsewhere_are_left_behind(tmp_path: Path, parts: tuple[bytes]) -> None:
    keeper = Keeper(tmp_path / "into", Limits())
    keeper.folder(())
    assert not keeper.file(parts, 1, [b"x"])
    assert keeper.done().files == {}
    assert [at.name for at in tmp_path.iterdir()] == ["into"]


def test_names_lead_elsewhere_without_the_defence(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits(), replace(ALL, outputs=False))
    keeper.folder(())
    assert keeper.file((b"..", b"..", b"x"), 1, [b"x"])
    assert (tmp_path / "x").exists()


def test_the_same_name_twice_is_kept_once(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits())
    keeper.folder(())
    assert keeper.file((b"x",), 1, [b"1"])
    assert not keeper.file((b"x",), 1, [b"2"])
    assert keeper.done().refused == {"x": "offered twice"}
    assert (tmp_path / "into" / "x").read_bytes() == b"1"


def test_bytes_and_files_are_bounded(work: Path, keep: Callable[..., Kept]) -> None:
    (work / "a").write_bytes(b"1" * 60)
    (work / "b").write_bytes(b"2" * 60)
    (work / "c").write_bytes(b"3" * 40)
    kept = keep(limits=Limits(kept=Bytes(100)))
    assert list(kept.files) == ["a", "c"]
    assert "60 bytes" in kept.refused["b"]
    few = keep(limits=Limits(kept_files=2), into="few")
    assert list(few.files) == ["a"]
    assert len(few.refused) == 2


def test_a_sparse_file_is_bounded_by_what_it_says(work: Path, keep: Callable[..., Kept]) -> None:
    with (work / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert "sparse" in keep().refused


def test_a_file_that_grows_is_bounded_by_what_was_read(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits(kept=Bytes(100)))
    keeper.folder(())
    assert not keeper.file((b"x",), 1, (b"1" * 30 for _ in range(1000)))
    assert keeper.room == 100
    assert list(keeper.done().refused) == ["x"]
    assert list((tmp_path / "into").iterdir()) == []


def test_depth_is_bounded(work: Path, keep: Callable[..., Kept]) -> None:
    deep = work
    for _ in range(100):
        deep = deep / "d"
        deep.mkdir()
    assert list(keep().refused) == ["/".join("d" * 65)]


def test_what_is_left_behind_is_named_up_to_a_bound(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits())
    keeper.folder(())
    for number in range(1500):
        keeper.refused((str(number).encode(),), "a device")
    refused = keeper.done().refused
    assert len(refused) == 1001
    assert refused["..."] == "and 500 more"


@pytest.mark.parametrize("path", ["nothing", "link/x", "file/x", "../workspace", "/etc/passwd"])
def test_a_path_that_is_not_there_is_said_and_nothing_left(
    work: Path, tmp_path: Path, keep: Callable[..., Kept], path: str
) -> None:
    (work / "link").symlink_to("/etc")
    (work / "file").write_text("")
    with pytest.raises(TollwayError, match=path):
        keep(path)
    assert [at.name for at in tmp_path.iterdir()] == ["work"]


def test_a_link_asked_for_is_not_followed(work: Path, keep: Callable[..., Kept]) -> None:
    (work / "link").symlink_to("/etc")
    with pytest.raises(TollwayError, match="a symbolic link"):
        keep("link")


def test_what_is_there_already_is_not_touched(tmp_path: Path, work: Path) -> None:
    with pytest.raises(TollwayError, match="is there already"):
        Keeper(work, Limits())


def test_what_comes_to_be_meanwhile_is_not_touched(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits())
    keeper.folder(())
    (tmp_path / "into").write_text("mine")
    with pytest.raises(TollwayError, match="came to be"):
        keeper.done()
    assert (tmp_path / "into").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_parent_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TollwayError, match=r"Make .*/no first"):
        Keeper(tmp_path / "no" / "into", Limits())


def test_a_full_disk_is_said_and_nothing_left(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "into", Limits())
    keeper.folder(())
    writing = keeper.begin((b"x",), 1)
    assert writing
    with Path("/dev/full").open("wb", buffering=0) as full:
        writing._file, mine = full, writing._file  # pyright: ignore[reportAttributeAccessIssue]
        mine.close()
        with pytest.raises(TollwayError, match=r"No space left on device.*Free some space"):
            writing.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_paths_below_work_are_read() -> None:
    assert inside("a/b") == (b"a", b"b") == inside("/workspace//a/./b/")
    assert inside("/workspace") == () == inside(".")
