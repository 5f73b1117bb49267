"""Templates: whole or not there, and refused where they were changed."""

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import msgspec
import pytest

from tollway.cli.app import run
from tollway.errors import TollwayError
from tollway.sandbox.vm import template
from tollway.sandbox.vm.build import Wanted, build
from tollway.sandbox.vm.template import Manifest, Probe


def made(folder: Path, name: str = "default", **probe: object) -> Path:
    """A template's folder as a build leaves it, with files that are none."""
    place = folder / "templates" / ("d" * 64)
    place.mkdir(parents=True, exist_ok=True)
    for file in (template.KERNEL, template.ROOT, "state.tcg"):
        (place / file).write_bytes(file.encode())
    told = {"boots": False, "words": "no", "boot_id": template.boot_id(), "qemu": "7", **probe}
    manifest = Manifest(
        format=template.FORMAT,
        digest="d" * 64,
        memory=256 << 20,
        kernel="linux 6",
        packages={"bash": "5"},
        python={},
        qemu="7",
        files={it.name: template.described(it) for it in place.iterdir() if it.suffix != ".json"},
        probe=msgspec.convert(told, Probe),
        seconds=1.0,
    )
    (place / template.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    template.named(folder, name, place)
    return place


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["sandbox", *argv])
    return code, out.getvalue(), err.getvalue()


def test_a_template_whose_files_changed_is_refused(tmp_path: Path) -> None:
    place = made(tmp_path)
    assert template.find(tmp_path).manifest.digest == "d" * 64
    (place / template.ROOT).write_bytes(b"root.imG")
    with pytest.raises(TollwayError, match=r"root\.img is not as it was made.*--again"):
        template.find(tmp_path)
    (place / template.ROOT).unlink()
    with pytest.raises(TollwayError, match="not as it was made"):
        template.find(tmp_path)


def test_a_change_that_keeps_size_and_time_is_found_by_every_byte(tmp_path: Path) -> None:
    import os

    place = made(tmp_path)
    before = (place / template.ROOT).stat()
    (place / template.ROOT).write_bytes(b"root.imG")
    os.utime(place / template.ROOT, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = template.find(tmp_path)
    assert "root.img" in template.whole(found)


def test_a_missing_template_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(TollwayError, match="`tollway sandbox build` makes it"):
        template.find(tmp_path)
    made(tmp_path, "agents")
    with pytest.raises(TollwayError, match='Did you mean "agents"'):
        template.find(tmp_path, "agent")


def test_kvm_is_used_only_in_the_boot_that_saw_it_boot(tmp_path: Path) -> None:
    made(tmp_path, boots=True)
    assert template.find(tmp_path).accelerator() == "kvm"
    made(tmp_path, boots=True, boot_id="another boot")
    assert template.find(tmp_path).accelerator() == "tcg"
    made(tmp_path, boots=True, qemu="8")
    assert template.find(tmp_path).accelerator() == "tcg"
    made(tmp_path, boots=False)
    assert template.find(tmp_path).accelerator() == "tcg"


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "templates" / ".build-x" / "root").mkdir(parents=True)
    with template.alone(tmp_path):
        assert list((tmp_path / "templates").iterdir()) == []


def test_a_template_goes_with_its_last_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_SANDBOX", str(tmp_path))
    place = made(tmp_path)
    template.named(tmp_path, "other", place)
    assert called("remove", "other")[0] == 0
    assert place.is_dir()
    code, out, _ = called("list", "--json")
    assert code == 0
    assert json.loads(out)[0]["names"] == ["default"]
    assert called("remove", "default")[0] == 0
    assert not place.exists()
    code, out, err = called("list")
    assert (code, out) == (0, "")
    assert "tollway sandbox build" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("build", "--memory", "5"), "512MiB or 1GiB"),
        (("build", "--name", "../x"), "no name for a template"),
        (("remove", "nothing"), "no template"),
    ],
)
def test_a_wrong_word_is_one_line_with_the_mend(
    argv: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_SANDBOX", str(tmp_path))
    code, out, err = called(*argv)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_without_its_programs_a_build_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.sandbox.vm.tools.found", lambda program: None)
    monkeypatch.setattr("tollway.sandbox.vm.build.found", lambda program: Path("/bin/true"))
    with pytest.raises(TollwayError, match="`apt-get install e2fsprogs` brings it"):
        asyncio.run(build(Wanted(), tmp_path, "x", lambda words: None))
    monkeypatch.setattr("tollway.sandbox.vm.build.found", lambda program: None)
    with pytest.raises(TollwayError, match="make them on Debian"):
        asyncio.run(build(Wanted(), tmp_path, "x", lambda words: None))


def test_the_doctor_names_what_is_missing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_SANDBOX", str(tmp_path))
    monkeypatch.setattr("tollway.sandbox.vm.doctor.found", lambda program: None)
    code, out, _ = called("doctor", "--json")
    assert code == 1
    told = json.loads(out)
    assert not told["tiers"]["vm"]["runs"]
    assert "qemu-system-x86" in told["install"]
