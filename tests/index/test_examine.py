"""What runs by itself is found however an archive hides it; what reads in two ways is refused."""

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from index_rig import tarball, wheel

from tollway.index.examine import scripts_in, startup_of
from tollway.index.shelf import Shelf

MANIFEST = {"name": "x", "version": "1.0.0"}
SCRIPTED = {**MANIFEST, "scripts": {"postinstall": "node bad.js"}}


def put(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("evil.pth", True),
        ("evil.PTH", True),
        ("sitecustomize.py", True),
        ("usercustomize/__init__.py", True),
        ("x-1.0.data/purelib/evil.pth", True),
        ("x-1.0.data/platlib/sitecustomize.cpython-311.so", True),
        ("x-1.0.data/data/lib/python3.11/site-packages/evil.pth", True),
        ("x/data.pth", False),
        ("x-1.0.data/data/share/model.pth", False),
        ("x/sitecustomize.py", False),
    ],
)
def test_what_every_start_of_python_runs_is_found(tmp_path: Path, name: str, found: bool) -> None:
    assert startup_of(put(tmp_path, wheel("x", "1.0", {name: ""}))) == ((name,) if found else ())


def test_a_wheel_that_reads_in_two_ways_is_refused(tmp_path: Path) -> None:
    plain = wheel("x", "1.0", {"harmless.py": ""})
    assert startup_of(put(tmp_path, plain)) == ()
    renamed = plain.replace(b"harmless.py", b"evil123.pth", 1)  # its own header, not the directory
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("evil.pth", "")
        archive.writestr("x.py", "")
        del archive.NameToInfo["evil.pth"], archive.filelist[0]
    for odd, words in (
        (renamed, "others than its directory names"),
        (hidden.getvalue(), "between its members"),
        (plain + b"PK", "behind its members"),
        (b"#!/bin/sh\n" + plain, "between its members"),
        (wheel("x", "1.0", {"../x.pth": ""}), "put elsewhere"),
        (plain[:-10], "no zip archive"),
    ):
        with pytest.raises(ValueError, match=words):
            startup_of(put(tmp_path, odd))


def packed(*members: tuple[str, Mapping[str, object]], between: bytes = b"") -> bytes:
    made = b""
    for path, manifest in members:
        one = io.BytesIO()
        with tarfile.open(fileobj=one, mode="w") as archive:
            member = tarfile.TarInfo(path)
            data = json.dumps(manifest).encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            end = archive.offset
        made += one.getvalue()[:end] + between
    return gzip.compress(made + bytes(1024))


@pytest.mark.parametrize(
    "data",
    [
        packed(("package/package.json", SCRIPTED)),
        packed(("anything/package.json", SCRIPTED)),
        packed(("package/package.json", MANIFEST), ("./package.json", SCRIPTED)),
        packed(("package/package.json", SCRIPTED), ("package/package.json", MANIFEST)),
        packed(("package/package.json", MANIFEST), ("x//package.json", SCRIPTED)),
        packed(("package/package.json", MANIFEST), ("package/Package.json", SCRIPTED)),
        packed(("p/package.json", MANIFEST), ("p/package.json", SCRIPTED), between=bytes(512)),
        packed(("p/package.json", MANIFEST), ("p/package.json", SCRIPTED), between=bytes(1024)),
    ],
)
def test_a_script_is_found_wherever_some_reader_finds_it(tmp_path: Path, data: bytes) -> None:
    assert scripts_in(put(tmp_path, data), "x", "1.0.0") == ("postinstall",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tarball({**MANIFEST, "name": "y"}, {}), "is of y@1.0.0"),
        (tarball({**MANIFEST, "version": "2.0.0"}, {}), "is of x@2.0.0"),
        (packed(("package/../package.json", SCRIPTED)), "put elsewhere"),
        (packed(("package/index.js", MANIFEST)), "no package.json"),
        (tarball(MANIFEST, {})[:-20], "no gzipped tar"),
        (b"no archive", "no gzipped tar"),
        (gzip.compress(b'{"name": "x"}', mtime=0), "no "),
    ],
)
def test_a_tarball_that_is_another_or_none_is_refused(
    tmp_path: Path, data: bytes, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        scripts_in(put(tmp_path, data), "x", "1.0.0")


def told(data: bytes) -> tuple[str, str]:
    return (
        f"sha256:{hashlib.sha256(data).hexdigest()}",
        f"sha512:{hashlib.sha512(data).hexdigest()}",
    )


def test_a_kept_file_is_one_by_all_its_digests_and_not_by_one_of_them(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 1 << 20)
    bad, good = told(b"bad"), told(b"good")
    with shelf.fresh() as part:
        part.write(b"bad")
        shelf.put(part, bad)
    assert shelf.find(bad) is not None
    assert shelf.find((bad[0], good[1])) is None
    assert shelf.find(bad) is not None


def test_the_shelf_is_bounded_and_what_was_not_asked_for_goes_first(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 250)
    bodies = [bytes([it]) * 100 for it in range(3)]
    for age, body in enumerate(bodies):
        with shelf.fresh() as part:
            part.write(body)
            path = shelf.put(part, told(body)).path
        if age < 2:
            import os

            os.utime(path, (1000 - age, 1000 - age))  # the second is the older one
    assert [shelf.find(told(it)) is not None for it in bodies] == [True, False, True]
    assert not list(tmp_path.glob("*.part"))
