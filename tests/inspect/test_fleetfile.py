# ruff: noqa: E501 - a fault is one line, and is shown whole here
"""Fleet files on disk: includes stay in the folder, and every fault names its place."""

import os
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tollway.errors import FaultsFound
from tollway.fleet.credential import Credential
from tollway.inspect.demo import demo_fleet_text
from tollway.inspect.fleetfile import LARGEST_FILE, MOST_FILES, read_documents, read_fleet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fleet").mkdir()
    return tmp_path / "fleet"


def written(folder: Path, include: str, **files: str) -> Path:
    path = folder / "fleet.toml"
    path.write_text(f"version = 1\ninclude = {include}\n" + demo_fleet_text().partition("1\n")[2])
    for name, text in files.items():
        target = folder / name.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        (target.parent / f"{target.name}.toml").write_text(text)
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(FaultsFound) as caught:
        read_fleet(path)
    return [str(fault).replace(str(path.parent), "DIR") for fault in caught.value.faults]


def test_includes_are_read_once_in_order_and_named_by_their_path(folder: Path) -> None:
    path = written(
        folder, '["b.toml", "*.toml", "sub/**/*.toml"]', a="", b="", sub__x__y="", sub__z=""
    )
    expected = ["fleet.toml", "b.toml", "a.toml", "sub/x/y.toml", "sub/z.toml"]
    assert list(read_documents(path)) == expected


def test_a_glob_may_match_nothing_and_a_path_may_not(folder: Path) -> None:
    assert list(read_documents(written(folder, '["none/*.toml"]'))) == ["fleet.toml"]
    assert faults(written(folder, '["none.toml"]')) == snapshot(
        ['fleet.toml: include[0] is "none.toml", which is not there. Write the file, or its path.']
    )


@pytest.mark.parametrize("pattern", ["../x.toml", "/etc/*.toml", "a/../../x.toml", "..", "*/../.."])
def test_an_include_cannot_leave_the_folder(folder: Path, pattern: str) -> None:
    (folder.parent / "x.toml").write_text("")
    (found,) = faults(written(folder, f'["{pattern}"]'))
    assert found == (
        f'fleet.toml: include[0] is "{pattern}", which leads out of the folder. '
        "Name files within the fleet file's folder."
    )


def test_a_link_cannot_leave_the_folder_either(folder: Path) -> None:
    (folder.parent / "secret.toml").write_text("[tenants.x]")
    (folder / "link.toml").symlink_to(folder.parent / "secret.toml")
    for include in ('["link.toml"]', '["*.toml"]'):
        assert faults(written(folder, include)) == [
            "fleet.toml: include[0] leads out of the folder by the link link.toml. "
            "Copy the file into the folder."
        ]


def test_links_within_the_folder_are_followed_as_container_platforms_use_them(
    folder: Path,
) -> None:
    written(folder, '["*.toml"]')
    data = folder / "..2026_01_01"
    data.mkdir()
    (folder / "fleet.toml").rename(data / "fleet.toml")
    (data / "more.toml").write_text("[tenants.more]")
    (folder / "..data").symlink_to(data.name)
    for name in ("fleet.toml", "more.toml"):
        (folder / name).symlink_to(f"..data/{name}")
    assert list(read_documents(folder / "fleet.toml")) == ["fleet.toml", "more.toml"]


def test_every_kind_of_unreadable_file_is_a_fault(folder: Path) -> None:
    (folder / "loop.toml").symlink_to("loop.toml")
    (folder / "latin.toml").write_bytes(b"# ok\n# caf\xe9\n")
    (folder / "large.toml").write_bytes(b"#" * (LARGEST_FILE + 1))
    (folder / "dir.toml").mkdir()
    os.mkfifo(folder / "pipe.toml")
    names = ("loop", "latin", "large", "dir", "pipe")
    include = "[" + ", ".join(f'"{name}.toml"' for name in names) + "]"
    found = faults(written(folder, include))
    assert found[1:] == snapshot(
        [
            "latin.toml is not UTF-8 at line 2. Save the file as UTF-8.",
            "large.toml is larger than 1 MiB. Split it: include files, each for one thing.",
            "dir.toml is not a regular file. Name a TOML file.",
            "pipe.toml is not a regular file. Name a TOML file.",
        ]
    )
    # The rest is the system's word for a loop, and differs between versions of Python.
    assert found[0].startswith('fleet.toml: include[0] is "loop.toml": ')


def test_a_main_file_that_cannot_be_read_is_a_fault_with_the_path_as_given(folder: Path) -> None:
    assert faults(folder / "no.toml") == snapshot(
        [
            "DIR/no.toml cannot be read: no such file or directory. Name a file that can be read; `tollway init` writes a first one."
        ]
    )
    assert faults(folder) == snapshot(["DIR/fleet is not a regular file. Name a TOML file."])


def test_faults_of_includes_and_of_the_text_come_together(folder: Path) -> None:
    path = written(folder, '["none.toml", "more.toml"]', more="[tenants.x]\nclas = 1")
    path.write_text(path.read_text().replace('chip = "h200"', "chip = 1"))
    assert faults(path) == snapshot(
        [
            'fleet.toml: include[0] is "none.toml", which is not there. Write the file, or its path.',
            "fleet.toml: sources.h200.chip is 1, not text. Write text.",
            'more.toml: tenants.x.clas is not a key of this table; known: budget, class, limits, price_book, routes. Did you mean "class"?',
        ]
    )


def test_too_many_files_are_a_fault(folder: Path) -> None:
    path = written(folder, '["*.toml"]')
    for number in range(MOST_FILES + 1):
        (folder / f"x{number:03}.toml").write_text("")
    assert faults(path) == ["fleet.toml: include matches over 500 files. Name them more narrowly."]


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    path = written(folder, "[]")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_fleet(path).models


def test_relative_secret_and_ca_files_are_found_from_the_fleet_files_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(folder, '["more.toml"]', more=SOURCES)
    monkeypatch.chdir(folder.parent)
    fleet = read_fleet(Path("fleet/fleet.toml"))
    assert fleet.sources["near"].credential == Credential("file", str(folder / "keys/near"))
    assert fleet.sources["near"].ca_file == str(folder / "ca.pem")
    assert fleet.sources["far"].credential == Credential("file", "/run/secrets/far")
    assert read_fleet(path).digest == fleet.digest


SOURCES = """
[credentials]
near = "file:keys/near"
far = "file:/run/secrets/far"
[sources.near]
kind = "api"
url = "https://near.test/v1"
credential = "near"
ca_file = "ca.pem"
serves = { "llama-3.3-70b" = {} }
[sources.far]
kind = "api"
url = "https://far.test/v1"
credential = "far"
serves = { "llama-3.3-70b" = {} }
"""
