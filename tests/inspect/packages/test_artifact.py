"""Artifacts: what they run is found without running it, and hostile ones are refused."""

import gzip
import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from built_packages import artifact, tarball, wheel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.inspect.packages.archive import HostileArchive, members
from tollway.inspect.packages.artifact import opened
from tollway.inspect.packages.entries import npm, pypi
from tollway.inspect.packages.shelf import looked_into, shelf_of
from tollway.pins.finding import Finding, Unaudited


def test_files_that_an_interpreter_starts_with_are_found_wherever_a_wheel_puts_them(
    tmp_path: Path,
) -> None:
    path = wheel(
        tmp_path,
        "x",
        "1.0",
        {
            "x/__init__.py": "",
            "x/data.pth": "is not at the top",
            "x_init.pth": "import x",
            "x-1.0.data/purelib/y.pth": "import x",
            "x-1.0.data/data/lib/python3.11/site-packages/z.pth": "import x",
            "sitecustomize.py": "",
            "x-1.0.data/platlib/usercustomize.py": "",
        },
    )
    found = opened(path)
    assert found is not None
    assert found.startup == (
        "sitecustomize.py",
        "x-1.0.data/data/lib/python3.11/site-packages/z.pth",
        "x-1.0.data/platlib/usercustomize.py",
        "x-1.0.data/purelib/y.pth",
        "x_init.pth",
    )
    assert found.oddities == ()


def test_a_wheel_is_held_against_its_record(tmp_path: Path) -> None:
    path = wheel(tmp_path, "x", "1.0", {"a.py": "1", "b.py": "2"}, unlisted=True)
    found = opened(path)
    assert found is not None
    assert [(it.rule, it.place) for it in found.oddities] == [("wheel.unlisted-file", "b.py")]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x-1.0.dist-info/entry_points.txt", "[console_scripts]\nx = x:main\n")
    again = opened(path)
    assert again is not None
    assert again.commands == ("x = x:main",)
    assert {it.place for it in again.oddities} == {"b.py", "x-1.0.dist-info/entry_points.txt"}


def test_a_record_that_tells_another_digest_is_found(tmp_path: Path) -> None:
    good = wheel(tmp_path, "x", "1.0", {"a.py": "print(1)"})
    bad = tmp_path / "y-1.0-py3-none-any.whl"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"print(2)" if name == "a.py" else old.read(name))
    found = opened(bad)
    assert found is not None
    assert [(it.rule, it.place) for it in found.oddities] == [("wheel.other-digest", "a.py")]


def test_an_npm_tarball_tells_its_lifecycle_scripts_and_commands(tmp_path: Path) -> None:
    manifest = {
        "name": "x",
        "scripts": {"postinstall": "node telemetry.js", "test": "true"},
        "bin": {"x": "cli.js"},
    }
    files = {"package.json": json.dumps(manifest), "telemetry.js": "", "binding.gyp": "{}"}
    found = opened(tarball(tmp_path / "x-1.0.0.tgz", files, "package"))
    assert found is not None
    assert found.scripts == ("postinstall: node telemetry.js", "install: node-gyp rebuild")
    assert found.commands == ("x = cli.js",)


def test_an_sdist_tells_what_builds_it(tmp_path: Path) -> None:
    files = {"setup.py": "", "pyproject.toml": '[build-system]\nbuild-backend = "x.y"\n'}
    found = opened(tarball(tmp_path / "x-1.0.tar.gz", files, "x-1.0"))
    assert found is not None
    assert found.scripts == ("setup.py", "build-backend: x.y")


def test_code_of_a_wheel_that_its_sdist_has_not_is_named(tmp_path: Path) -> None:
    one = wheel(tmp_path, "x", "1.0", {"x/a.py": "same", "x/b.py": "other", "x/c.pth": "new"})
    two = tarball(tmp_path / "x-1.0.tar.gz", {"src/x/a.py": "same", "src/x/b.py": "b"}, "x-1.0")
    package = pypi("x", "1.0", [artifact(one), artifact(two)])
    looked = looked_into(package, shelf_of(tmp_path)).looked
    found = [(it.rule, it.place, it.problem) for it in looked if isinstance(it, Finding)]
    assert found == [
        ("wheel.unlike-sdist", f"{one.name}: x/b.py", "the sdist has it otherwise"),
        ("wheel.unlike-sdist", f"{one.name}: x/c.pth", "the sdist does not have it"),
    ]


def test_a_file_of_the_locked_name_with_other_bytes_is_an_alarm(tmp_path: Path) -> None:
    path = tarball(tmp_path / "x-1.0.0.tgz", {"package.json": "{}"}, "package")
    package = npm("x", "1.0.0", [artifact(path, "sha512")])
    assert looked_into(package, shelf_of(tmp_path)).looked == ()
    tarball(path, {"package.json": "{ }"}, "package")
    looked = looked_into(package, shelf_of(tmp_path)).looked
    assert isinstance(looked[0], Finding)
    assert looked[0].rule == "artifact.other-bytes"
    assert isinstance(looked[1], Unaudited)


def _tar(path: Path, info: tarfile.TarInfo, data: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return path


def _info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (_info("../x"), "leads out"),
        (_info("/etc/x"), "leads out"),
        (_info("a/../../x"), "leads out"),
        (_info("a\\..\\x"), "leads out"),
        (_info("x-1/a", tarfile.SYMTYPE, "../../etc/passwd"), "leads out"),
        (_info("x-1/a", tarfile.LNKTYPE, "/etc/passwd"), "leads out"),
        (_info("x-1/a", tarfile.FIFOTYPE), "is a device"),
        (_info("x-1/a", tarfile.CHRTYPE), "is a device"),
    ],
)
def test_a_tarball_that_leads_out_of_itself_is_refused(
    tmp_path: Path, info: tarfile.TarInfo, why: str
) -> None:
    with pytest.raises(HostileArchive, match=why):
        members(_tar(tmp_path / "x-1.tar.gz", info))


def test_a_zip_with_a_link_a_twin_or_a_way_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    link = zipfile.ZipInfo("a")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for info, why in ((link, "link"), (zipfile.ZipInfo("../a"), "leads out")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(info, "x")
        with pytest.raises(HostileArchive, match=why):
            members(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(HostileArchive, match="twice"):
        members(path)


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x-1.tar.gz"
    header = _info("x-1/a")
    header.size = 600 << 20
    with gzip.open(path, "wb", compresslevel=9) as out:
        out.write(header.tobuf())
        block = bytes(1 << 20)
        for _ in range(300):
            out.write(block)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(HostileArchive, match="grows beyond"):
        members(path)


def test_a_header_that_says_it_is_huge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x-1.tar.gz"
    header = _info("x", tarfile.XHDTYPE)
    header.size = 64 << 20
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(header.tobuf(tarfile.GNU_FORMAT))
        out.write(bytes(1 << 20))
    with pytest.raises(HostileArchive, match="header"):
        members(path)


_quiet = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_quiet
@given(st.integers(0, 600), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_archive_is_read_or_refused(
    tmp_path: Path, at: int, junk: bytes, is_wheel: bool
) -> None:
    if is_wheel:
        path = wheel(tmp_path, "x", "1.0", {"a.py": "print(1)", "x.pth": "import a"})
    else:
        path = tarball(tmp_path / "x-1.0.0.tgz", {"package.json": "{}"}, "package")
    data = bytearray(path.read_bytes())
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    try:
        found = opened(path)
    except HostileArchive:
        return
    assert found is not None


def test_a_zip_that_reads_in_two_ways_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("harmless.py", "")
        archive.writestr("x.py", "")
    plain = path.read_bytes()
    assert set(members(path)) == {"harmless.py", "x.py"}
    path.write_bytes(plain.replace(b"harmless.py", b"evil123.pth", 1))  # in its own header alone
    with pytest.raises(HostileArchive, match="others than its directory names"):
        members(path)
    path.write_bytes(b"#!/bin/sh\n" + plain)
    with pytest.raises(HostileArchive, match="between its members"):
        members(path)
    path.write_bytes(plain + b"PK")
    with pytest.raises(HostileArchive, match="behind its members"):
        members(path)
