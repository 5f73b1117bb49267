"""PyTorch Lightning, 30 April 2026: 2.6.2 ran code at its import, and was there for 42 minutes.

The replica's code writes a file. Controls: the cooldown; the lock.
"""

from pathlib import Path

import pytest
from index_rig import FORTY_TWO_MINUTES, Upstream, decisions, installing, pypi

from tollway.pins.component import Artifact, PypiPackage
from tollway.pins.lock import Lock, lock_text

MARK = "import pathlib\npathlib.Path('ran').write_text('at import')\n"


@pytest.fixture
def upstream():
    with Upstream() as it:
        it.add_wheel("lightning", "2.6.1", {"lightning/__init__.py": ""})
        it.add_wheel("lightning", "2.6.2", {"lightning/__init__.py": MARK}, age=FORTY_TWO_MINUTES)
        yield it


def test_the_cooldown_gives_pip_the_version_before(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "on", {"pypi": pypi(upstream)}, young="ask") as programs:
        assert programs.pip("lightning").returncode == 0
        assert programs.has("lightning-2.6.1")
        pinned = programs.uv("lightning==2.6.2")
        assert pinned.returncode != 0
        assert "42-minutes-old-and-the-cooldown-is-7-days" in pinned.stderr
        assert not (programs.into / "ran").exists()
    assert ("asked", "pypi:lightning@2.6.2", "index.young") in decisions(programs)


def test_the_lock_knows_no_other_bytes(tmp_path: Path, upstream: Upstream) -> None:
    good = upstream.pages["lightning"][0]
    artifact = Artifact(name=good["filename"], digest=f"sha256:{good['hashes']['sha256']}")
    package = PypiPackage(
        name="lightning", version="2.6.1", purl="pkg:pypi/lightning@2.6.1", artifacts=(artifact,)
    )
    lock = lock_text(Lock(component=(package,)))
    with installing(tmp_path / "on", {"pypi": pypi(upstream)}, 'mode = "lock"', lock) as programs:
        assert programs.uv("lightning==2.6.2").returncode != 0
        assert programs.uv("lightning").returncode == 0
        assert programs.has("lightning-2.6.1")


def test_without_a_control_it_runs(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "off", {"pypi": pypi(upstream)}) as programs:
        assert programs.uv("lightning").returncode == 0
        programs.python("import lightning")
        assert (programs.into / "ran").read_text() == "at import"
