"""Files as a stream of parcels, and what a host makes of hostile ones."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.sandbox.keeping import Keeper
from tollway.sandbox.order import Limits
from tollway.sandbox.vm.guest import parcels
from tollway.sandbox.vm.luggage import Collecting
from tollway.units import Bytes


class Sent:
    """What a guest has sent, in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self, n: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def collected(into: Path, limits: Limits, *pieces: bytes) -> Keeper:
    keeper = Keeper(into, limits)
    try:
        asyncio.run(Collecting(keeper, limits).collect(Sent(*pieces)))
    except BaseException:
        keeper.abandon()
        raise
    return keeper


def file(path: list[str], data: bytes) -> bytes:
    return parcels.head_line(path, "file", len(data)) + data


def test_a_tree_arrives_as_it_was_however_it_is_cut(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "c").write_bytes(bytes(range(256)) * 40)
    (source / "empty").touch()
    whole = b"".join(parcels.packed(source, [])) + parcels.END
    for size in (1, 7, len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        into = tmp_path / f"into{size}"
        kept = collected(into, Limits(), *pieces).done()
        assert set(kept.files) == {"a/b/c", "empty"}
        assert (into / "a" / "b" / "c").read_bytes() == bytes(range(256)) * 40


@pytest.mark.parametrize(
    "path", [["..", "x"], ["/etc/x"], ["a", "..", "..", "x"], ["\x1b[2J"], ["x\udc80"], [""], ["."]]
)
def test_no_name_leads_elsewhere(tmp_path: Path, path: list[str]) -> None:
    folder = parcels.head_line([], "folder")
    kept = collected(tmp_path / "into", Limits(), folder + file(path, b"x") + b"\n").done()
    assert not kept.files
    assert len(kept.refused) == 1
    assert [it.name for it in tmp_path.iterdir()] == ["into"]
    assert list((tmp_path / "into").iterdir()) == []


def test_a_guest_cannot_send_forever(tmp_path: Path) -> None:
    small = Limits(kept=Bytes(1000), kept_files=2, inodes=10)
    huge = parcels.head_line(["x"], "file", 1 << 40)
    with pytest.raises(parcels.Unreadable, match="more bytes"):
        collected(tmp_path / "one", small, huge, *[bytes(1 << 20)] * 70)
    folder = parcels.head_line([], "folder")
    heads = b"".join(parcels.head_line([str(it)], "other") for it in range(20))
    with pytest.raises(parcels.Unreadable, match="more files"):
        collected(tmp_path / "two", small, folder, heads)
    with pytest.raises(parcels.Unreadable, match="without end"):
        collected(tmp_path / "three", small, b"x" * (parcels.LINE + 1))
    with pytest.raises(ConnectionResetError):
        collected(tmp_path / "four", small, parcels.head_line([], "file", 10) + b"short")
    assert list(tmp_path.iterdir()) == []


@given(st.one_of(st.binary(max_size=400), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["path", "kind", "size", "mode", "target"]), inner),
    max_leaves=8).map(lambda value: json.dumps(value).encode() + b"\n")))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_any_line_is_a_head_or_unreadable(data: bytes) -> None:
    try:
        for it in parcels.Unpacking().feed(data):
            assert isinstance(it, bytes) or {"path", "kind", "size"} <= it.keys()
    except parcels.Unreadable:
        pass
